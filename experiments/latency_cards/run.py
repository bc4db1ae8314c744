"""Report cards beyond the shipped ones: other families, two threads, larger images, a busy machine. See README.md.

    python experiments/latency_cards/run.py DIR [CASE ...]

Works in DIR and continues where it was stopped: a case with a card in results/ is done. The cases that build nothing
start from a copy of this machine's onnxruntime table (`python -m nas.latency build --runtime onnxruntime`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas.latency.builder import TableBuilder
from nas.latency.checking import check_table, held_out_models
from nas.latency.completion import CLASSES, build_table, complete_table
from nas.latency.opening import open_builder, open_table
from nas.spaces.space import DEFAULT_SPACE, load_space
from nas.terminal import Terminal

RESULTS = Path(__file__).parent / "results"
FIGURES = (
    *("within_5pct", "within_10pct", "mean_error", "worst_error", "bias"),
    *("spearman", "retest_spearman", "iso_pairs", "noise", "built"),
)


@dataclass(frozen=True)
class Case:
    """A report card.

    Attributes:
        models: Number of random members.
        space: Their search space.
        threads: Threads of the runtime.
        imgsz: Image size in pixels.
        build: True if the table is measured anew.
        busy: True if it is measured while another process works.
    """

    models: int = 12
    space: str = DEFAULT_SPACE
    threads: int = 1
    imgsz: int = 320
    build: bool = False
    busy: bool = False


CASES = {
    "burst": Case(models=40, build=True, busy=True),
    "yolo11n": Case(space="yolo11n"),
    "yolov5n": Case(space="yolov5n"),
    "threads2": Case(threads=2, build=True),
    "640": Case(imgsz=640),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the tables")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)}; all by default")
    options = parser.parse_args()
    run(options.folder, options.cases or list(CASES))


def run(folder: Path, names: Sequence[str]) -> None:
    """Write the cards of these cases."""
    folder.mkdir(parents=True, exist_ok=True)
    RESULTS.mkdir(exist_ok=True)
    for name in names:
        result = RESULTS / f"{name}.json"
        if not result.exists():
            facts = card(CASES[name], folder / f"{name}.csv")
            result.write_text(json.dumps(facts, indent=1) + "\n")
            print(name, {column: facts[column] for column in FIGURES}, flush=True)


def card(case: Case, path: Path) -> dict[str, object]:
    """The report card of a case, as `python -m nas.latency check --json` prints it."""
    builder = case_builder(case, path)
    space, default = load_space(case.space), load_space(DEFAULT_SPACE)
    fitted = [*space.calibration(CLASSES), *default.calibration(CLASSES)]
    models = held_out_models(space, case.models, 0, CLASSES, fitted)
    with Terminal() as terminal:
        complete_table(builder, models, case.imgsz, terminal.bar)
        return check_table(builder, models, case.imgsz, terminal.bar, space.name).facts()


def case_builder(case: Case, path: Path) -> TableBuilder:
    """The builder of a case's table: measured anew, or a copy of this machine's table."""
    if not case.build:
        source = open_table(runtime="onnxruntime").source
        if source is None:
            raise SystemExit("build this machine's table first: python -m nas.latency build --runtime onnxruntime")
        for suffix in (".csv", ".json"):
            shutil.copyfile(source.with_suffix(suffix), path.with_suffix(suffix))
    builder = open_builder(runtime="onnxruntime", threads=case.threads, path=path)
    if case.build:
        with bursts(case.busy), Terminal() as terminal:
            build_table(builder, [load_space(DEFAULT_SPACE)], [case.imgsz], CLASSES, terminal.bar)
    return builder


@contextmanager
def bursts(wanted: bool) -> Iterator[None]:
    """Run another process, if wanted, that works on one core for one to three seconds and then rests as long."""
    if not wanted:
        yield
        return
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, __file__, "--burst"], env=environment)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def burst() -> None:
    """Work and rest until the process is killed."""
    rng, square = random.Random(0), np.random.default_rng(0).random((256, 256))
    while True:
        end = time.monotonic() + rng.uniform(1, 3)
        while time.monotonic() < end:
            square @ square
        time.sleep(rng.uniform(1, 3))


if __name__ == "__main__":
    if sys.argv[1:] == ["--burst"]:
        burst()
    main()
