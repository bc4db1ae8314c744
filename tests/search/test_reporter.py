"""Output on the screen during a search."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from nas.config import SearchConfig
from nas.objectives.costs import readable
from nas.runs.finalists import Finalist
from nas.runs.trials import TrialRecord, TrialState
from nas.search.reporter import TerminalSearchReporter
from nas.search.result_table import result_table


def row(number: int, state: TrialState, score: float | None, latency: float) -> TrialRecord:
    return TrialRecord(number, state, f"a{number}", score=score, latency_ms=latency, params=2_000_000)


ROWS = [
    row(0, TrialState.TRAINED, 0.2, 10.0),
    row(1, TrialState.GATED, None, 30.0),
    row(2, TrialState.TRAINED, 0.1, 12.0),
    row(3, TrialState.TRAINED, 0.1, 8),
]


def shown(terminal: bool) -> tuple[str, list[str]]:
    """The printed text, and the architectures of the last front on a terminal."""
    console = Console(file=StringIO(), force_terminal=terminal, width=120)
    with TerminalSearchReporter(console) as reporter, reporter.trials(4, ROWS[:1], ("latency",)) as show:
        for record in ROWS[1:]:
            show(record)
        reporter._bars.refresh()  # as it does ten times a second
        below = reporter._bars.below
        assert isinstance(below, Table)
        front = list(below.columns[-1].cells)
    assert reporter._bars.below is None
    assert isinstance(console.file, StringIO)
    return console.file.getvalue(), [str(arch) for arch in front]


def test_a_log_has_plain_lines_and_marks_the_front() -> None:
    text, front = shown(terminal=False)
    lines = text.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3*"]
    assert "\x1b" not in text
    assert front == ["a3", "a0"]


def test_a_terminal_shows_the_front_so_far() -> None:
    text, front = shown(terminal=True)
    assert front == ["a3", "a0"]
    table = text.rsplit("front so far", 1)[1]
    assert "0.1000" in table and "8.00" in table and "2.00 M" in table


@pytest.mark.parametrize("sizes", [(320,), (320, 640)])
@pytest.mark.parametrize("minimize", [("latency",), ("latency", "size")])
def test_the_front_fits_into_eighty_columns(minimize: tuple[str, ...], sizes: tuple[int, ...]) -> None:
    figures = (12.3, 12.31, 0.12, 2_690_000, 520_000_000, 10_760_000)
    stock = Finalist("01-abcdef", "a", 320, 0.1234, None, 1, None, *figures, "0 of 0", "x", stock=True)
    console = Console(file=StringIO(), width=80, soft_wrap=True)
    console.print(result_table([stock], stock, SearchConfig(minimize=minimize, imgsz=sizes), "AP50-95 (proxy)"))
    assert isinstance(console.file, StringIO)
    printed = console.file.getvalue()
    size = ("10.8 MB",) if "size" in minimize else ("2.69 M",) if len(sizes) == 1 else ("320", "0.52 G")
    assert all(text in printed for text in ("01-abcdef (stock)", "0.1234", "12.31 ± 0.12", "12.30", "+0.1%", *size))
    assert "…" not in printed


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("macs", 1.234e9, "1.23 G"),
        ("macs", 40_400_000, "40.4 M"),
        ("params", 3_011_238, "3.01 M"),
        ("params", 84_000, "84 k"),
        ("size", 90_000, "90 kB"),
        ("latency", 0.02, "0.02 ms"),
        ("params", 0, "0 M"),
    ],
)
def test_costs_as_people_read_them(name: str, value: float, text: str) -> None:
    assert readable(name, value) == text
