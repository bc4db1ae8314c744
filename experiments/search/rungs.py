"""Random members of the default space trained on every rung: what the engine is tried on, as if it searched them.

    python experiments/search/rungs.py          # the built-in data, 120 members on rung 1, 30 of them on rungs 2 and 3

Appends to results/rungs.csv as scores come, and goes on where it was stopped. Seeds 0 and 1.
"""

from __future__ import annotations

import csv
import os
from functools import partial
from pathlib import Path

import numpy as np

from nas.engine import Workers
from nas.proxies import RUNGS, ShortTraining
from nas.spaces import decode, load_space

RESULTS = Path(__file__).parent / "results"
MEMBERS, CLIMBERS, TWICE = 120, 30, 12
FIELDS = ["arch", "rung", "seed", "score", "test", "seconds"]


def main() -> None:
    space, rng = load_space("yolov8n"), np.random.default_rng(5)
    drawn = [space.stock(), *space.uniform_replacements(), *(space.random(rng) for _ in range(2 * MEMBERS))]
    members = list(dict.fromkeys(map(str, drawn)))[:MEMBERS]
    path = RESULTS / "rungs.csv"
    done = list(csv.DictReader(path.open())) if path.exists() else []
    there = {(row["arch"], int(row["rung"]), int(row["seed"])) for row in done}
    tasks = [(arch, 1, 0) for arch in members] + [(arch, 1, 1) for arch in members[:CLIMBERS]]
    tasks += [(arch, rung, 0) for arch in members[:CLIMBERS] for rung in range(2, RUNGS + 1)]
    tasks += [(arch, rung, 1) for arch in members[:TWICE] for rung in range(2, RUNGS + 1)]
    todo = [task for task in tasks if task not in there]
    make = partial(ShortTraining, "shapes", Path())
    nc = make().dataset.nc
    workers = Workers(make, len(os.sched_getaffinity(0)), threads=1)
    futures = [workers.score(decode(arch).detector(nc), seed, rung=rung) for arch, rung, seed in todo]
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if not done:
            writer.writeheader()
        for (arch, rung, seed), future in zip(todo, futures, strict=True):
            outcome = future.result()
            test = "" if outcome.test is None else f"{outcome.test:.6f}"
            figures = {"score": f"{outcome.score:.6f}", "test": test, "seconds": f"{outcome.seconds:.2f}"}
            writer.writerow({"arch": arch, "rung": rung, "seed": seed, **figures})
            file.flush()
    workers.pause()


if __name__ == "__main__":
    main()
