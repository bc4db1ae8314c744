"""The picked model of a run for people and programs: its figures, files and next commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nas.objectives.costs import readable
from nas.reports.report_text import sentence
from nas.runs.finalists import Finalist
from nas.runs.gains import free_choice, size_command
from nas.runs.model_card import card_path
from nas.runs.next_commands import model_commands, resume_command
from nas.runs.recommendation import Recommendation
from nas.runs.run import Run
from nas.runs.score_noise import CHANCE
from nas.runs.size_curve import SizePoint


def picked_lines(run: Run, picked: Recommendation, max_latency: float | None = None) -> list[str]:
    """The pick as lines of text: the reason, figures with their spread, files, and the next commands.

    Args:
        run: The run.
        picked: The pick.
        max_latency: The limit that it was picked with.
    """
    model = picked.model
    shown = picked_figures(run, model) | {"arch": model.arch} | _files(run, model)
    figures = [f"{name:<8} {value}" for name, value in shown.items()]
    commands = [f"{title}: {command}" for title, command in picked_commands(run, model).items()]
    lead = f"{'Preliminary' if not run.finished else 'Recommended'}: {model.label}, {picked.reason}."
    return [lead, *(f"  {line}" for line in figures), *picked_notes(run, model, max_latency), *commands]


def picked_figures(run: Run, model: Finalist) -> dict[str, str]:
    """AP or score, latency and size of a model with their spread, in words."""
    size = (
        f"{readable('params', model.params)} parameters, {readable('macs', model.macs)} MACs, "
        f"{readable('size', model.weight_bytes)} of weights"
    )
    latency = f"{_latency(model)}, one image of {model.imgsz} px, {_conditions(run)}"
    accuracy = {"score": _score(run, model)} if model.ap is None else {"AP": _ap(run, model)}
    return {**accuracy, "latency": latency, "size": size}


def picked_json(run: Run, picked: Recommendation, max_latency: float | None = None) -> dict[str, Any]:
    """The pick as JSON: the model's figures, the reason, files and commands; arguments as for `picked_lines`.

    ``better_size`` is the point of the size curve that is the better choice, if there is one.
    """
    better = free_choice(run, picked.model, max_latency) if run.finished else None
    return {
        "model": _plain(picked.model),
        "reason": picked.reason,
        "preliminary": not run.finished,
        "notes": picked_notes(run, picked.model, max_latency),
        "better_size": better and _plain(better),
        "files": _files(run, picked.model),
        "commands": picked_commands(run, picked.model),
    }


def _plain(figures: Finalist | SizePoint) -> dict[str, Any]:
    return {name: value for name, value in asdict(figures).items() if name != "jackknife"}


def picked_commands(run: Run, model: Finalist) -> dict[str, str]:
    """The next commands for a model, with the paths filled in, by their purpose."""
    if not run.finished:
        nc = ["--data", run.data] if run.config.data != "shapes" else []
        return {
            "write it now": shlex.join(["python", "-m", "nas.export", model.arch, *nc]),
            "continue the search": resume_command(run.folder),
        }
    return model_commands(run.folder, model, run.data)


def _score(run: Run, model: Finalist) -> str:
    if model.score_sd is not None and model.score_n > 1:
        return f"{model.score:.4f} ± {model.score_sd:.4f} (standard deviation of {model.score_n} trainings)"
    if not run.finished:
        return f"{model.score:.4f}, one short training"
    noise = run.result.score_noise
    return f"{model.score:.4f} {run.result.unit}, one training; standard deviation between seeds {noise.seeds:.4f}"


def _ap(run: Run, model: Finalist) -> str:
    return f"{model.ap:.4f} on the validation images, with its trained weights; score in the search {model.score:.4f}"


def _latency(model: Finalist) -> str:
    predicted = f"{model.latency_predicted_ms:.2f} ms predicted"
    if model.latency_ms is None:
        return f"{predicted}, not measured"
    spread = "" if model.latency_spread_ms is None else f" ± {model.latency_spread_ms:.2f}"
    return f"{model.latency_ms:.2f}{spread} ms measured ({predicted})"


def _conditions(run: Run) -> str:
    found = run.record.fingerprint
    threads = int(found.get("threads", run.config.threads))
    processor = found.get("gpu", found.get("cpu", found.get("device", "")))
    return f"{processor}, {found.get('runtime', run.config.runtime)}, {threads} thread{'s' * (threads > 1)}"


def _files(run: Run, model: Finalist) -> dict[str, str]:
    """Files of the model that are there."""
    if not model.yaml:
        return {}
    path = run.folder / "pareto" / Path(model.yaml).name
    found = {"yaml": path, "weights": path.with_suffix(".pt")} if model.weights else {"yaml": path}
    found |= {"card": card_path(path), "report": run.folder / "report.html"}
    return {kind: str(file) for kind, file in found.items() if file.is_file()}


def _as_good(run: Run, model: Finalist) -> Finalist | None:
    """The fastest model of the front whose score is lower by no more than noise explains."""
    noise = run.ap_noise if run.result.trained else CHANCE * run.result.score_noise.seeds
    faster = [other for other in run.front if other.latency < model.latency and model.accuracy - other.accuracy < noise]
    return min(faster, key=lambda other: other.latency, default=None)


def picked_notes(run: Run, model: Finalist, max_latency: float | None = None) -> list[str]:
    """The place of a model beside the size curve, and reservations about its choice.

    Args:
        run: The run.
        model: The model.
        max_latency: The limit that it was chosen with.
    """
    beside = [_beside_curve(run, model, max_latency)] if run.finished else []
    return [*filter(None, beside), *_reservations(run, model)]


def _beside_curve(run: Run, model: Finalist, max_latency: float | None) -> str:
    """The model in comparison with the user's own model at smaller images; empty without a size curve."""
    curve = run.result.size_curve
    gain = None if curve is None else curve.gain(model, run.ap_noise)
    if gain is None:
        return ""
    if (point := free_choice(run, model, max_latency)) is not None:
        return f"Better: {point}, with {point.figures}. Export it: {size_command(run, point)}"
    return "" if model.stock else sentence(f"it has {gain}")


def _reservations(run: Run, model: Finalist) -> Iterator[str]:
    figure = "score" if model.ap is None else "AP"
    if not run.finished:
        yield (
            f"The run is {run.record.status}: this choice is among the candidates trained until now, by predicted "
            "latency and one short training each. Score noise is not measured yet."
        )
    elif doubt := run.result.doubt:
        yield f"In this run {doubt}."
    elif (faster := _as_good(run, model)) is not None:
        yield (
            f"{faster.label} is {model.latency - faster.latency:.2f} ms faster, and its {figure} is lower by "
            f"{model.accuracy - faster.accuracy:.4f} only, which may be noise."
        )
    if run.record.forced:
        yield f"The latency table does not fit the device: {run.record.forced}"
    if model.stock:
        yield "No searched model is better within these bounds: this is the stock model."
