"""Models of a run against the size curve of its teacher: gains, and the sentence about them."""

from __future__ import annotations

from typing import NamedTuple

from nas.runs.finalists import Finalist
from nas.runs.next_commands import bundle_command, onnx_command
from nas.runs.run import Run
from nas.runs.size_curve import Gain, SizeCurve, SizePoint, Verdict

_NONE = "No found model beats your model at smaller images"


class ModelGain(NamedTuple):
    """A model of the front and its place beside the size curve."""

    model: Finalist
    gain: Gain


def found_models(run: Run) -> list[ModelGain]:
    """The models of the front that the search found, beside the size curve; none where there is no curve or no AP."""
    curve = run.result.size_curve
    if curve is None:
        return []
    pairs = [(model, curve.gain(model, run.ap_noise)) for model in run.front if not model.stock]
    return [ModelGain(model, gain) for model, gain in pairs if gain is not None]


def free_choice(run: Run, model: Finalist, max_latency: float | None = None) -> SizePoint | None:
    """The image size at which the teacher is the better choice than a model.

    It is at least as accurate as the model, and no slower than the model or the limit.

    Args:
        run: A finished run.
        model: One of its finalists.
        max_latency: The highest latency of one image in ms that is accepted; None: that of the search.

    Returns:
        The most accurate such point of the size curve; None if there is none, or no AP to compare.
    """
    curve = run.result.size_curve
    if curve is None or model.ap is None:
        return None
    accepted = run.config.max_latency if max_latency is None else max_latency
    point = curve.best(max(model.latency, accepted or 0.0))
    return point if point is not None and point.ap >= model.ap else None


def size_command(run: Run, point: SizePoint) -> str:
    """The command that exports the teacher at an image size.

    Args:
        run: A finished run with a teacher.
        point: A point of its size curve.
    """
    teacher = run.result.teacher
    return onnx_command(run.folder / ("teacher.pt" if teacher is None else teacher.file), point.imgsz)


def headline(run: Run) -> str:
    """The sentence that says if the search gained anything; empty where there is no size curve."""
    curve, found = run.result.size_curve, found_models(run)
    if curve is None:
        return ""
    if any(point.latency_ms is None for point in run.result.curve):
        note = "No found model can be called a gain yet: the latency of your model at smaller images is not known"
        command = bundle_command(run.folder)
        return f"{note}{'' if run.record.forced else f'; {command} makes the kit that measures it'}."
    if not found:
        return _without_models(curve, run.config.max_latency)
    better = [entry for entry in found if entry.gain.verdict is Verdict.GAIN]
    if better:
        best = max(better, key=lambda entry: entry.gain.difference)
        return f"{_count(better, found, best)}: {best.gain}."
    return _no_gain(run, found)


def _count(better: list[ModelGain], found: list[ModelGain], best: ModelGain) -> str:
    """The number of models that beat the curve, and the name of the best one."""
    name, rival = best.model.name, "your model at smaller images"
    if len(found) == 1:
        return f"{name} beats {rival}"
    if len(better) == 1:
        return f"1 of {len(found)} found models beats {rival}, {name}"
    every = "Both" if len(found) == 2 else f"All {len(found)}"
    which = every if len(better) == len(found) else f"{len(better)} of {len(found)}"
    return f"{which} found models beat {rival}; the largest gain is that of {name}"


def _no_gain(run: Run, found: list[ModelGain]) -> str:
    """The sentence for a search whose models do not beat the curve."""
    limit = run.config.max_latency
    model = max(found, key=lambda entry: entry.gain.ap).model
    if limit is not None and (point := free_choice(run, model)) is not None:
        return f"{_NONE}: {point} is the better choice within {limit:g} ms, with {_both(point, model)}."
    model, gain = max(found, key=lambda entry: entry.gain.difference)
    if gain.verdict is Verdict.LOSS and (point := free_choice(run, model)) is not None:
        return f"{_NONE}: {point} is the better choice, with {_both(point, model)}."
    return f"{_NONE}: {model.name} has {gain}."


def _both(point: SizePoint, model: Finalist) -> str:
    return f"{point.figures}, where {model.name} has AP {model.ap:.3f} at {model.latency:.2f} ms"


def _without_models(curve: SizeCurve, limit: float | None) -> str:
    """The sentence for a front without found models."""
    point = curve.best(limit)
    if point is None:
        fastest = curve.front[0]
        return f"No found model is on the front, and {fastest} takes {fastest.ms:.2f} ms, over the limit too."
    within = "" if limit is None else f" within {limit:g} ms"
    return f"{_NONE}: {point} is the better choice{within}, with {point.figures}."
