"""Speed of searches: samplers, starts, gates and rungs on spaces whose true front is known. See README.md.

    python experiments/search/run.py yolobench ../shared/data/yolobench [VARIANT ...]
    python experiments/search/run.py own - [VARIANT ...]

Appends one row for each search to results/BENCH.csv. A row holds two hypervolumes after every trained candidate: of the
scores that the search saw, and of the true scores of the front that it would have handed over then. It also holds the
regret: the share of the true front's hypervolume that the final front lacks. Rows that exist are not run again. The
search itself is the package's own; only the scores are looked up.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from bench import ONE_RUNG, VARIANTS, opened, search
from volume import Volume

from nas.proxies.rungs import FACTOR
from nas.runs.trials import read_trials

RESULTS = Path(__file__).parent / "results"
SEEDS = 20
FIELDS = ["variant", "seed", "told", "truth", "regret", "handed_over", "cost", "trials", "seconds"]


def judged_search(bench_name: str, folder: Path, name: str, seed: int) -> dict[str, Any]:
    """Search once; return the row of the results."""
    bench, variant = opened(bench_name, folder), VARIANTS[name]
    began = time.perf_counter()
    found = search(bench, variant, seed)
    volume = Volume(bench, bench.limit(variant))
    trained = [row.arch for row in found.trials if row.trained]
    told, truth = [], []
    for count in range(1, len(trained) + 1):
        within = [arch for arch in trained[:count] if volume.counts(arch)]
        told.append(volume.share(within, bench.told))
        truth.append(volume.share(volume.front(within, bench.told), bench.truth))
    finalists = [standing.row.arch for standing in found.finalists if volume.counts(standing.row.arch)]
    handed_over = volume.front(finalists, bench.truth if variant.rungs > 1 else bench.told)
    rungs = [row.rung or 1 for row in read_trials(found.study) if row.trained]
    return {
        "variant": name,
        "seed": seed,
        "told": json.dumps([round(value, 5) for value in told]),
        "truth": json.dumps([round(value, 5) for value in truth]),
        "regret": round(1 - volume.share(handed_over, bench.truth), 5),
        "handed_over": len(handed_over),
        "cost": sum(map(_cost, rungs)),
        "trials": len(found.study.trials),
        "seconds": round(time.perf_counter() - began, 2),
    }


def _cost(highest: int) -> int:
    """Cost of a candidate in trainings of the first rung; the third rung trains twice."""
    return sum(FACTOR ** (rung - 1) * (2 if rung == 3 else 1) for rung in range(1, highest + 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", choices=["yolobench", "own"])
    parser.add_argument("folder", type=Path, help="data of the bench; - for own")
    parser.add_argument("variants", nargs="*", help="all by default")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the rows are written")
    options = parser.parse_args()
    options.results.mkdir(exist_ok=True, parents=True)
    path = options.results / f"{options.bench}.csv"
    done = list(csv.DictReader(path.open())) if path.exists() else []
    there = {(row["variant"], int(row["seed"])) for row in done}
    names = options.variants or (ONE_RUNG if options.bench == "own" else list(VARIANTS))
    todo = [(name, seed) for seed in range(options.seeds) for name in names if (name, seed) not in there]
    with path.open("a", newline="") as file, ProcessPoolExecutor(options.processes) as pool:
        writer = csv.DictWriter(file, FIELDS)
        if not done:
            writer.writeheader()
        for future in [pool.submit(judged_search, options.bench, options.folder, name, seed) for name, seed in todo]:
            writer.writerow(future.result())
            file.flush()


if __name__ == "__main__":
    main()
