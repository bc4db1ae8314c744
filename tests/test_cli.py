"""The command line: options, exit status, messages, and start without heavy imports."""

from __future__ import annotations

import errno
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import typer

import nas
from nas import cli
from nas.__main__ import COMMANDS
from nas.__main__ import app as nas_app
from nas.config import SearchConfig
from nas.errors import ConfigError, DataError, SearchError, TableError
from nas.search.__main__ import app as search_app

HEAVY = {"torch", "optuna", "pandas", "scipy", "matplotlib", "plotly", "sqlalchemy", "distributed", "ultralytics"}
WITHOUT_TORCH = (
    "nas.config",
    "nas.errors",
    "nas.files",
    "nas.cli",
    "nas.operators",
    "nas.detectors.rows",
    "nas.detectors.costs",
    "nas.detectors.yaml_files",
    "nas.spaces.models",
    "nas.latency.table",
    "nas.runs.run",
)
HELP = """
import contextlib, io, json, runpy, sys
found = {}
for command in sys.argv[1].split(","):
    sys.argv = [f"nas.{command}", "--help"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        runpy.run_module(f"nas.{command}", run_name="__main__")
    found[command] = [said.getvalue(), sorted(sys.modules)]
print(json.dumps(found))
"""
IMPORT = """
import importlib, json, sys
for module in sys.argv[1:]:
    importlib.import_module(module)
print(json.dumps(sorted(sys.modules)))
"""


def raising(error: BaseException, cause: BaseException | None = None) -> Callable[[], object]:
    def command() -> object:
        raise error from cause

    return command


@pytest.mark.parametrize(
    ("error", "cause", "status", "line"),
    [
        (
            ConfigError("must be 1 or more", field="budget", value=0, hint="raise it, or drop `time_limit`"),
            None,
            2,
            "error: --budget 0: must be 1 or more; raise it, or drop --time-limit\n",
        ),
        (
            DataError("must list at least one class", file="data.yaml", field="names"),
            None,
            2,
            "error: data.yaml: names: must list at least one class\n",
        ),
        (TableError("is damaged", file="a.csv"), None, 2, "error: a.csv: is damaged\n"),
        (SearchError("every candidate failed", hint="see trials.csv"), None, 1, "error: every candidate failed; see"),
        (OSError(errno.ENOSPC, "No space left", "run/a.csv"), None, 1, "error: run/a.csv: no space left on the disk"),
        (PermissionError(errno.EACCES, "Permission denied", "run"), None, 2, "error: run: Permission denied; give"),
        (RuntimeError("commit"), sqlite3.OperationalError("database or disk is full"), 1, "error: the study: no space"),
        (KeyboardInterrupt(), None, 130, ""),
    ],
)
def test_one_line_and_a_status(
    error: BaseException, cause: BaseException | None, status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.run(raising(error, cause))
    assert ended.value.code == status
    shown = capsys.readouterr().err
    assert shown.startswith(line)
    assert shown.count("\n") == bool(line)


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(OSError, match="no such thing"):
        cli.run(raising(OSError(errno.ENOENT, "no such thing", "run")))


def test_a_search_has_every_option() -> None:
    """The command line offers each field of `SearchConfig`, and no default of its own."""
    options = {parameter.name: parameter for parameter in typer.main.get_command(search_app).params}
    assert set(SearchConfig.model_fields) < set(options)
    for name in SearchConfig.model_fields:
        assert "--" + name.replace("_", "-") in options[name].opts
        assert options[name].default is None


@pytest.mark.parametrize(
    ("option", "given", "value"),
    [
        ("max_params", "2M", 2_000_000),
        ("max_params", "2_500_000", 2_500_000),
        ("max_macs", "1.5 g", 1_500_000_000),
        ("max_latency", "5ms", 5.0),
        ("max_latency", "0.5s", 500.0),
        ("max_size", "3MB", 3_000_000),
        ("max_size", "1MiB", 2**20),
        ("time_limit", "2h", 120.0),
    ],
)
def test_numbers_take_units(option: str, given: str, value: float) -> None:
    app, received = typer.Typer(), list[dict[str, Any]]()

    @app.command()
    @cli.with_config
    def command(options: dict[str, Any]) -> None:
        received.append(options)

    app(["--" + option.replace("_", "-"), given], standalone_mode=False)
    assert received == [{option: value}]
    assert type(received[0][option]) is type(value)
    assert getattr(SearchConfig(**received[0]), option) == value


def refused(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", ["nas", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.run(nas_app)
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    return shown


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["serch"], "search"),
        (["search", "--bugdet", "3"], "--budget"),
        (["profile", "m.yaml", "--imgzs", "64"], "--imgsz"),
    ],
)
def test_a_typing_error_has_a_suggestion(
    arguments: list[str], suggestion: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(arguments, monkeypatch, capsys)
    assert line.startswith("error: No such ")
    assert suggestion in line


def test_a_value_that_is_no_choice_is_told_without_words_of_pydantic(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(["search", "--sampler", "best"], monkeypatch, capsys)
    assert line.startswith("error: Invalid value for '--sampler': 'best' is not one of 'guided'")


def test_version_and_completion(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown = ""
    for option in ("--version", "--help"):
        monkeypatch.setattr(sys, "argv", ["nas", option])
        with pytest.raises(SystemExit) as ended:
            cli.run(nas_app)
        assert ended.value.code == 0
        shown += capsys.readouterr().out
    assert f"pareto-yolo {nas.__version__}" in shown
    assert "--install-completion" in shown
    assert all(command in shown for command in COMMANDS)


def fresh(*arguments: str) -> Any:
    """The JSON that a program prints in a new process."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_help_imports_nothing_heavy() -> None:
    """A heavy import takes seconds. One process asks all commands, so that the test is short."""
    found = fresh("-c", HELP, ",".join(COMMANDS))
    assert set(found) == set(COMMANDS)
    for command, (help_text, modules) in found.items():
        assert HEAVY.isdisjoint(modules), command
        # Training takes Ultralytics' own arguments.
        assert ("model=" if command == "train" else "--") in help_text, command


def test_the_public_names_import_no_torch() -> None:
    """Nor do the modules that prices and tables need."""
    assert HEAVY.isdisjoint(fresh("-c", IMPORT, "nas"))
    assert "torch" not in fresh("-c", IMPORT, *WITHOUT_TORCH)
