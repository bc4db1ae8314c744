"""Output on the screen during a search."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from nas.config import SearchConfig
from nas.objectives.costs import readable
from nas.runs.finalists import Finalist
from nas.runs.trials import TrialRecord, TrialState, short_id
from nas.search.reporter import TerminalSearchReporter
from nas.search.result_table import result_table, stock_note
from nas.terminal import LOG_SECONDS, Terminal


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
        front = list(below.columns[1].cells)
    assert reporter._bars.below is None
    assert isinstance(console.file, StringIO)
    return console.file.getvalue(), [str(arch) for arch in front]


def test_a_log_has_plain_lines_and_marks_the_front() -> None:
    text, front = shown(terminal=False)
    lines = text.splitlines()
    assert [line.split()[0] for line in lines] == ["trial", "1", "2", "3*"]
    assert "*: on the front so far" in lines[0]
    assert all(len(line) <= 80 for line in lines)
    assert "\x1b" not in text
    assert front == [short_id("a3"), short_id("a0")]


def test_a_terminal_shows_the_front_so_far() -> None:
    text, front = shown(terminal=True)
    assert front == [short_id("a3"), short_id("a0")]
    table = text.rsplit("Pareto front so far", 1)[1]
    assert "0.1000" in table and "8.00" in table and "2.00 M" in table


def test_a_baseline_over_a_limit_is_not_on_the_front() -> None:
    over = TrialRecord(4, TrialState.TRAINED, "b", score=0.9, latency_ms=9.0, params=2_000_000, over=("params",))
    console = Console(file=StringIO(), width=80, soft_wrap=True)
    with TerminalSearchReporter(console) as reporter, reporter.trials(9, ROWS[:1]) as show:
        show(over)
        table = reporter._bars.below
    assert isinstance(table, Table) and list(table.columns[1].cells) == [short_id("a0")]
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().endswith("  over the limit on params\n")


def test_the_time_left_is_told_in_a_log() -> None:
    now = [0.0]
    console = Console(file=StringIO(), width=80, soft_wrap=True)
    trained = TrialRecord(1, TrialState.TRAINED, "b", score=0.1, latency_ms=9.0, params=2_000_000, seconds=40.0)
    with TerminalSearchReporter(console, clock=lambda: now[0]) as reporter:
        with reporter.bar("latency table") as progress:
            for share in (0.2, 0.3, 0.5, 0.6):  # the table had a part of its entries
                progress(share)
                now[0] += LOG_SECONDS
        with reporter.trials(9, (), ("latency",), 2) as show:
            show(trained)
            now[0] += LOG_SECONDS
            show(replace(trained, number=2, seconds=60.0))
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "latency table ..."
    assert lines[1:3] == ["latency table: 30%, about 4 min left", "latency table: 50%, about 2 min left"]
    assert lines[-1] == "search: 2/9, about 3 min left"  # 50 s each, two at once


def test_a_terminal_says_nothing_twice() -> None:
    console = Console(file=StringIO(), force_terminal=True, width=80)
    with Terminal(console, clock=iter(range(0, 10_000, 60)).__next__) as terminal, terminal.bar("table") as progress:
        progress(0.5)
    assert isinstance(console.file, StringIO)
    assert "table: 50%" not in console.file.getvalue()


def test_a_stock_model_off_the_front_is_told() -> None:
    figures = (12.3, 12.31, 0.12, 2_690_000, 520_000_000, 10_760_000)
    stock = Finalist("stock", "a", 320, 0.1234, None, 1, None, *figures, "0 of 0", "", stock=True)
    said = stock_note(replace(stock, rejected="over the limit on latency"))
    figures_said = "score 0.1234, 12.31 ms measured, 2.69 M parameters"
    assert said == f"The stock model is not on the front ({figures_said}): over the limit on latency."


@pytest.mark.parametrize("sizes", [(320,), (320, 640)])
@pytest.mark.parametrize("minimize", [("latency",), ("latency", "size")])
def test_the_front_fits_into_eighty_columns(minimize: tuple[str, ...], sizes: tuple[int, ...]) -> None:
    figures = (12.3, 12.31, 0.12, 2_690_000, 520_000_000, 10_760_000)
    stock = Finalist("01-abcdef", "a", 320, 0.1234, None, 1, None, *figures, "0 of 0", "x", stock=True)
    console = Console(file=StringIO(), width=80, soft_wrap=True)
    console.print(result_table([stock], SearchConfig(minimize=minimize, imgsz=sizes), "AP50-95 (proxy)"))
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
