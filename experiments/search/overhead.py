"""Time of the driver itself for each trial: everything but measuring and training.

    python experiments/search/overhead.py [SAMPLER ...]

Searches the space yolov8n for 1,000 candidates that need no training, with this machine's onnxruntime table (build it
first: `python -m nas.latency build`) and a study on disk; trials.csv is written after every trial. Writes
results/overhead.json: the median ms of the trials around the 50th and of the last hundred, by sampler.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from concurrent.futures import Future
from itertools import pairwise
from pathlib import Path
from statistics import median

from nas.detectors.rows import Detector
from nas.files import write
from nas.latency.opening import open_builder
from nas.objectives.limits import Limits
from nas.objectives.target import Target
from nas.proxies.outcome import Outcome
from nas.runs.study import open_study
from nas.runs.trials import TrialRecord, trials_frame
from nas.search.driver import Driver
from nas.search.samplers import SAMPLERS
from nas.spaces.space import Space, load_space

RESULTS = Path(__file__).parent / "results"
BUDGET = 1000


def score(detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
    """A score from a hash of the rows, without training."""
    future: Future[Outcome] = Future()
    digest = hashlib.sha256(repr(detector).encode()).digest()
    future.set_result(Outcome(0.2 + digest[0] / 2**12, 0.0, ()))
    return future


def main() -> None:
    space = load_space("yolov8n")
    builder = open_builder(runtime="onnxruntime", force=True)  # it need not fit this machine
    builder.ensure(space.rows(6, 320))
    builder.calibrate(space.calibration(6), 320)
    path = RESULTS / "overhead.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    for name in sys.argv[1:] or ["guided", "tpe", "random"]:
        with tempfile.TemporaryDirectory() as folder:
            ms = trial_ms(name, Target(builder.table, 6, (320,)), space, Path(folder))
        found[name] = {"around_50": round(median(ms[25:75]), 1), "last_100": round(median(ms[-100:]), 1)}
        print(name, found[name], flush=True)
        path.write_text(json.dumps(found, indent=1) + "\n")


def trial_ms(name: str, target: Target, space: Space, folder: Path) -> list[float]:
    """Time of each trial of a search in ms."""
    study, ends = open_study(f"sqlite:///{folder}/study.db", "study", "score"), [time.perf_counter()]
    known: list[TrialRecord] = []

    def ended(record: TrialRecord) -> None:
        known.append(record)
        write(folder / "trials.csv", trials_frame(known).to_csv(index=False))
        ends.append(time.perf_counter())

    Driver(study, space, target, score, SAMPLERS[name](), 0, BUDGET, Limits()).run(ended)
    return [(b - a) * 1e3 for a, b in pairwise(ends)]


if __name__ == "__main__":
    main()
