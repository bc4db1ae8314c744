"""Recommendation: the one model of a run to train, and the reason for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nas.errors import ConfigError
from nas.runs.finalists import Finalist


class Recommendation(NamedTuple):
    """A model to train.

    Attributes:
        model: The model.
        reason: The reason for it, in words: "the most accurate of the 3 models within 40 ms".
    """

    model: Finalist
    reason: str


def recommend(
    finalists: Sequence[Finalist],
    max_latency: float | None = None,
    min_score: float | None = None,
    doubt: str = "",
) -> Recommendation:
    """Choose one model: the most accurate within the latency, or the fastest with at least the score.

    With both bounds, or with none, the most accurate one counts. Of equally accurate models the faster one is taken.

    Args:
        finalists: The models to choose from, such as `nas.runs.run.Run.front`. Those off the front are ignored.
        max_latency: The highest latency of one image in ms, measured where it was measured.
        min_score: The lowest accuracy, see `nas.runs.finalists.Finalist.accuracy`.
        doubt: The reason why the scores tell nothing apart, see `nas.runs.record.RunResult.doubt`; empty if they do.
            With a doubt and without ``min_score`` the fastest model is taken.

    Raises:
        ConfigError: No model is within the bounds.

    Example:
        >>> recommend(run.front, max_latency=40).model.yaml
        'runs/mine/pareto/03-5f0c1d.yaml'
    """
    front = [finalist for finalist in finalists if not finalist.rejected]
    fast = [finalist for finalist in front if max_latency is None or finalist.latency <= max_latency]
    if not fast:
        raise _none_within(front, max_latency)
    found = [finalist for finalist in fast if min_score is None or finalist.accuracy >= min_score]
    if not found:
        raise _none_so_accurate(front, fast, min_score)
    by_speed = max_latency is None and min_score is not None
    noisy = min_score is None and doubt
    if by_speed or noisy:
        model, superlative = min(found, key=lambda finalist: (finalist.latency, -finalist.accuracy)), "fastest"
    else:
        model, superlative = min(found, key=lambda finalist: (-finalist.accuracy, finalist.latency)), "most accurate"
    bounds = _bounds(max_latency, min_score, "a score" if model.ap is None else "an AP")
    if len(found) == 1:
        reason = f"the only model {bounds}"
    else:
        reason = f"the {superlative} of the {len(found)} models {bounds}"
        reason += f", since {doubt}" if noisy else ""
    if model.latency_ms is None and max_latency is not None:
        reason += "; latency is predicted, not measured"
    return Recommendation(model, f"{reason}; it is the stock model" if model.stock else reason)


def _none_within(front: Sequence[Finalist], max_latency: float | None) -> ConfigError:
    if not front or max_latency is None:
        return ConfigError("no model meets the limits of the run", hint="search again with higher limits")
    fastest = min(front, key=lambda finalist: finalist.latency)
    hint = f"raise it: the fastest one, {_figures(fastest)}"
    return ConfigError("no model is so fast", field="max_latency", value=f"{max_latency:g}", hint=hint)


def _none_so_accurate(front: Sequence[Finalist], fast: Sequence[Finalist], min_score: float | None) -> ConfigError:
    """The error with the nearest models: the best within the latency, and the fastest that scores so high."""
    best = max(fast, key=lambda finalist: finalist.accuracy)
    hint = f"lower it: the most accurate one, {_figures(best)}"
    accurate = [finalist for finalist in front if min_score is not None and finalist.accuracy >= min_score]
    if accurate:
        slower = min(accurate, key=lambda finalist: finalist.latency)
        hint += f"; or raise `max_latency`: {_figures(slower)}"
    return ConfigError("no model scores so high", field="min_score", value=min_score, hint=hint)


def _figures(finalist: Finalist) -> str:
    accuracy = f"scores {finalist.score:.4f}" if finalist.ap is None else f"has AP {finalist.ap:.4f}"
    return f"{finalist.label}, takes {finalist.latency:.2f} ms and {accuracy}"


def _bounds(max_latency: float | None, min_score: float | None, figure: str) -> str:
    bounds = [f"within {max_latency:g} ms"] if max_latency is not None else []
    bounds += [f"with {figure} of at least {min_score:g}"] if min_score is not None else []
    return " and ".join(bounds) or "of the front"
