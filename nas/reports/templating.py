"""Pages: templates, and how tables and figures go into them.

A page is one file that needs no network. Its content security policy forbids to load anything.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nas.files import write

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from jinja2 import Environment
    from markupsafe import Markup

_FORMATS = {
    "{:.4f}": ("score", "score sd", "test score", "AP", "±"),
    "{:+.4f}": ("score vs. stock", "score change", "AP vs. your model", "AP change"),
    "{:.2f}": ("measured, ms", "predicted, ms", "A, ms", "B, ms", "ms"),
    "{:.3f}": ("spread, ms", "MACs, G", "params, M", "weights, MB", "B / A", "factor"),
    "{:.2f} \N{MULTIPLICATION SIGN}": ("speedup",),
    "{:+z.1%}": (
        "measured vs. predicted",
        "latency vs. stock",
        "params vs. stock",
        "MACs vs. stock",
        "weights vs. stock",
        "latency change",
    ),
    "{:.1%}": ("share", "share of latency", "largest error"),
    "{:,.2f}": ("MACs, M", "memory access, M", "weights, KiB"),
    "{:.1f}": ("seconds",),
}
_FORMAT = {column: form for form, columns in _FORMATS.items() for column in columns}
"""Format of the numbers in a column. Other columns hold integers with a thousands separator."""

_WRAPPED = {"architecture", "reason", "meaning"}
"""Columns of long texts."""

_INLINE = {"style": "css", "page": "js"}
"""Files that every page contains: name and suffix."""


class Figure(NamedTuple):
    """A figure of a page.

    Attributes:
        id: Id of its element.
        drawn: The figure.
        caption: Text below it.
        alt: Description for people who cannot see it.
    """

    id: str
    drawn: go.Figure
    caption: str
    alt: str

    @property
    def data(self) -> Markup:
        """The figure as JSON for a script element."""
        from markupsafe import Markup

        return Markup(str(self.drawn.to_json()).replace("<", "\\u003c"))


def write_page(path: Path, template: str, **content: Any) -> None:
    """Fill in a template and write the page.

    Args:
        path: The HTML file.
        template: Name of a file in the folder ``templates``.
        **content: Variables of the template.
    """
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    folder = Path(__file__).parent / "templates"
    inline = {name: Markup((folder / f"{name}.{kind}").read_text("utf-8")) for name, kind in _INLINE.items()}
    page = _environment().get_template(template)
    write(path, page.render(plotly=Markup(get_plotlyjs()), **inline, **content))


def cell_text(value: Any, column: str) -> str:
    """A value of a table as text.

    Args:
        value: The value; None and NaN become a dash.
        column: Name of its column.
    """
    import pandas as pd

    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return "\N{EN DASH}"
    if column in _FORMAT:
        return _FORMAT[column].format(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def is_text(frame: pd.DataFrame, column: str) -> bool:
    """Return True if a column holds text, which is aligned to the left."""
    import pandas as pd

    return not pd.api.types.is_numeric_dtype(frame[column])


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("nas.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"cell_text": cell_text, "is_text": is_text, "wrapped": _WRAPPED}
    return environment
