"""Found detectors against stock, narrower and hand-made ones, on real data. See README.md.

    python experiments/headline/run.py bccd ../shared/data/bccd/data.yaml [STEP ...]
    python experiments/headline/run.py scenes SCENES/data.yaml [STEP ...]        # written by experiments/scenes.py

The steps run in this order, all by default: ``search``, by default and at random, from a fresh table of this machine's
onnxruntime; ``latency``, all contestants measured in one session for each runtime; ``proxy``, the score of each in a
search; ``train``, training by `nas.train` and test of each, with two seeds; ``again``, a third seed for the front and
models near it; ``page``, figure and tables. Nothing else may run during the first two. Appends rows to
results/SET-*.csv as they come, and continues where it was stopped. Runs and checkpoints stay in --work.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from contestants import BY_HAND, STOCK, WIDTHS, narrowed, stock
from page import MACHINE, load, page

import nas
from nas.data.loading import class_names
from nas.execution.local_workers import LocalWorkers
from nas.latency.opening import open_builder
from nas.proxies.short import ShortTraining
from nas.spaces.space import DEFAULT_SPACE, load_space

RESULTS = Path(__file__).parent / "results"
TRAIN = Path(__file__).with_name("train.py")
DEPLOYED = 320
"""Pixels of an image where latency counts."""
SETS = {
    "bccd": {"imgsz": 320, "epochs": 30, "batch": 16, "nbs": 16},
    "scenes": {"imgsz": 96, "epochs": 28, "batch": 32},
}
"""Training of each set. On bccd, with 13 batches in an epoch, every batch is a step (``nbs``). By default Ultralytics
accumulates four batches of 16 images for one step, and a hundred steps teach little."""
RECIPE = {"optimizer": "AdamW", "lr0": 0.003, "warmup_epochs": 1, "mosaic": 0, "cache": "ram", "val": False}
"""Other arguments of `nas.train`: its default recipe learns too slowly from scratch for a CPU (README.md)."""
SEEDS = (0, 1)
THIRD = 2
BUDGET = 50
SEARCHES: dict[str, dict[str, str]] = {"found": {}, "found at random": {"sampler": "random"}}
"""Options of each search, beside those of all."""
MOST = {"found": 8, "found at random": 4}
"""Most contestants of each front. They are spread evenly over its latencies."""
RUNTIMES = ("onnxruntime", "openvino")
METRICS = {"ap": "metrics/mAP50-95(B)", "ap50": "metrics/mAP50(B)"}
FIELDS = ["name", "kind", "seed", *METRICS, "seconds"]


@dataclass(frozen=True)
class Contestant:
    """A detector that is compared.

    Attributes:
        name: Its name.
        kind: ``stock``, ``narrower``, ``by hand``, or the keys of SEARCHES that found it, joined by "and".
        detector: Its rows.
    """

    name: str
    kind: str
    detector: nas.Detector

    @property
    def file(self) -> str:
        """Its name as the name of a file."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.name).lower()


