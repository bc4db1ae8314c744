"""Scores of the members that truth.py trains, by every proxy.

    python experiments/proxy_fidelity/scores.py bccd ../shared/data/bccd/data.yaml [PROXY ...]
    python experiments/proxy_fidelity/scores.py scenes SCENES/data.yaml short@60 short@240
    python experiments/proxy_fidelity/scores.py shapes shapes

PROXY is a proxy of the package or of single_scores.py. PROXY@STEPS trains for another number of steps than its default.
Appends rows to results/scores-NAME.csv as they come, and continues where it was stopped. Seeds are 0 and 1. Seconds are
those of one thread beside another process, as in a search. ``loss`` is the mean training loss over the last quarter of
the steps, a score at no extra cost (Ru et al., NeurIPS 2021).
"""

from __future__ import annotations

import argparse
import csv
import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean

from single_scores import COMPARED, compared_class

import nas
from nas.data.loading import load
from nas.execution.local_workers import LocalWorkers
from nas.spaces.space import load_space

RESULTS = Path(__file__).parent / "results"
FIELDS = ["proxy", "fingerprint", "arch", "seed", "score", "loss", "seconds"]
SEEDS = ("0", "1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="name of the set in the results")
    parser.add_argument("data", help="shapes, or the set's data.yaml")
    parser.add_argument("proxies", nargs="*", help="all by default")
    parser.add_argument("--work", type=Path, default=Path("/tmp/proxy_fidelity"), help="folder of trained templates")
    options = parser.parse_args()
    members = [row["arch"] for row in csv.DictReader((RESULTS / "members.csv").open())]
    path = RESULTS / f"scores-{options.name}.csv"
    done = list(csv.DictReader(path.open())) if path.exists() else []
    finished = {(row["proxy"], row["fingerprint"], row["arch"], row["seed"]) for row in done}
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if not done:
            writer.writeheader()
        for label in options.proxies or COMPARED:
            name, _, steps = label.partition("@")
            kind = compared_class(name)
            recipe = replace(kind.recipe, steps=int(steps)) if steps else kind.recipe
            folder, space = options.work / options.name, load_space("yolov8n")
            make = partial(kind, load(options.data, recipe.imgsz), folder, space=space, recipe=recipe)
            proxy = make()
            proxy.prepare()  # here, so that the workers find it done
            seeds = SEEDS if name not in {"params", "macs"} else SEEDS[:1]
            todo = [(a, s) for s in seeds for a in members if (label, proxy.fingerprint, a, s) not in finished]
            workers = LocalWorkers(make, len(os.sched_getaffinity(0)), threads=1)
            futures = [workers.score(nas.load_detector(arch, proxy.dataset.nc), int(seed)) for arch, seed in todo]
            for (arch, seed), future in zip(todo, futures, strict=True):
                outcome = future.result()
                late = [row["loss"] for row in outcome.curve if row["step"] > 0.75 * recipe.steps]
                loss = f"{fmean(late):.6f}" if late else ""
                figures = {"score": f"{outcome.score:.6f}", "loss": loss, "seconds": f"{outcome.seconds:.2f}"}
                writer.writerow(
                    {"proxy": label, "fingerprint": proxy.fingerprint, "arch": arch, "seed": seed, **figures}
                )
                file.flush()
            workers.pause()
            print(options.name, label, len(todo), "scored", flush=True)


if __name__ == "__main__":
    main()
