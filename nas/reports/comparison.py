"""Two runs side by side: what they share, and what it costs to use one's front on the other's device."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nas.errors import InputError
from nas.latency.notices import forced_warning
from nas.latency.table import LatencyTable, MissingEntryError
from nas.objectives.pareto import hypervolume
from nas.reports.kept_table import table_of
from nas.reports.run_data import RunData
from nas.spaces.architecture import decode

MARGIN = 0.1
"""How far below the lowest score, as a share of their range, and above the longest latency a hypervolume is bounded."""


@dataclass(frozen=True)
class Borrowed:
    """The front of another run on the device of one run. ``own`` and ``other`` hold name, arch, imgsz, score, and
    ``ms`` there; both are ``measured``, or else predicted. ``unknown`` are the names of the other's models whose
    latency there nobody can tell, which ``other`` is without.

    ``losses`` has a row a model of the own front: its ms and score, and where scores compare the best score of the
    other's models that are no slower, ``score lost`` by that, and ``latency lost``: by which share the fastest of the
    other's that score no less is slower. Missing where there is no such model. ``volume`` is what the other's front
    dominates over what the own does (`nas.objectives.pareto.hypervolume`). Neither is told where scores do not compare, or the
    latency of one of the other's models is unknown.
    """

    own: pd.DataFrame
    other: pd.DataFrame
    measured: bool
    unknown: list[str]
    losses: pd.DataFrame
    volume: float | None

    @property
    def kind(self) -> str:
        """What its latencies are."""
        return "measured" if self.measured else "predicted"


@dataclass(frozen=True)
class Comparison:
    """Runs A and B. ``apart`` says why their scores do not compare, and is empty where they do. ``shared`` are the
    models that both trained, by their latencies on both devices. ``on_a`` is B's front on A's device, ``on_b`` A's on
    B's."""

    a: RunData
    b: RunData
    apart: str
    shared: pd.DataFrame
    on_a: Borrowed
    on_b: Borrowed

    @property
    def noise(self) -> float:
        """Below which differences in score are chance."""
        return max(self.a.noise, self.b.noise)

    @property
    def devices(self) -> dict[str, str]:
        """What each run measured on."""
        return {"A": _device(self.a), "B": _device(self.b)}

    @property
    def rank_correlation(self) -> float | None:
        """Spearman's, between the latencies of what both trained on the two devices; None for fewer than three."""
        if len(self.shared) < 3:
            return None
        ranks = self.shared[["A, ms", "B, ms"]].rank()
        found = ranks["A, ms"].corr(ranks["B, ms"])
        return None if pd.isna(found) else float(found)

    @property
    def findings(self) -> list[str]:
        """In a few sentences."""
        found = [f"{len(self.shared)} models were trained in both runs."]
        if len(self.shared):
            ratio = self.shared["B to A"]
            spread = f"{ratio.min():.2f} to {ratio.max():.2f}, median {ratio.median():.2f}"
            found[0] = f"{found[0][:-1]}; they take {spread} times as long on B as on A."
        if self.rank_correlation is not None:
            found.append(f"Their latencies rank alike with a correlation of {self.rank_correlation:.2f} (Spearman).")
        found += _told("A", "B", self.on_a, self.apart) + _told("B", "A", self.on_b, self.apart)
        return found if self.apart else [*found, f"Differences in score below {self.noise:.3f} are chance."]

    @property
    def warnings(self) -> list[str]:
        """What speaks against the figures."""
        found = [f"Scores do not compare, so only latencies are: {self.apart}."] if self.apart else []
        for name, data in (("A", self.a), ("B", self.b)):
            found += [] if data.tells_apart else [f"{name}: {data.signal}."]
            found += [f"{name}: {forced_warning(data.forced)}"] if data.forced else []
        return found

    def facts(self) -> dict[str, Any]:
        """What stands in the JSON."""
        return {
            "runs": {"A": str(self.a.folder), "B": str(self.b.folder)},
            "devices": self.devices,
            "findings": self.findings,
            "warnings": self.warnings,
            "scores_compare": not self.apart,
            "rank_correlation": self.rank_correlation,
            "shared": _records(self.shared),
            "on_A": _facts(self.on_a),
            "on_B": _facts(self.on_b),
        }


def compare(a: RunData, b: RunData) -> Comparison:
    """Raises InputError for runs for different numbers of classes or image sizes, which have no latency in common."""
    if a.facts["nc"] != b.facts["nc"]:
        one, two = a.facts["nc"], b.facts["nc"]
        raise InputError(f"{b.folder}: is for {two} classes, {a.folder} for {one}; give runs for as many")
    if set(a.options["imgsz"]) != set(b.options["imgsz"]):
        raise InputError(f"{b.folder}: is for images of {b.sizes}, {a.folder} of {a.sizes}; give runs of equal --imgsz")
    apart = _apart(a, b)
    on = _Device(a), _Device(b)
    return Comparison(a, b, apart, _shared(*on), _borrowed(on[0], a, b, apart), _borrowed(on[1], b, a, apart))


def _apart(a: RunData, b: RunData) -> str:
    """Why the scores of two runs do not compare: each comes from its own proxy, on its own data."""

    def told(data: RunData) -> dict[str, Any]:
        hashes, options = data.facts["hashes"], data.options
        return {name: hashes[name] for name in ("data", "proxy")} | {name: options[name] for name in ("seed", "rungs")}

    one, other = told(a), told(b)
    return ", ".join(f"{name} is {one[name]} in A and {other[name]} in B" for name in one if one[name] != other[name])


