"""Scores of the stock, the smallest and random members with two seeds each; see README.md.

Every finished row is appended at once; the next start skips it. On two cores, two processes of one thread score more
candidates than one process of two threads.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np

import nas
from nas.execution.local_workers import LocalWorkers
from nas.proxies.base import Proxy
from nas.proxies.registry import PROXIES, proxy_class
from nas.spaces.space import load_space

HERE = Path(__file__).parent
RESULTS = HERE / "results"
FIELDS = ["proxy", "fingerprint", "candidate", "arch", "params", "seed", "score", "seconds"]
ABOVE_ZERO = 0.01  # "clearly above zero"


def make(proxy: str, data: str, folder: Path) -> Proxy:
    """The proxy of a worker process."""
    return proxy_class(proxy)(data, folder)


def candidates(space_name: str, count: int) -> dict[str, str]:
    """Architecture strings by label."""
    space, rng = load_space(space_name), np.random.default_rng(0)
    random = {f"random{i}": str(space.random(rng)) for i in range(count)}
    return {"stock": str(space.stock()), "smallest": str(space.smallest()), **random}


def summarize(rows: list[dict[str, str]]) -> dict[str, object]:
    """Figures of one proxy on one data set. Every candidate has the same seeds."""
    scores: dict[str, list[float]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: int(row["seed"])):
        scores[row["candidate"]].append(float(row["score"]))
    random = {name: values for name, values in scores.items() if name.startswith("random")}
    means = {name: statistics.fmean(values) for name, values in scores.items()}
    within = statistics.fmean(statistics.variance(values) for values in random.values()) ** 0.5
    # Candidates of one seed share the order of the data and the initial weights of equal rows. An effect of the seed on
    # all candidates does not change their order.
    shift = [statistics.fmean(column) for column in zip(*random.values(), strict=True)]
    own = [[value - common for value, common in zip(values, shift, strict=True)] for values in random.values()]
    degrees = (len(random) - 1) * (len(shift) - 1)
    squares = sum((value - statistics.fmean(values)) ** 2 for values in own for value in values)
    paired = (squares / degrees) ** 0.5
    between = statistics.stdev(means[name] for name in random)
    everything = [value for values in scores.values() for value in values]
    return {
        "scores": len(everything),
        "share_above_zero": sum(value > ABOVE_ZERO for value in everything) / len(everything),
        "stock": round(means["stock"], 4),
        "smallest": round(means["smallest"], 4),
        "random_min": round(min(means[name] for name in random), 4),
        "random_max": round(max(means[name] for name in random), 4),
        "sd_between_architectures": round(between, 5),
        "sd_between_seeds": round(within, 5),
        "ratio": round(between / within, 2),
        "sd_between_seeds_without_common_shift": round(paired, 5),
        "ratio_without_common_shift": round(between / paired, 2),
        "seconds_median": round(statistics.median(float(row["seconds"]) for row in rows), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="shapes", help="shapes, or the path of a data.yaml")
    parser.add_argument("--proxy", default="short", choices=sorted(PROXIES))
    parser.add_argument("--space", default="yolov8n")
    parser.add_argument("--members", type=int, default=10, help="random members of the space")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("/tmp/proxy_signal"), help="folder of a trained template")
    options = parser.parse_args()

    name = options.data if options.data == "shapes" else Path(options.data).resolve().parent.name
    proxy = proxy_class(options.proxy)(options.data, options.work)
    proxy.prepare()  # here, so that the workers find it done
    path = RESULTS / f"{name}.csv"
    path.parent.mkdir(exist_ok=True)
    done = list(csv.DictReader(path.open())) if path.exists() else []
    finished = {(row["fingerprint"], row["arch"], row["seed"]) for row in done}
    todo = [
        {"proxy": proxy.name, "fingerprint": proxy.fingerprint, "candidate": label, "arch": arch, "seed": str(seed)}
        for seed in range(options.seeds)
        for label, arch in candidates(options.space, options.members).items()
        if (proxy.fingerprint, arch, str(seed)) not in finished
    ]
    workers = LocalWorkers(partial(make, proxy.name, options.data, options.work), options.workers, threads=1)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        if not done:
            writer.writeheader()
        detectors = [nas.load_detector(row["arch"], proxy.dataset.nc) for row in todo]
        trainings = [workers.score(d, int(row["seed"])) for d, row in zip(detectors, todo, strict=True)]
        for row, detector, training in zip(todo, detectors, trainings, strict=True):
            outcome = training.result()
            figures = {"score": f"{outcome.score:.6f}", "seconds": f"{outcome.seconds:.2f}"}
            done.append(row | {"params": str(detector.cost().params)} | figures)
            writer.writerow(done[-1])
            file.flush()
            print({key: done[-1][key] for key in ("candidate", "seed", "score", "seconds")}, flush=True)
    workers.pause()

    summary_path = RESULTS / "summary.json"
    summary = json.loads(summary_path.read_text()) if summary_path.exists() else {}
    current = [row for row in done if row["fingerprint"] == proxy.fingerprint]
    summary[f"{name}/{proxy.name}"] = {"fingerprint": proxy.fingerprint} | summarize(current)
    summary_path.write_text(json.dumps(summary, indent=2) + "\n")
    print(json.dumps(summary[f"{name}/{proxy.name}"], indent=2))


if __name__ == "__main__":
    main()
