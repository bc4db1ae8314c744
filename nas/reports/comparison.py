"""Comparison of two runs: models that both trained, and each front on the other's device."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.errors import ConfigError
from nas.plurals import counted
from nas.reports import comparison_text
from nas.reports.device_latencies import DeviceLatencies
from nas.reports.foreign_front import ForeignFront, foreign_front
from nas.reports.run_data import RunData, processor

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """Runs A and B.

    Attributes:
        a: Run A.
        b: Run B.
        difference: The reason why scores of the runs cannot be compared; empty if they can.
        shared: Models that both runs trained, with their latency on both devices.
        on_a: The front of B on the device of A.
        on_b: The front of A on the device of B.
    """

    a: RunData
    b: RunData
    difference: str
    shared: pd.DataFrame
    on_a: ForeignFront
    on_b: ForeignFront

    @property
    def noise(self) -> float:
        """Score differences below this value are noise."""
        return max(self.a.noise, self.b.noise)

    @property
    def devices(self) -> dict[str, str]:
        """Runtime and device of each run."""
        return {"A": _device(self.a), "B": _device(self.b)}

    @property
    def rank_correlation(self) -> float | None:
        """Spearman's correlation of the latencies on the two devices; None for fewer than three shared models."""
        import pandas as pd

        if len(self.shared) < 3:
            return None
        ranks = self.shared[["A, ms", "B, ms"]].rank()
        found = ranks["A, ms"].corr(ranks["B, ms"])
        return None if pd.isna(found) else float(found)

    @property
    def summary(self) -> list[str]:
        """The comparison in a few sentences."""
        sentences = [comparison_text.shared_models(self.shared)]
        if self.rank_correlation is not None:
            sentences.append(f"Rank correlation of their latencies (Spearman): {self.rank_correlation:.2f}.")
        for here, there, front in (("A", "B", self.on_a), ("B", "A", self.on_b)):
            sentences += comparison_text.foreign_front(here, there, front)
        if self.difference or not self.noise:
            return sentences
        figure = "AP" if self.a.has_ap else "Score"
        return [*sentences, f"{figure} differences below {self.noise:.3f} are noise."]

    @property
    def warnings(self) -> list[str]:
        """Reasons to distrust the figures."""
        return comparison_text.warnings({"A": self.a, "B": self.b}, self.difference)

    def to_json(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return {
            "runs": {"A": str(self.a.folder), "B": str(self.b.folder)},
            "devices": self.devices,
            "summary": self.summary,
            "warnings": self.warnings,
            "scores_compare": not self.difference,
            "rank_correlation": self.rank_correlation,
            "shared": _json_rows(self.shared),
            "on_A": _front_json(self.on_a),
            "on_B": _front_json(self.on_b),
        }


def compare(a: RunData, b: RunData) -> Comparison:
    """Compare two finished runs.

    Raises:
        ConfigError: The runs have different numbers of classes or image sizes, so no latency is comparable.
    """
    if a.result.nc != b.result.nc:
        problem = f"has {counted(b.result.nc, 'class', 'classes')}, and {a.folder} has {a.result.nc}"
        raise ConfigError(problem, file=b.folder, hint="give runs with equal numbers of classes")
    if set(a.config.imgsz) != set(b.config.imgsz):
        problem = f"has images of {b.sizes}, and {a.folder} of {a.sizes}"
        raise ConfigError(problem, file=b.folder, hint="give runs with equal `imgsz`")
    difference = _difference(a, b)
    on_a, on_b = DeviceLatencies(a), DeviceLatencies(b)
    return Comparison(
        a,
        b,
        difference,
        _shared_models(on_a, on_b),
        foreign_front(on_a, a, b, not difference),
        foreign_front(on_b, b, a, not difference),
    )


def _difference(a: RunData, b: RunData) -> str:
    """Differences in what decides scores, in words."""

    def basis(data: RunData) -> dict[str, object]:
        hashes, config = data.run.record.hashes, data.config
        known: dict[str, object] = {"data": hashes.data, "proxy": hashes.proxy}
        return known | {"seed": config.seed, "rungs": config.rungs, "the figure": data.accuracy_name}

    one, other = basis(a), basis(b)
    return ", ".join(f"{name} is {one[name]} in A and {other[name]} in B" for name in one if one[name] != other[name])


def _shared_models(a: DeviceLatencies, b: DeviceLatencies) -> pd.DataFrame:
    """Models that both runs trained, with latencies measured on both devices, otherwise predicted for both."""
    import pandas as pd

    rows = []
    for arch in a.predicted:
        if arch in b.predicted:
            measured = arch in a.measured and arch in b.measured
            one, other = (device.measured[arch] if measured else device.predicted[arch] for device in (a, b))
            kind = "measured" if measured else "predicted"
            rows.append({"A, ms": one, "B, ms": other, "B / A": other / one, "latencies": kind, "architecture": arch})
    columns = ["A, ms", "B, ms", "B / A", "latencies", "architecture"]
    return pd.DataFrame(rows, columns=columns).sort_values("A, ms", ignore_index=True)


def _device(data: RunData) -> str:
    """Runtime, threads and machine of a run."""
    fingerprint = data.run.record.fingerprint
    runtime = f"{fingerprint['runtime']} {fingerprint['version']}, {counted(int(fingerprint['threads']), 'thread')}"
    return f"{runtime}, {processor(fingerprint)} ({fingerprint['device']})"


def _front_json(front: ForeignFront) -> dict[str, Any]:
    frames = {name: _json_rows(getattr(front, name)) for name in ("own", "other", "losses")}
    return {"latencies": front.kind, "hypervolume": front.volume, "unknown": front.unknown, **frames}


def _json_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows = frame.to_dict("records")
    return [{str(k): None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()} for row in rows]
