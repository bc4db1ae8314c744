"""Does the truth agree with the scores of Ultralytics' trainer for the same members?

    python experiments/proxy_fidelity/trainer.py scenes SCENES/data.yaml

Trains members of results/members.csv by `nas.train` with its default recipe, the same number from each latency band,
at the truth's image size and for as many images. Appends the AP50-95 of the last epoch to results/trainer-NAME.csv as
it comes; members with a row are not trained again. `judge.py` compares.
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
from truth import RECIPES, RESULTS

import nas
from nas.data.loading import load

FIELDS = ["arch", "seed", "score", "seconds"]
EACH = 3
"""Members from each band."""
METRIC = "metrics/mAP50-95(B)"


def members() -> list[str]:
    """The first members of each band, which the truth trained with two seeds; the bands take turns."""
    table = pd.read_csv(RESULTS / "members.csv")
    bands = [list(band.arch[:EACH]) for name, band in table.groupby("band") if name != "stock"]
    return [arch for turn in zip(*bands, strict=True) for arch in turn]


def trained(arch: str, nc: int, data: str, imgsz: int, epochs: int, batch: int) -> dict[str, object]:
    """Train one member; return its row."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.yaml"
        file.write_text(nas.load_detector(arch, nc).to_yaml())
        options = {"model": file, "data": data, "imgsz": imgsz, "epochs": epochs, "batch": batch, "seed": 0}
        options |= {"device": "cpu", "workers": 0, "project": folder, "name": "run", "val": False, "save": False}
        options |= {"plots": False, "verbose": False}
        command = [sys.executable, "-m", "nas.train", *(f"{name}={value}" for name, value in options.items())]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=environment)
        results = pd.read_csv(next(Path(folder).rglob("results.csv")), skipinitialspace=True)
    score, seconds = round(float(results[METRIC].iloc[-1]), 5), round(time.perf_counter() - began)
    return {"arch": arch, "seed": 0, "score": score, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("data", help="the set's data.yaml")
    options = parser.parse_args()
    recipe = RECIPES[options.name]
    dataset = load(options.data, recipe.imgsz, max_train=10**6)
    epochs = round(recipe.steps * recipe.batch / len(dataset.train))
    path = RESULTS / f"trainer-{options.name}.csv"
    there = set(pd.read_csv(path).arch) if path.exists() else set()
    todo = [arch for arch in members() if arch not in there]
    data = str(Path(options.data).resolve())
    with path.open("a", newline="") as file, ThreadPoolExecutor(2) as pool:
        table = csv.DictWriter(file, FIELDS, lineterminator="\n")
        if not there:
            table.writeheader()
        for row in pool.map(lambda arch: trained(arch, dataset.nc, data, recipe.imgsz, epochs, recipe.batch), todo):
            table.writerow(row)
            file.flush()
            print(row, flush=True)


if __name__ == "__main__":
    main()
