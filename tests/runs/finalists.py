"""Finalists for tests."""

from __future__ import annotations

from dataclasses import replace

from nas.runs.finalists import Finalist


def finalist(name: str, score: float, latency: float, **changes: object) -> Finalist:
    """A measured finalist.

    Args:
        name: Its name, and its architecture string.
        score: Its score.
        latency: Its latency in ms, predicted and measured.
        **changes: Other fields.
    """
    made = Finalist(
        name=name,
        arch=name,
        imgsz=320,
        score=score,
        score_sd=None,
        score_n=1,
        test_score=None,
        latency_predicted_ms=latency,
        latency_ms=latency,
        latency_spread_ms=0.1,
        params=1,
        macs=1,
        weight_bytes=1,
        budgets_kept="0 of 0",
        yaml=f"pareto/{name}.yaml",
    )
    return replace(made, **changes)  # type: ignore[arg-type]
