"""Choose the members of the space yolov8n that are trained long: bands of equal latency, and the stock model.

    python experiments/proxy_fidelity/members.py

Draws 3,000 random members and predicts their latency (onnxruntime, one thread, 320 pixels, this machine's table). Takes
eight members from each of four bands of latency, from the fast to the slow end; a band is 4 % wide. The members of a
band are chosen to differ: the next one has the largest minimum distance to those chosen, by operators, widths and
depths. Only latency and choices are used: no member was trained before.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from nas.latency.opening import open_builder
from nas.spaces.architecture import Architecture
from nas.spaces.space import load_space

RESULTS = Path(__file__).parent / "results"
SPACE, NC, SIZE = "yolov8n", 80, 320
DRAWN, QUANTILES, WITHIN, PER_BAND = 3000, (0.05, 0.3, 0.7, 0.95), 0.02, 8


def main() -> None:
    space, rng, builder = load_space(SPACE), np.random.default_rng(11), open_builder(runtime="onnxruntime")
    builder.ensure(space.rows(NC, SIZE))
    builder.calibrate(space.calibration(NC), SIZE)
    table = builder.table
    drawn = list(dict.fromkeys(space.random(rng) for _ in range(DRAWN)))
    latency = {member: table.predict(member.detector(NC), SIZE).total_ms for member in (space.stock(), *drawn)}
    rows = [("stock", space.stock())]
    for band, middle in enumerate(np.quantile([latency[member] for member in drawn], QUANTILES)):
        inside = [member for member in drawn if abs(latency[member] / middle - 1) <= WITHIN]
        rows += [(str(band), member) for member in spread(inside, PER_BAND)]
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / "members.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["band", "arch", "latency_ms", "params", "macs"])
        for label, member in rows:
            cost = member.detector(NC).cost(SIZE)
            writer.writerow([label, member, f"{latency[member]:.4f}", cost.params, cost.macs])


def spread(members: list[Architecture], count: int) -> list[Architecture]:
    """``count`` members that differ much: each next one has the largest minimum distance to those before it."""
    chosen = members[:1]
    while len(chosen) < count:
        chosen.append(max(members, key=lambda member: min(distance(member, other) for other in chosen)))
    return chosen


def distance(one: Architecture, other: Architecture) -> float:
    """Sum over the stages: 1 for another operator, plus the differences of widths (in octaves) and depths (a half)."""
    total = 0.0
    for a, b in zip(one.backbone, other.backbone, strict=True):
        total += float((a.family, a.shell) != (b.family, b.shell))
        total += abs(float(np.log2(a.channels / b.channels))) + abs(a.depth - b.depth) / 2
    return total


if __name__ == "__main__":
    main()
