"""Report cards beyond the shipped ones: other families, two threads, larger images, a busy machine. See README.md.

    python experiments/latency_cards/run.py DIR [CASE ...]

Works in DIR and goes on where it was stopped: a case whose card is in results/ is done. The cases that build nothing
start from a copy of this machine's onnxruntime table (`python -m nas.latency build --runtime onnxruntime`).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from nas.latency.opening import builder_for
from nas.latency.runtimes.registry import choose

RESULTS = Path(__file__).parent / "results"
FIGURES = (
    *("within_5pct", "within_10pct", "mean_error", "worst_error", "bias"),
    *("spearman", "retest_spearman", "iso_pairs", "noise", "built"),
)
BUSY = ("burst",)
BUILT = (*BUSY, "threads2")
OPTIONS = {
    "burst": ["--models", "40"],
    "yolo11n": ["--models", "12", "--space", "yolo11n"],
    "yolov5n": ["--models", "12", "--space", "yolov5n"],
    "threads2": ["--models", "12", "--threads", "2"],
    "640": ["--models", "12", "--imgsz", "640"],
}
"""By case, what `check` is told; the tables of those ``BUILT`` are measured anew, ``BUSY`` ones on a busy machine."""


def main(folder: Path, names: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(exist_ok=True)
    for name in names or OPTIONS:
        result = RESULTS / f"{name}.json"
        if not result.exists():
            table = folder / f"{name}.csv"
            take(name, table)
            card = json.loads(latency("check", table, *OPTIONS[name], "--json"))
            result.write_text(json.dumps(card, indent=1) + "\n")
            print(name, {column: card[column] for column in FIGURES}, flush=True)


def take(name: str, table: Path) -> None:
    """Have this case's table at a path."""
    if name not in BUILT:
        held = builder_for(choose("onnxruntime")).table.path
        for suffix in (".csv", ".json"):
            shutil.copyfile(held.with_suffix(suffix), table.with_suffix(suffix))
    elif name in BUSY:
        with bursts():
            latency("build", table)
    else:
        latency("build", table, *OPTIONS[name][2:])


def latency(command: str, table: Path, *options: str) -> str:
    words = [sys.executable, "-m", "nas.latency", command, "--runtime", "onnxruntime", "--table", str(table), *options]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def bursts() -> Iterator[None]:
    """Another process that keeps one core busy for one to three seconds, then rests as long, over and over."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, __file__, "--burst"], env=environment)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def burst() -> None:
    rng, square = random.Random(0), np.random.default_rng(0).random((256, 256))
    while True:
        end = time.monotonic() + rng.uniform(1, 3)
        while time.monotonic() < end:
            square @ square
        time.sleep(rng.uniform(1, 3))


if __name__ == "__main__":
    if sys.argv[1:] == ["--burst"]:
        burst()
    main(Path(sys.argv[1]), sys.argv[2:])
