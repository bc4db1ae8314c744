"""What the pages of reports share: their templates, tables of frames, and figures. A page is one file that asks nothing
of the network, which its content security policy makes certain."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from nas.files import write

FORMATS = {
    "{:.4f}": ("score", "score sd", "test score"),
    "{:+.4f}": ("score to stock", "score lost"),
    "{:.2f}": ("measured, ms", "predicted, ms", "A, ms", "B, ms", "ms"),
    "{:.3f}": ("spread, ms", "MACs, G", "params, M", "weights, MB", "B to A", "factor"),
    "{:.2f} \N{MULTIPLICATION SIGN}": ("speed",),
    "{:+z.1%}": (
        "measured to predicted",
        "latency to stock",
        "params to stock",
        "macs to stock",
        "size to stock",
        "latency lost",
    ),
    "{:.1%}": ("share", "of latency", "largest error among them"),
    "{:,.2f}": ("MACs, M", "memory access, M", "weights, KiB"),
    "{:.1f}": ("seconds",),
}
FORMAT = {column: form for form, columns in FORMATS.items() for column in columns}
"""How the numbers of a column are written; whole numbers of other columns get their thousands apart."""

WRAPPED = {"architecture", "why", "meaning"}
"""Columns of long texts."""


class Figure(NamedTuple):
    """A plotly figure, what stands below it, and what it says to those who cannot see it."""

    id: str
    drawn: go.Figure
    caption: str
    alt: str

    @property
    def data(self) -> Markup:
        """The figure as JSON that may stand inside a script element."""
        return Markup(str(self.drawn.to_json()).replace("<", "\\u003c"))


def write_page(path: Path, template: str, **content: Any) -> None:
    """Fill in a template of the folder ``page`` and write it."""
    page = Path(__file__).parent / "templates"
    content |= {name: Markup((page / f"{name}.{kind}").read_text("utf-8")) for name, kind in INLINE.items()}
    write(path, _environment().get_template(template).render(plotly=Markup(get_plotlyjs()), **content))


INLINE = {"style": "css", "page": "js"}
"""What a page carries with it, by name and kind."""


def shown(value: Any, column: str) -> str:
    """A value of a table as a person reads it."""
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return "\N{EN DASH}"
    if column in FORMAT:
        return FORMAT[column].format(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def is_text(frame: pd.DataFrame, column: str) -> bool:
    """Whether a column holds words, which are aligned to the left."""
    return not pd.api.types.is_numeric_dtype(frame[column])


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("nas.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"shown": shown, "is_text": is_text, "wrapped": WRAPPED}
    return found
