"""Correction that turns a sum of rows into the latency of the complete model. See README.md.

    python experiments/latency_prediction/run.py onnxruntime torch openvino

For each runtime, it measures 32 members of the space yolov8n end-to-end, twice; their rows one by one, with and without
the conversions at a row's ends; and their rows inside 16 further models, by the runtime's own profile. Then it predicts
24 of the 32 from each source: by the plain sum, by a factor and by a line, fitted on the other 8. Results are saved as
they come, and a stopped run continues.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from profiles import row_seconds

import nas
from nas.files import write
from nas.latency.entries import Key, Part
from nas.latency.error_figures import figures
from nas.latency.modules import build
from nas.latency.opening import open_builder
from nas.latency.reference import bench
from nas.latency.runtimes.registry import choose
from nas.spaces.space import load_space

SIZE, NC, CALIBRATION, HELD_OUT, PROFILED = 320, 80, 8, 24, 16
RESULTS = Path(__file__).parent / "results"
INSIDE = "rows, inner ends left out"

Row = dict[str, float]


def main(names: Sequence[str]) -> None:
    for name in names or ["onnxruntime", "torch", "openvino"]:
        path = RESULTS / f"{name}.json"
        kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

        def keep(key: str, make: Callable[[], Any], kept: dict[str, Any] = kept, path: Path = path) -> Any:
            if key not in kept:
                print(f"{path.stem}: {key} ...", flush=True)
                kept[key] = make()
                write(path, json.dumps(kept, indent=1) + "\n")
            return kept[key]

        study(name, keep)
        print(f"{name}\n" + "\n".join(markdown(kept["cards"])))


def study(name: str, keep: Callable[[str, Callable[[], Any]], Any]) -> None:
    space = load_space("yolov8n")
    rng = np.random.default_rng(1)
    members = [*space.calibration(NC), *(space.random(rng).detector(NC) for _ in range(HELD_OUT))]
    others = [space.random(rng).detector(NC) for _ in range(PROFILED)]
    builder = open_builder(runtime=name)
    keep("identity", lambda: builder.table.fingerprint)

    def inside() -> dict[str, float]:
        builder.ensure(row for member in members for row in member.resolve(SIZE))
        return {str(key): measured.ms for key, measured in builder.table.entries.items()}

    def wholes() -> list[list[float]]:
        return [[m.ms for m in session] for session in builder.measure_twice(members, SIZE)]

    entries = {INSIDE: keep("inside", inside), "rows alone": keep("alone", lambda: one_by_one(builder.table, members))}
    first, second = map(np.array, keep("wholes", wholes))
    profiles = keep("profiles", lambda: [row_seconds(name, other, SIZE, 1, 30) for other in others])
    overhead = builder.table.header.overhead_ms
    truth = (first + second) / 2
    sources = {source: np.array([summed(found, member) for member in members]) for source, found in entries.items()}
    sources["profiles of other wholes"] = np.array(in_context(profiles, others, entries[INSIDE], members))
    costs = [member.cost(SIZE) for member in members]
    sources["MACs"] = np.array([one.macs / 1e9 for one in costs])
    sources["memory access"] = np.array([one.memory_access / 1e6 for one in costs])

    def cards() -> dict[str, dict[str, float]]:
        fit, test = slice(0, CALIBRATION), slice(CALIBRATION, None)
        found = {}
        for source, x in sources.items():
            slope, intercept = np.polyfit(x[fit], truth[fit], 1)
            factor = np.exp(np.mean(np.log((truth - overhead)[fit] / x[fit])))
            ways = {"plain sum": x + overhead, "factor": factor * x + overhead, "line": slope * x + intercept}
            for way, predicted in ways.items():
                if way != "plain sum" or source not in {"MACs", "memory access"}:
                    found[f"{source}: {way}"] = figures(predicted[test], first[test], second[test])
        return found

    keep("cards", cards)


def one_by_one(table: nas.LatencyTable, members: Sequence[nas.Detector]) -> dict[str, float]:
    """Milliseconds by entry, from rows that are timed as models of their own, with conversions at all ends."""
    parts = {key: part.at(key.depth) for d in members for part in map(Part.of, d.resolve(SIZE)) for key in part.needs()}
    runtime = choose(str(table.fingerprint["runtime"]))
    timer, found = bench(runtime, table.header.reference_ms / 1e3), {}
    keys = list(parts)
    for start in range(0, len(keys), 32):
        batch = keys[start : start + 32]
        measured = timer.measure([runtime.prepare(*build(parts[key])) for key in batch])
        for key, (ms, *_) in zip(batch, measured, strict=True):
            found[str(key)] = max(0.0, ms - table.header.overhead_ms)
    return found


def summed(entries: Row, member: nas.Detector) -> float:
    return sum(row_ms(entries, Part.of(row)) for row in member.resolve(SIZE))


def row_ms(entries: Row, part: Part) -> float:
    base = entries[str(part.key(1))]
    deep = entries[str(part.key(3))] if part.depth > 1 else base
    return part.times * (base + (part.depth - 1) * max(0.0, deep - base) / 2)


def in_context(
    profiles: Sequence[Sequence[float]], others: Sequence[nas.Detector], entries: Row, members: Sequence[nas.Detector]
) -> list[float]:
    """Sums of the times of rows inside other models, by their profiles.

    The time of a row is the median over the models that contain it. Without such a model, it is the row's entry
    times the mean ratio of profiles to entries.
    """
    seen: dict[tuple[Key, int], list[float]] = {}
    for profile, other in zip(profiles, others, strict=True):
        for seconds, row in zip(profile, other.resolve(SIZE), strict=True):
            part = Part.of(row)
            seen.setdefault((part.key(1), part.depth), []).append(1e3 * seconds)
    held = {key: median(ms) for key, ms in seen.items()}
    parts = [[Part.of(row) for row in member.resolve(SIZE)] for member in members]
    known = [part for of_member in parts for part in of_member if (part.key(1), part.depth) in held]
    ratio = sum(held[part.key(1), part.depth] for part in known) / sum(row_ms(entries, part) for part in known)
    rows = sum(map(len, parts))
    print(f"profiles cover {len(known) / rows:.0%} of the rows; their sum is {ratio:.3f} times the sum of the entries")

    def ms(part: Part) -> float:
        return held.get((part.key(1), part.depth), ratio * row_ms(entries, part))

    return [sum(map(ms, of_member)) for of_member in parts]


def markdown(cards: dict[str, dict[str, float]]) -> list[str]:
    """The lines of a Markdown table."""
    columns = ("within_5pct", "within_10pct", "mean_error", "worst_error", "bias", "spearman", "kendall", "iso_pairs")
    lines = ["| source: correction | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, card in cards.items():
        cells = [f"{card[c]:.3f}" if c in {"spearman", "kendall"} else f"{card[c]:.1%}" for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    any_card = next(iter(cards.values()))
    cells = [any_card.get(f"retest_{c}") for c in columns]
    lines.append("| *measured again* | " + " | ".join("" if c is None else f"{c:.3f}" for c in cells) + " |")
    return lines


if __name__ == "__main__":
    main(sys.argv[1:])