@dataclass(frozen=True)
class Headline:
    """The experiment on one data set.

    Attributes:
        name: Its name in the results.
        data: Its data.yaml.
        work: Folder of runs and checkpoints.
        device: Device of the trainings, as Ultralytics names it.
    """

    name: str
    data: Path
    work: Path
    device: str

    @property
    def nc(self) -> int:
        """Number of classes."""
        return len(class_names(str(self.data)))

    @property
    def copy(self) -> Path:
        """The data.yaml that trainings read: Ultralytics writes into its folder."""
        return self.work / "data" / self.data.name

    def file(self, kind: str) -> Path:
        """A file of the results."""
        return RESULTS / f"{self.name}-{kind}.csv"

    def contestants(self) -> Iterator[Contestant]:
        """Stock models, found models, narrower models, and models made by hand."""
        for name in STOCK:
            yield Contestant(name, "stock", stock(name, self.nc))
        fronts = pd.read_csv(self.file("fronts"))
        chosen: dict[str, list[str]] = {}
        for kind, most in MOST.items():
            front = fronts[(fronts.kind == kind) & (fronts.arch != str(load_space(DEFAULT_SPACE).stock()))]
            for arch in front.arch.iloc[evenly(np.log(front.latency_ms.to_numpy()), most)]:
                chosen.setdefault(arch, []).append(kind)
        for arch, kinds in chosen.items():
            name = fronts[fronts.arch == arch].name.iloc[0].split("-")[-1]
            yield Contestant(f"{kinds[0]} {name}", " and ".join(kinds), nas.load_detector(arch, self.nc))
        for width in WIDTHS:
            yield Contestant(f"yolov8n x {width}", "narrower", narrowed(stock("yolov8n", self.nc), width))
        for name, make in BY_HAND.items():
            yield Contestant(name, "by hand", make(self.nc))

    def search(self) -> None:
        """Run all searches, the first from a fresh table; keep their fronts, trials and durations."""
        if self.file("fronts").exists():
            return
        fronts, facts = [], {}
        os.environ["PARETO_YOLO_HOME"] = str(self.work / "home")
        for kind, options in SEARCHES.items():
            name = kind.replace(" ", "-")
            folder = self.work / name
            config = nas.SearchConfig(
                device="cpu",
                budget=BUDGET,
                imgsz=DEPLOYED,
                data=str(self.data),
                out=folder,
                resume=(folder / "run.json").exists(),
                **options,
            )
            result = nas.run_search(config)
            fronts.append(result.run.table("pareto").assign(kind=kind))
            noise = {"tells_apart": result.score_noise.tells_apart, "text": result.run.result.trust}
            facts[kind] = {"seconds": result.run.record.seconds, "signal": asdict(result.score_noise) | noise}
            shutil.copy(folder / "trials.csv", self.file(f"trials-{name}"))
        (RESULTS / f"{self.name}-search.json").write_text(json.dumps(facts, indent=1) + "\n")
        pd.concat(fronts).to_csv(self.file("fronts"), index=False)

    def latency(self) -> None:
        """Measure all contestants end-to-end, interleaved, with one thread; and predict each from its rows."""
        contestants = list(self.contestants())
        detectors = [contestant.detector for contestant in contestants]
        calibration = load_space(DEFAULT_SPACE).calibration(self.nc)
        os.environ["PARETO_YOLO_HOME"] = str(self.work / "home")
        for runtime in RUNTIMES:
            if (path := self.file(f"latency-{runtime}")).exists():
                continue
            builder = open_builder(runtime=runtime)
            builder.ensure(row for detector in (*detectors, *calibration) for row in detector.resolve(DEPLOYED))
            builder.calibrate(calibration, DEPLOYED)
            rows = []
            measurements = builder.measure_end_to_end(detectors, [DEPLOYED] * len(detectors))
            table = builder.table
            for contestant, measured in zip(contestants, measurements, strict=True):
                cost = contestant.detector.cost(DEPLOYED)
                predicted = table.predict(contestant.detector, DEPLOYED).total_ms
                latencies = predicted, measured.ms, measured.spread_ms
                rows.append([contestant.name, contestant.kind, cost.params, cost.macs, *latencies])
            names = ["name", "kind", "params", "macs", "predicted_ms", "ms", "spread_ms"]
            frame = pd.DataFrame(rows, columns=names).round(4)
            frame.assign(**{name: table.fingerprint[name] for name in MACHINE}).to_csv(path, index=False)
            print(f"{runtime}: noise: {builder.noise}")

    def proxy(self) -> None:
        """Score every contestant by the short training of a default search."""
        path = self.file("proxy")
        done = set(pd.read_csv(path)[["name", "seed"]].itertuples(index=False, name=None)) if path.exists() else set()
        todo = [(c, seed) for seed in SEEDS for c in self.contestants() if (c.name, seed) not in done]
        workers = LocalWorkers(
            partial(ShortTraining, str(self.data), self.work), len(os.sched_getaffinity(0)), threads=1
        )
        fields = ["name", "seed", "score", "loss", "seconds"]
        with appended(path, fields) as append:
            for (contestant, seed), scored in [(task, workers.score(task[0].detector, task[1])) for task in todo]:
                outcome = scored.result()
                figures = round(outcome.score, 4), round(outcome.curve[-1]["loss"], 3), round(outcome.seconds)
                append(dict(zip(fields, (contestant.name, seed, *figures), strict=True)))
        workers.pause()

    def train(self) -> None:
        """Train every contestant with every seed; the first seed of all comes before the second."""
        self._train([(contestant, seed) for seed in SEEDS for contestant in self.contestants()])

    def again(self) -> None:
        """Train some contestants with a third seed: those that no faster one beats by more than two standard errors,
        and the most accurate stock model, with which all are compared."""
        table = load(self.name)
        if table is None or table.seeds.min() < len(SEEDS):
            raise SystemExit("again: run the steps latency and train first")
        near = {
            name
            for name, row in table.iterrows()
            if not (table[table.onnxruntime_ms < row.onnxruntime_ms].ap > row.ap + 2 * np.sqrt(2) * row.se).any()
        }
        near.add(table.ap[table.kind == "stock"].idxmax())
        self._train([(contestant, THIRD) for contestant in self.contestants() if contestant.name in near])

    def _train(self, tasks: Iterable[tuple[Contestant, int]]) -> None:
        path = self.file("trained")
        there = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=FIELDS)
        done = set(zip(there.name, there.seed, strict=True))
        todo = [(contestant, seed) for contestant, seed in tasks if (contestant.name, seed) not in done]
        if not self.copy.exists():
            shutil.copytree(self.data.parent, self.copy.parent, dirs_exist_ok=True)
        at_once = len(os.sched_getaffinity(0)) if self.device == "cpu" else 1
        with appended(path, FIELDS) as append, ThreadPoolExecutor(at_once) as pool:
            for training in as_completed([pool.submit(self._trained, *task) for task in todo]):
                append(training.result())

    def _trained(self, contestant: Contestant, seed: int) -> dict[str, Any]:
        """Train once from scratch, and test the last checkpoint."""
        began, recipe = time.perf_counter(), SETS[self.name] | RECIPE
        folder = self.work / f"{contestant.file}-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "model.yaml").write_text(contestant.detector.to_yaml(contestant.name))
        given = recipe | {"model": folder / "model.yaml", "data": self.copy, "seed": seed, "device": self.device}
        given |= {"project": folder, "name": "run", "workers": 0, "plots": False, "verbose": False}
        command(TRAIN, *(f"{name}={value}" for name, value in given.items()), OMP_NUM_THREADS="1", to=folder / "log")
        words = TRAIN, "test", next(folder.rglob("last.pt")), self.copy, recipe["imgsz"], self.device
        command(*words, OMP_NUM_THREADS="1", to=folder / "test")
        metrics = json.loads((folder / "test").read_text().splitlines()[-1])
        figures = {name: round(metrics[key], 5) for name, key in METRICS.items()}
        seconds = round(time.perf_counter() - began)
        return {"name": contestant.name, "kind": contestant.kind, "seed": seed, **figures, "seconds": seconds}


