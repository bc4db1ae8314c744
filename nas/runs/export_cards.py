"""Model cards of exported models: a run's model with all of its figures, another one with those that are computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nas.detectors.costs import cost
from nas.detectors.heads import DIALECTS
from nas.files import write
from nas.objectives.costs import readable
from nas.runs.export import ExportedModel
from nas.runs.model_card import MISSING, Fact, ModelCard, card_path
from nas.runs.next_commands import onnx_command
from nas.runs.run import load_run
from nas.runs.run_cards import run_card


def write_export_card(model: ExportedModel, file: Path, dialect: str, source: str) -> Path:
    """Write the card beside an exported file.

    Args:
        model: The model.
        file: The YAML or ONNX file.
        dialect: The trainer, a key of `nas.detectors.heads.DIALECTS`.
        source: The source of the model, see `nas.runs.export.models_to_export`.

    Returns:
        The path of the card.
    """
    path = card_path(file)
    write(path, _card(model, file, dialect, source).markdown())
    return path


def _card(model: ExportedModel, file: Path, dialect: str, source: str) -> ModelCard:
    commands = {
        "Predict its latency": f"python -m nas.latency predict {file} --imgsz {model.imgsz}",
        "Write an ONNX file": onnx_command(file, model.imgsz),
    }
    commands = {} if file.suffix == ".onnx" else commands
    others = [] if dialect == "ultralytics" else [_head_of_trainer(dialect)]
    if Path(source).is_dir():
        run = load_run(Path(source))
        (found,) = (finalist for finalist in run.result.front if finalist.name == model.name)
        deployed = file.suffix == ".onnx"
        card = run_card(run, found if deployed else replace(found, weights=""))
        lead = f"{card.lead} `{file.name}` {_content(model, file, dialect)}."
        return replace(card, lead=lead, limits=(*card.limits, *others), commands=commands or card.commands)
    return ModelCard(
        name=model.name,
        lead=f"A YOLO detector. `{file.name}` {_content(model, file, dialect)}.",
        arch="" if model.trained is not None else model.comment,
        facts=tuple(_facts(model, dialect)),
        commands=commands,
        limits=tuple(others),
        origin={"source": source, "classes": f"{model.detector.nc}"},
        trained=model.trained is not None,
        tags=("onnx",) if file.suffix == ".onnx" else (),
    )


def _content(model: ExportedModel, file: Path, dialect: str) -> str:
    if file.suffix == ".onnx":
        weights = "random" if model.trained is None and model.weights is None else "trained"
        return f"is its deployed form for images of {model.imgsz} px, with {weights} weights"
    return f"is its architecture without weights, for {DIALECTS[dialect].title}"


def _head_of_trainer(dialect: str) -> str:
    title = DIALECTS[dialect].title
    return f"Its head is that of {title}. A search trains and measures the head of Ultralytics, so the figures differ."


def _facts(model: ExportedModel, dialect: str) -> list[Fact]:
    params, macs, _, size = cost(model.in_dialect(dialect).detector, model.imgsz)
    accuracy = "validate it: python -m nas.train val" if model.trained is not None else "the model is not trained"
    return [
        Fact("latency", MISSING, "not measured here"),
        Fact("AP", MISSING, accuracy),
        Fact("parameters", f"{params:,}", "counted"),
        Fact("MACs", readable("macs", macs), f"computed for one image of {model.imgsz} px"),
        Fact("weights", f"{size:,} bytes", "computed for the deployed form, four bytes a number"),
    ]
