"""Number of workers that one driver keeps busy: a search whose trainings take no time. See README.md.

    python experiments/scale/run.py throughput|driver|answer

Run it on a machine that does nothing else. ``throughput`` appends trials per second to results/throughput.csv: with 1,
2, 4 and 8 workers, as processes of this machine and as workers of a Dask cluster on loopback, with the study in a
SQLite file and on PostgreSQL. ``driver`` appends the time of the driver itself to results/driver.csv, for each trial of
one long search without training. ``answer`` writes results/answer.csv from them. Existing rows are not run again.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
from fake import Fake, make

import nas
from nas.execution.cluster.link import Link
from nas.execution.executors import executor_class
from nas.execution.local_workers import LocalWorkers
from nas.objectives.limits import Limits
from nas.objectives.target import Target
from nas.proxies.outcome import Outcome
from nas.runs.storage import ServerStorage
from nas.runs.study import open_study
from nas.search.driver import Driver
from nas.search.samplers import SAMPLERS
from nas.spaces.space import load_space

HERE = Path(__file__).parent
RESULTS = HERE / "results"
COUNTS, TRIALS, LONG = (1, 2, 4, 8), 60, 1000
KEYS = {"throughput": ("executor", "storage", "workers"), "driver": ("sampler", "storage")}
MINUTES = (1, 5, 30)
"""Durations of a trial."""
AT = (100, 1000)
"""Numbers of earlier trials. The driver slows down with them."""


class Table:
    """A latency table whose predictions follow the MACs."""

    def predict(self, detector: nas.Detector, imgsz: int) -> SimpleNamespace:
        """See `nas.LatencyTable`."""
        return SimpleNamespace(total_ms=detector.cost(imgsz).macs / 1e7)


def driver(storage: Any, name: str, score: Any, budget: int, workers: int = 1, sampler: str = "guided") -> Driver:
    """The driver of a search of the space yolov8n."""
    study = open_study(storage, name, "AP50-95 (proxy)")
    target = Target(Table(), 3, (320,))  # type: ignore[arg-type]
    return Driver(study, load_space("yolov8n"), target, score, SAMPLERS[sampler](), 0, budget, Limits(), workers)


@contextmanager
def storages(kind: str) -> Iterator[Any]:
    """A new storage for one search."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "sqlite":
            yield f"sqlite:///{folder}/study.db"
            return
        script = [str(HERE.parent.parent / ".ci" / "postgres"), folder]
        url = subprocess.run(script, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        storage = ServerStorage(url)
        storage.own("scale")
        try:
            yield storage
        finally:
            storage.close()
            subprocess.run([*script, "stop"], check=True)


@contextmanager
def executors(kind: str, count: int) -> Iterator[Any]:
    """An executor whose processes have started."""
    with ExitStack() as stack:
        if kind == "local":
            workers: Any = LocalWorkers(make, count, 1)
        else:
            address = started(stack, "nas.scheduler", "--port", "0", wait=r"^scheduler (\S+);")
            started(stack, "nas.worker", address, "--slots", str(count), wait=r"(: joined)")
            workers = executor_class(address)(make, count, 1, address=address, link=Link())
        stack.callback(workers.pause)
        ready = [workers.score(load_space("yolov8n").stock().detector(3), seed) for seed in range(4 * count)]
        for future in ready:
            future.result()
        yield workers


def started(stack: ExitStack, module: str, *options: str, wait: str) -> str:
    """Start a command of the package; return the text that ``wait`` matches in its output."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", module, *options]
    process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment))
    stack.callback(process.terminate)
    assert process.stdout is not None
    return next(match[1] for line in process.stdout if (match := re.search(wait, line)))


def throughput(executor: str, storage: str, workers: int) -> list[dict[str, Any]]:
    """Trials per second of a search."""
    with storages(storage) as study_storage, executors(executor, workers) as pool:
        search = driver(study_storage, "scale", pool.score, TRIALS, workers)
        began = time.perf_counter()
        search.run(lambda record: None)
        seconds = time.perf_counter() - began
    return [{"trials": TRIALS, "per_second": round(TRIALS / seconds, 3)}]


def driver_times(sampler: str, storage: str, budget: int = LONG) -> list[dict[str, Any]]:
    """Time of the driver itself for each trial."""
    proxy, ends = Fake(), [time.perf_counter()]

    def score(detector: nas.Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        future.set_result(proxy.score(detector, seed))
        return future

    with storages(storage) as study_storage:
        search = driver(study_storage, "scale", score, budget, sampler=sampler)
        search.run(lambda record: ends.append(time.perf_counter()))
    spans = itertools.pairwise(ends)
    return [{"number": number, "seconds": round(end - start, 5)} for number, (start, end) in enumerate(spans)]


def answer() -> None:
    """Workers that one driver keeps busy: duration of a trial / time of the driver for one."""
    frame = pd.read_csv(RESULTS / "driver.csv")
    found = []
    for (sampler, storage), rows in frame.groupby(["sampler", "storage"]):
        for trials in AT:
            near = rows[(rows.number - trials).abs() <= trials // 10].seconds.mean()
            busy = {f"workers_at_{minutes}_min": int(60 * minutes / near) for minutes in MINUTES}
            found.append(
                {"sampler": sampler, "storage": storage, "trials": trials, "driver_ms": round(1e3 * near, 1)} | busy
            )
    pd.DataFrame(found).to_csv(RESULTS / "answer.csv", index=False)


def missing(name: str, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cases that are not in the results yet."""
    file = RESULTS / f"{name}.csv"
    if not file.exists():
        return wanted
    there = {tuple(map(str, row)) for row in pd.read_csv(file)[list(KEYS[name])].itertuples(index=False)}
    return [case for case in wanted if tuple(map(str, case.values())) not in there]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("throughput", "driver", "answer"))
    what = parser.parse_args().what
    RESULTS.mkdir(exist_ok=True)
    if what == "answer":
        answer()
        return
    values: Any
    kinds = ("sqlite", "postgresql")
    if what == "throughput":
        values = itertools.product(("local", "dask"), kinds, COUNTS)
    else:
        values = itertools.product(("guided", "random"), kinds)
    cases = [dict(zip(KEYS[what], of, strict=True)) for of in values]
    for case in missing(what, cases):
        found = throughput(**case) if what == "throughput" else driver_times(**case)
        rows = [case | row for row in found]
        with (RESULTS / f"{what}.csv").open("a", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            if not file.tell():
                table.writeheader()
            table.writerows(rows)
        print(case, len(rows), flush=True)


if __name__ == "__main__":
    main()
