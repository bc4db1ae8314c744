"""Tables of a report on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.reports.templating import cell_text, is_text

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table


def terminal_table(frame: pd.DataFrame, title: str) -> Table:
    """A data frame as a table of rich, with numbers formatted as on a page."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left", box=SIMPLE, pad_edge=False)
    for column in frame:
        table.add_column(Text(str(column)), justify="left" if is_text(frame, str(column)) else "right")
    for row in frame.to_dict("records"):
        table.add_row(*(Text(cell_text(value, str(column))) for column, value in row.items()))
    return table
