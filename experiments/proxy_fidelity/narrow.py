"""Do much narrower members differ more on bccd? Six of results/members.csv, with all widths divided by 4.

    python experiments/proxy_fidelity/narrow.py ../shared/data/bccd/data.yaml

The widths of the neck are divided too. Trains each by truth.py's recipe with two seeds, appends its score to
results/narrow-bccd.csv, and prints the spreads.
"""

from __future__ import annotations

import csv
import json
import sys
from functools import partial
from pathlib import Path
from statistics import fmean, stdev

from truth import MOST, RECIPES, RESULTS

from nas.data.loading import load
from nas.execution.local_workers import LocalWorkers
from nas.proxies.short import ShortTraining
from nas.spaces.architecture import Architecture, choose, decode

BANDS, OF_EACH, BY, SEEDS = ("0", "1", "3"), 2, 4, (0, 1)
FIELDS = ["arch", "seed", "score", "seconds", "params"]


def main(data: str) -> None:
    recipe = RECIPES["bccd"]
    dataset = load(data, recipe.imgsz, max_train=MOST, max_val=MOST)
    path = RESULTS / "narrow-bccd.csv"
    done = list(csv.DictReader(path.open())) if path.exists() else []
    finished = {(row["arch"], row["seed"]) for row in done}
    todo = [(member, seed) for seed in SEEDS for member in members() if (str(member), str(seed)) not in finished]
    workers = LocalWorkers(partial(ShortTraining, dataset, Path(), recipe=recipe), 1, threads=1)
    trainings = [workers.score(member.detector(dataset.nc), seed) for member, seed in todo]
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if not done:
            writer.writerow(FIELDS)
        for (member, seed), training in zip(todo, trainings, strict=True):
            outcome = training.result()
            params = member.detector(dataset.nc).cost().params
            writer.writerow([member, seed, f"{outcome.score:.6f}", f"{outcome.seconds:.1f}", params])
            file.flush()
    workers.pause()
    print(json.dumps(spreads(list(csv.DictReader(path.open())))))


def spreads(rows: list[dict[str, str]]) -> dict[str, float]:
    """Standard deviations: between members, trained with the first seed, and between the two seeds of one."""
    by_seed = [{row["arch"]: float(row["score"]) for row in rows if row["seed"] == str(seed)} for seed in SEEDS]
    apart = [by_seed[0][arch] - by_seed[1][arch] for arch in by_seed[0]]
    seeds = fmean(difference**2 / 2 for difference in apart) ** 0.5
    return {"members": round(stdev(by_seed[0].values()), 4), "seeds": round(seeds, 4)}


def members() -> list[Architecture]:
    """The narrowed members; the bands take turns."""
    bands: dict[str, list[str]] = {}
    for row in csv.DictReader((RESULTS / "members.csv").open()):
        bands.setdefault(row["band"], []).append(row["arch"])
    return [narrowed(decode(bands[band][turn])) for turn in range(OF_EACH) for band in BANDS]


def narrowed(member: Architecture) -> Architecture:
    """The member with channels divided by `BY` in every stage, in multiples of 8."""
    stages = {}
    for name, choice in member.stages.items():
        channels = max(8, choice.channels // BY // 8 * 8)
        stages[name] = choose(choice.family, choice.shell, channels, choice.depth, choice.named(), choice.neck)
    return member.replace(stages)


if __name__ == "__main__":
    main(sys.argv[1])
