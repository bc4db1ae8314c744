"""How a command ends."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable

import pytest

from nas import cli
from nas.errors import InputError


def raising(error: BaseException, cause: BaseException | None = None) -> Callable[[], object]:
    def command() -> object:
        raise error from cause

    return command


@pytest.mark.parametrize(
    ("error", "cause", "status", "line"),
    [
        (InputError("--budget 0: give 1 or more"), None, 2, "error: --budget 0: give 1 or more"),
        (OSError(errno.ENOSPC, "No space left", "run/a.csv"), None, 1, "error: run/a.csv: no space left on the disk"),
        (
            PermissionError(errno.EACCES, "Permission denied", "run"),
            None,
            2,
            "error: run: Permission denied; give",
        ),
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


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(OSError, match="no such thing"):
        cli.run(raising(OSError(errno.ENOENT, "no such thing", "run")))
