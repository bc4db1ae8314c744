"""What every command shares: how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from rich.console import Console
from typer.exceptions import TyperException

from nas.errors import InputError


def run(command: Callable[[], object]) -> None:
    """Run a command and exit: 0 done, 2 for a wrong option or input, 130 for Ctrl-C.

    Bad input shows its one line; any other exception is a fault of ours, keeps its traceback and exits with 1.
    """
    try:
        status = command()
    except InputError as error:
        fail(str(error), 2)
    except TyperException as error:
        fail(error.format_message(), 2)
    except KeyboardInterrupt:
        sys.exit(130)
    # Typer turns Ctrl-C, and --help, into a status that it returns.
    sys.exit(status if isinstance(status, int) else 0)


def fail(message: str, status: int) -> NoReturn:
    """Exit with one line on standard error."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"error: {message}", markup=False)
    sys.exit(status)
