"""Truth that proxies are judged by: members of the space yolov8n trained long.

    python experiments/proxy_fidelity/truth.py bccd ../shared/data/bccd/data.yaml
    python experiments/proxy_fidelity/truth.py scenes SCENES/data.yaml      # written by experiments/scenes.py

Trains every member in results/members.csv from scratch with seed 0, and three of each band with seed 1 too. These come
first, so that the agreement of seeds shows early. Appends each score to results/truth-NAME.csv as it comes; a stopped
run continues with the rest. Each core has a process of one thread, or `--device cuda` trains on a GPU.
"""

from __future__ import annotations

import argparse
import csv
import os
from dataclasses import asdict
from functools import partial
from pathlib import Path

import nas
from nas.data.loading import load
from nas.execution.local_workers import LocalWorkers
from nas.proxies.recipe import Recipe
from nas.proxies.short import ShortTraining

RESULTS = Path(__file__).parent / "results"
FIELDS = ["fingerprint", "band", "arch", "seed", "score", "seconds"]
RECIPES = {
    # 40 epochs of 205 images, 14 of 1600. On bccd members differ no more than seeds do, at 96 px as at 160 (README.md).
    "bccd": Recipe(imgsz=160, batch=16, steps=520, lr=3e-3),
    "scenes": Recipe(imgsz=96, batch=32, steps=700, lr=3e-3),
}
TWICE = 3
"""Members of each band that are trained with a second seed."""
MOST = 5000
"""More images than both sets have: all are used."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("data", help="the set's data.yaml")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", type=int, help="number of trainings after which it stops")
    options = parser.parse_args()
    recipe = RECIPES[options.name]
    dataset = load(options.data, recipe.imgsz, max_train=MOST, max_val=MOST)
    make = partial(ShortTraining, dataset, Path(), recipe=recipe, device=options.device)
    fingerprint = make().fingerprint
    path = RESULTS / f"truth-{options.name}.csv"
    done = list(csv.DictReader(path.open())) if path.exists() else []
    if other := {row["fingerprint"] for row in done} - {fingerprint}:
        raise SystemExit(
            f"{path}: holds scores of another recipe or data set ({', '.join(sorted(other))}); move it away"
        )
    finished = {(row["arch"], row["seed"]) for row in done}
    todo = [task for task in tasks() if (task["arch"], task["seed"]) not in finished][: options.only]
    print(f"{options.name}: {dataset.note}; {len(finished)} trainings done, {len(todo)} left; {asdict(recipe)}")
    count = len(os.sched_getaffinity(0)) if options.device == "cpu" else 1
    workers = LocalWorkers(make, count, threads=1)
    trainings = [workers.score(nas.load_detector(task["arch"], dataset.nc), int(task["seed"])) for task in todo]
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if not done:
            writer.writeheader()
        for task, training in zip(todo, trainings, strict=True):
            outcome = training.result()
            figures = {"score": f"{outcome.score:.6f}", "seconds": f"{outcome.seconds:.1f}"}
            writer.writerow({"fingerprint": fingerprint, **task, **figures})
            file.flush()
            print(task["band"], task["arch"], task["seed"], figures, flush=True)
    workers.pause()


def tasks() -> list[dict[str, str]]:
    """All trainings. The bands take turns, so that a part of them is representative; members with two seeds come
    first."""
    members = list(csv.DictReader((RESULTS / "members.csv").open()))
    bands: dict[str, list[str]] = {}
    for member in members:
        bands.setdefault(member["band"], []).append(member["arch"])
    most = max(map(len, bands.values()))
    turns = [[(band, archs[turn]) for band, archs in bands.items() if turn < len(archs)] for turn in range(most)]
    first = [(*task, "0") for turn in turns[:TWICE] for task in turn]
    again = [(*task, "1") for turn in turns[:TWICE] for task in turn]
    rest = [(*task, "0") for turn in turns[TWICE:] for task in turn]
    return [{"band": band, "arch": arch, "seed": seed} for band, arch, seed in (*first, *again, *rest)]


if __name__ == "__main__":
    main()
