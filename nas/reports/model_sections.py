"""Sections of the report about the models of the front: files, training command, and costs row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nas.reports.run_data import RunData
from nas.reports.tables import model_rows
from nas.runs.finalists import Finalist
from nas.runs.next_commands import model_commands

if TYPE_CHECKING:
    import pandas as pd

_STACKED = {"Latency (predicted)": "predicted, ms", "MACs": "MACs, M", "Parameters": "params"}
"""Titles of the stacked bars, and their columns in `nas.reports.tables.model_rows`."""


class Piece(NamedTuple):
    """Share of one row in a stacked bar: its part of the detector, the share, and the tooltip."""

    part: str
    share: float
    text: str


class Stack(NamedTuple):
    """A bar stacked from the rows of a model, with its title and a description for people who cannot see it."""

    title: str
    pieces: list[Piece]
    alt: str


class ModelSection(NamedTuple):
    """Section about one model.

    Attributes:
        name: The model's name.
        line: Its figures in one line.
        arch: Its architecture string.
        commands: The next commands by their purpose.
        parts: Parts of the detector, in order.
        stacks: Its costs as stacked bars.
        rows: Its rows with their costs.
        yaml: Text of its YAML file.
    """

    name: str
    line: str
    arch: str
    commands: dict[str, str]
    parts: list[str]
    stacks: list[Stack]
    rows: pd.DataFrame
    yaml: str


def model_section(data: RunData, model: Finalist) -> ModelSection:
    """The section about a model of the front."""
    rows = model_rows(data, model.arch)
    size = f", {model.imgsz} px" if data.several_sizes else ""
    accuracy = f"score {model.score:.4f}" if model.ap is None else f"AP {model.ap:.4f}"
    return ModelSection(
        model.name,
        f"{accuracy}, {model.latency:.2f} ms, {model.params / 1e6:.2f} M parameters{size}",
        model.arch,
        _commands(data, model),
        list(dict.fromkeys(rows.part)),
        [_stack(title, rows, column) for title, column in _STACKED.items()],
        rows,
        data.yamls[model.name],
    )


def _commands(data: RunData, model: Finalist) -> dict[str, str]:
    """The command that trains the model, and the one that exports its trained weights."""
    train, second, *_ = model_commands(data.folder, model, data.run.data).items()
    return dict([train, second] if model.weights else [train])


def _stack(title: str, rows: pd.DataFrame, column: str) -> Stack:
    shares = rows[column] / max(rows[column].sum(), 1e-12)
    pieces = [
        Piece(part, share, f"row {row}, {module}: {share:.1%}")
        for row, part, module, share in zip(rows.row, rows.part, rows.module, shares, strict=True)
    ]
    by_part = shares.groupby(rows.part, sort=False).sum()
    text = ", ".join(f"{part} {share:.0%}" for part, share in by_part.items())
    return Stack(title, pieces, f"{title} by part: {text}")
