"""What commands share: the options that name a latency table, the image size, and how a command ends."""

from __future__ import annotations

import errno
import sqlite3
import sys
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from typer.exceptions import TyperException

from nas.errors import InputError
from nas.operators.user_operators import load_own

DEVICE, CLUSTER = "Device", "Cluster"
"""Headings of `--help`."""

Device = Annotated[
    str,
    typer.Option(
        help="Device whose latency counts: cpu, cuda, cuda:N, or one whose table was imported.", rich_help_panel=DEVICE
    ),
]
Runtime = Annotated[
    str, typer.Option(help="auto, torch, onnxruntime or openvino: what you deploy with.", rich_help_panel=DEVICE)
]
Threads = Annotated[int, typer.Option(help="Threads of the runtime.", rich_help_panel=DEVICE)]
Precision = Annotated[
    str, typer.Option(help="float32, or float16 where the device computes in it.", rich_help_panel=DEVICE)
]
TableFile = Annotated[
    Path | None, typer.Option("--table", help="Latency table.", show_default="the device's own", rich_help_panel=DEVICE)
]
Force = Annotated[
    bool, typer.Option("--force", help="Take a table that does not fit the device, and say so.", rich_help_panel=DEVICE)
]
LOOPBACK = "127.0.0.1"
Host = Annotated[str, typer.Option(help="Address of this machine to listen on, for others to reach it.")]
TlsCaFile = Annotated[
    Path | None,
    typer.Option(help="Certificate authority of the cluster, PEM.", show_default=False, rich_help_panel=CLUSTER),
]
TlsCert = Annotated[
    Path | None, typer.Option(help="Certificate that it signed, PEM.", show_default=False, rich_help_panel=CLUSTER)
]
TlsKey = Annotated[
    Path | None, typer.Option(help="Key of that certificate, PEM.", show_default=False, rich_help_panel=CLUSTER)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


KEPT = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
"""What the system says where a file must not be read or written, or cannot lie."""

Say = Callable[[str], object]
"""Takes a line for a person."""


def check_imgsz(imgsz: int) -> None:
    """Raise InputError for a size in pixels that no detector here takes."""
    if imgsz < 32 or imgsz % 32:
        raise InputError(f"--imgsz {imgsz}: must be a multiple of 32; give {max(32, round(imgsz / 32) * 32)}")


def warn_open(host: str, certificate: Path | None) -> None:
    """Say so where a cluster listens for others without TLS."""
    if not is_loopback(host) and certificate is None:
        text = f"--host {host}: without --tls-cert, whoever reaches this address can run code here"
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"warning: {text}", markup=False)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_nc(nc: int | None) -> None:
    """Raise InputError for what is no number of classes."""
    if nc is not None and nc < 1:
        raise InputError(f"--nc {nc}: must be the number of classes, 1 or more")


def run(command: Callable[[], object]) -> None:
    """Run a command and exit: 0 done, 1 for a full disk, 2 for a wrong option or input or a file that the system keeps
    from us, 130 for Ctrl-C.

    These show one line; any other exception is a fault of ours, keeps its traceback and exits with 1.
    """
    try:
        load_own()
        status = command()
    except InputError as error:
        fail(str(error), 2)
    except TyperException as error:
        fail(error.format_message(), 2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if file := _full(error):
            fail(f"{file}: no space left on the disk; free some and go on: what was finished is kept", 1)
        if isinstance(error, OSError) and error.errno in KEPT and error.filename is not None:
            fail(f"{error.filename}: {error.strerror}; give another place, or the right to use this one", 2)
        raise
    # Typer turns Ctrl-C, and --help, into a status that it returns.
    sys.exit(status if isinstance(status, int) else 0)


def _full(error: BaseException | None) -> str:
    """What could not be written where an error, or what it came from, is of a full disk; else nothing."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return str(error.filename or "a file")
        if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
            return "the study"
        error = error.__cause__ or error.__context__
    return ""


def fail(message: str, status: int) -> NoReturn:
    """Exit with one line on standard error."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"error: {message}", markup=False)
    sys.exit(status)