def evenly(values: np.ndarray, count: int) -> list[int]:
    """Indices of at most ``count`` values: those nearest to equal steps from the smallest to the largest."""
    if len(values) <= count:
        return list(range(len(values)))
    steps = np.linspace(values.min(), values.max(), count)
    return sorted({int(np.abs(values - step).argmin()) for step in steps})


@contextmanager
def appended(path: Path, fields: list[str]) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that appends a row to a CSV and prints it."""
    with path.open("a", newline="") as file:
        table = csv.DictWriter(file, fields, lineterminator="\n")
        if not path.stat().st_size:
            table.writeheader()

        def append(row: dict[str, Any]) -> None:
            table.writerow(row)
            file.flush()
            print(row, flush=True)

        yield append


def command(*words: object, to: Path | None = None, **environment: str) -> None:
    """Run Python with these arguments; ``to`` is a file for its output."""
    with (to or Path(os.devnull)).open("w") as file:
        output = {"stdout": file, "stderr": subprocess.STDOUT} if to else {}
        subprocess.run([sys.executable, *map(str, words)], check=True, env=os.environ | environment, **output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(SETS))
    parser.add_argument("data", type=Path, help="the set's data.yaml")
    parser.add_argument("steps", nargs="*", help="search, latency, proxy, train, again, page; all by default")
    parser.add_argument("--work", type=Path, default=Path("/tmp/headline"))
    parser.add_argument("--device", default="cpu", help="device that trains, as Ultralytics names it")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    work = (options.work / options.name).resolve()
    headline = Headline(options.name, options.data.resolve(), work, options.device)
    steps = {name: getattr(headline, name) for name in ("search", "latency", "proxy", "train", "again")} | {
        "page": page
    }
    for step in options.steps or steps:
        steps[step]()


if __name__ == "__main__":
    main()