class _Device:
    """What is known of latencies on the device of a run, in ms."""

    def __init__(self, data: RunData):
        finalists = data.finalists
        measured = finalists[finalists.latency_ms.notna()]
        self.measured = dict(zip(measured.arch, measured.latency_ms, strict=True))
        trained = data.trained
        self.predicted = dict(zip(trained.arch, trained.latency_ms, strict=True))
        self._nc = data.facts["nc"]
        self._table: LatencyTable | None = table_of(data)

    def predict(self, arch: str, imgsz: int) -> float | None:
        """As the run predicted it, or else as its table does; None where neither knows."""
        if arch not in self.predicted and self._table is not None:
            try:
                self.predicted[arch] = self._table.predict(decode(arch).detector(self._nc), imgsz).total_ms
            except MissingEntryError:
                return None
        return self.predicted.get(arch)


def _shared(a: _Device, b: _Device) -> pd.DataFrame:
    """What both runs trained: measured on both devices, or else predicted for both."""
    rows = []
    for arch in a.predicted:
        if arch in b.predicted:
            measured = arch in a.measured and arch in b.measured
            one, other = (of.measured[arch] if measured else of.predicted[arch] for of in (a, b))
            kind = "measured" if measured else "predicted"
            rows.append({"A, ms": one, "B, ms": other, "B to A": other / one, "latencies": kind, "architecture": arch})
    columns = ["A, ms", "B, ms", "B to A", "latencies", "architecture"]
    return pd.DataFrame(rows, columns=columns).sort_values("A, ms", ignore_index=True)


def _borrowed(on: _Device, own_run: RunData, other_run: RunData, apart: str) -> Borrowed:
    columns = ["name", "arch", "imgsz", "score"]
    own, other = own_run.pareto[columns], other_run.pareto[columns]
    # Measured latencies beside predicted ones would compare the table with the device, and not two models.
    measured = all(arch in on.measured for arch in (*own.arch, *other.arch))
    own, other = _with_ms(on, own, measured), _with_ms(on, other, measured)
    unknown = other[other.ms.isna()].name.tolist()
    other = other.dropna(subset="ms")
    # Of a front of which a part is not known, nobody can tell what it loses.
    whole = not apart and not unknown and not other.empty
    losses = pd.DataFrame([_loss(row, other if whole else None) for row in own.to_dict("records")])
    volume = _volume(own, other) if whole and not own.empty else None
    return Borrowed(own, other, measured, unknown, losses, volume)


def _with_ms(on: _Device, front: pd.DataFrame, measured: bool) -> pd.DataFrame:
    models = zip(front.arch, front.imgsz, strict=True)
    found = [on.measured[arch] if measured else on.predict(arch, int(imgsz)) for arch, imgsz in models]
    return front.assign(ms=pd.Series(found, index=front.index, dtype=float))


def _loss(model: Mapping[Any, Any], other: pd.DataFrame | None) -> dict[str, Any]:
    found = {"model": model["name"], "ms": model["ms"], "score": model["score"]}
    if other is None:
        return found
    best = other[other.ms <= model["ms"]].score.max()
    least = other[other.score >= model["score"]].ms.min()
    return found | {"score lost": model["score"] - best, "latency lost": least / model["ms"] - 1}


def _volume(own: pd.DataFrame, other: pd.DataFrame) -> float:
    points = [list(zip(frame.score.astype(float), frame.ms.astype(float), strict=True)) for frame in (own, other)]
    scores, times = zip(*points[0], *points[1], strict=True)
    worst = min(scores) - MARGIN * ((max(scores) - min(scores)) or 1.0), max(times) * (1 + MARGIN)
    return hypervolume(points[1], worst) / hypervolume(points[0], worst)


def _told(here: str, there: str, of: Borrowed, apart: str) -> list[str]:
    found = []
    if of.unknown:
        count = f"{len(of.unknown)} of {len(of.unknown) + len(of.other)}"
        found.append(f"On {here}, nobody can tell the latency of {count} models of {there}'s front: no table has it.")
    if of.volume is None:
        return found
    lost, slower = of.losses["score lost"].dropna(), of.losses["latency lost"].dropna()
    text = f"On {here}, {there}'s front reaches {of.volume:.0%} of the hypervolume of {here}'s own ({of.kind})"
    if len(lost):
        less = f"{lost.mean():.4f} less on average, {lost.max():.4f} at most"
        text += f"; at the latency of {here}'s models it scores {less}"
    if len(slower):
        text += f"; for their score it takes {slower.mean():.1%} longer on average"
    if none := len(of.losses) - len(lost):
        text += f"; nothing of {there}'s is as fast as {none} of {len(of.losses)} of {here}'s"
    return [*found, f"{text}."]


def _device(data: RunData) -> str:
    of = data.facts["latency"]
    return f"{of['runtime']} {of['version']}, {of['threads']} thread(s), {of.get('gpu', of['cpu'])} ({of['device']})"


def _facts(of: Borrowed) -> dict[str, Any]:
    frames = {name: _records(getattr(of, name)) for name in ("own", "other", "losses")}
    return {"latencies": of.kind, "hypervolume": of.volume, "unknown": of.unknown, **frames}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON takes them."""
    rows = frame.to_dict("records")
    return [{str(k): None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()} for row in rows]
