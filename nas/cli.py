"""Command line: options made from `nas.config.SearchConfig`, and the exit status of a command.

Typer builds the command lines. It has what users expect: ``--install-completion``, suggestions for a mistyped option or
command, grouped help. It imports in 0.06 s, as fast as cyclopts, and takes a signature that is made at run time.
`with_config` makes that signature from the fields of SearchConfig; `option` makes one option for another command.
"""

from __future__ import annotations

import errno
import functools
import inspect
import re
import sqlite3
import sys
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, NoReturn, Union, get_args, get_origin

import typer
from annotated_types import Ge
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from rich.console import Console
from typer.exceptions import TyperException

from nas.config import SearchConfig, spec_of
from nas.errors import NasError, SearchError
from nas.operators.user_operators import load_own
from nas.streams import make_tolerant

_REFUSED_BY_SYSTEM = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
"""Errors of files that must not be read or written, or cannot exist."""

Say = Callable[[str], object]
"""Receives a line for a person."""


def option(name: str, own_help: str = "") -> Any:
    """The option of a `SearchConfig` field, for the annotation of another command's parameter.

    Args:
        name: The field.
        own_help: Replaces its help.
    """
    return _option(name, SearchConfig.model_fields[name], own_help)


def _option(name: str, field: FieldInfo, own_help: str = "") -> Any:
    spec = spec_of(field)
    text = own_help or field.description or ""
    if spec.choices is not None:
        text += f" One of {', '.join(spec.choices())}."
    flag = "--" + name.replace("_", "-")
    default = field.default
    words = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    shown: str | bool = spec.default or (False if default is None or default is False else words)
    if default is True:
        flag = f"--no-{name}" if own_help else f"{flag}/--no-{name}"
    least = next((item.ge for item in field.metadata if isinstance(item, Ge)), None)
    return typer.Option(
        flag,
        *spec.aliases,
        help=text,
        show_default=shown,
        metavar=spec.metavar or ("INTEGER" if int in get_args(field.annotation) else "FLOAT" if spec.units else None),
        min=least if isinstance(least, int | float) and not spec.units else None,
        parser=_parser(spec.units, whole=int in get_args(field.annotation)) if spec.units else None,
        rich_help_panel=spec.group,
    )


def _parser(units: Mapping[str, float], whole: bool) -> Callable[[str], float]:
    """Parser of a number that a unit may follow, as in ``2M`` or ``5 ms``. Case does not count."""
    known = {name.lower(): value for name, value in units.items()}

    def parse(text: str) -> float:
        number, unit = re.fullmatch(r"(.*?)\s*([a-z]*)", text.strip().lower(), re.DOTALL).groups()  # type: ignore[union-attr]
        if unit in {"nan", "inf", "infinity"} and unit not in known:
            number, unit = number + unit, ""
        try:
            value = float(number) * (known[unit] if unit else 1)
        except (ValueError, KeyError):
            problem = "{text} is not a number, nor one with the unit {units}"
            raise PydanticCustomError("number", problem, {"text": repr(text), "units": ", ".join(units)}) from None
        if not whole:
            return value
        if not value.is_integer():
            raise PydanticCustomError("number", "{text} is not a whole number", {"text": repr(text)})
        return int(value)

    return parse


def with_config(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options of `SearchConfig`. Its first parameter receives the given ones by name."""
    _given, *own = inspect.signature(command, eval_str=True).parameters.values()

    @functools.wraps(command)
    def wrapped(**arguments: Any) -> None:
        others = {parameter.name: arguments.pop(parameter.name) for parameter in own}
        command({name: value for name, value in arguments.items() if value is not None}, **others)

    fields = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[_type_of(field) | None, _option(name, field)],
        )
        for name, field in SearchConfig.model_fields.items()
    ]
    others = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    signature = inspect.Signature([*fields, *others])
    wrapped.__signature__ = signature  # type: ignore[attr-defined]
    wrapped.__annotations__ = {}
    return wrapped


def _type_of(field: FieldInfo) -> Any:
    """The type that the command line parses."""
    kind = field.annotation
    if get_origin(kind) in {Union, UnionType}:
        (kind,) = (part for part in get_args(kind) if part is not NoneType)
    if get_origin(kind) is tuple:
        return str if spec_of(field).joined else list[get_args(kind)[0]]  # type: ignore[misc]
    return kind


Device = Annotated[str, option("device")]
Runtime = Annotated[str, option("runtime")]
Threads = Annotated[int, option("threads")]
Precision = Annotated[str, option("precision")]
TableFile = Annotated[Path | None, option("table")]
Force = Annotated[bool, option("force")]
TlsCaFile = Annotated[Path | None, option("tls_ca_file")]
TlsCert = Annotated[Path | None, option("tls_cert")]
TlsKey = Annotated[Path | None, option("tls_key")]
LOOPBACK = "127.0.0.1"
Host = Annotated[str, typer.Option(help="Address of this machine to listen on, for other machines to connect to.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def warn_open(host: str, certificate: Path | None) -> None:
    """Warn about a cluster that listens for other machines without TLS."""
    if not is_loopback(host) and certificate is None:
        text = f"--host {host}: without --tls-cert, anyone who can connect to this address can run code here"
        _print_error(f"warning: {text}")


def is_loopback(host: str) -> bool:
    """Return True if only this machine can connect to an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def spell(field: str, value: object = None) -> str:
    """A field as an option of the command line: ``--max-latency 40``."""
    flag = "--" + field.replace("_", "-")
    return flag if value is None or value is True else f"{flag} {value}"


def run(command: Callable[..., object]) -> NoReturn:
    """Run a command and exit.

    The exit status is 0 for success, 2 for a wrong option or input or a file that the system refuses, 1 for a failure,
    and 130 for Ctrl-C. Known errors print one line. Other exceptions are bugs and keep their traceback.

    Args:
        command: A Typer app, or a function without parameters.
    """
    make_tolerant()
    try:
        load_own()
        status = command(standalone_mode=False) if isinstance(command, typer.Typer) else command()
    except SearchError as error:
        fail(error.text(spell), 1)
    except NasError as error:
        fail(error.text(spell), 2)
    except TyperException as error:
        _drop_prefix(error)
        fail(error.format_message(), 2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if file := _full_disk(error):
            fail(f"{file}: no space left on the disk; free some and continue: finished work is kept", 1)
        if isinstance(error, OSError) and error.errno in _REFUSED_BY_SYSTEM and error.filename is not None:
            fail(f"{error.filename}: {error.strerror}; give another place, or the right to use this one", 2)
        raise
    # Typer turns Ctrl-C and --help into a status that it returns.
    sys.exit(status if isinstance(status, int) else 0)


def _drop_prefix(error: TyperException) -> None:
    """Remove the words of pydantic before the problem of a value that is no choice."""
    if isinstance(error, typer.BadParameter) and isinstance(error.__cause__, ValidationError):
        fault = error.__cause__.errors()[0]
        if fault["type"] == "value_error":
            error.message = str(fault["ctx"]["error"])


def _full_disk(error: BaseException | None) -> str:
    """The file that could not be written if an error, or its cause, is a full disk; otherwise empty."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return str(error.filename or "a file")
        if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
            return "the study"
        error = error.__cause__ or error.__context__
    return ""


def fail(message: str, status: int) -> NoReturn:
    """Exit with one line on standard error."""
    _print_error(f"error: {message}")
    sys.exit(status)


def _print_error(line: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(line, markup=False)
