"""A report's tables on a terminal."""

from __future__ import annotations

import pandas as pd
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from nas.reports.templating import is_text, shown


def terminal_table(frame: pd.DataFrame, title: str) -> Table:
    """The frame, its numbers written as on a page."""
    table = Table(title=Text(title), title_justify="left", box=SIMPLE, pad_edge=False)
    for column in frame:
        table.add_column(Text(str(column)), justify="left" if is_text(frame, str(column)) else "right")
    for row in frame.to_dict("records"):
        table.add_row(*(Text(shown(value, str(column))) for column, value in row.items()))
    return table
