"""What the driver itself takes, a trial: everything but measuring and training.

    python experiments/search/overhead.py [SAMPLER ...]

A search of 1,000 candidates of the default space whose scores are there at once, with this machine's onnxruntime
table (built first: `python -m nas.latency build`) and a study on disk. Writes results/overhead.json: by sampler, the
median ms of the trials around the 50th and the last hundred.
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

from nas.detectors import Detector
from nas.engine import SAMPLERS, Driver, Limits, Target, open_study
from nas.proxies import Outcome
from nas.spaces import load_space
from nas.tables import open_table

RESULTS = Path(__file__).parent / "results"
BUDGET = 1000


def score(detector: Detector, seed: int, /, rung: int = 1) -> Future[Outcome]:
    """At once, by the rows alone."""
    future: Future[Outcome] = Future()
    digest = hashlib.sha256(repr(detector).encode()).digest()
    future.set_result(Outcome(0.2 + digest[0] / 2**12, 0.0, ()))
    return future


def main() -> None:
    space, table = load_space("yolov8n"), open_table(runtime="onnxruntime")
    table.ensure(space.rows(6, 320))
    table.calibrate(space.calibration(6), 320)
    path = RESULTS / "overhead.json"
    found = json.loads(path.read_text()) if path.exists() else {}
    for name in sys.argv[1:] or ["guided", "tpe", "random"]:
        with tempfile.TemporaryDirectory() as folder:
            study = open_study(f"sqlite:///{folder}/study.db", "study", "score")
            driver = Driver(study, space, Target(table, 6, 320), score, SAMPLERS[name](), 0, BUDGET, Limits())
            ends = [time.perf_counter()]
            driver.run(lambda record, ends=ends: ends.append(time.perf_counter()))
        ms = [(b - a) * 1e3 for a, b in pairwise(ends)]
        found[name] = {"around_50": round(median(ms[25:75]), 1), "last_100": round(median(ms[-100:]), 1)}
        print(name, found[name], flush=True)
        path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
