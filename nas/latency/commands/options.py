"""Options that the commands share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nas import cli

if TYPE_CHECKING:
    from nas.latency.builder import TableBuilder
    from nas.latency.table import LatencyTable


CLASSES = 80
SIZE = 320
HELD_OUT = 40

Size = Annotated[int, typer.Option(help="Image size in pixels, a multiple of 32.")]
Sizes = Annotated[
    list[int] | None,
    typer.Option("--imgsz", help="Image size in pixels, a multiple of 32; may be repeated.", show_default=str(SIZE)),
]
Spaces = Annotated[
    list[str] | None,
    typer.Option(
        "--space",
        help="Search space, a shipped name or a .yaml file; may be repeated.",
        show_default="the default space",
    ),
]
OwnClasses = Annotated[int | None, typer.Option(help="Classes.", show_default=f"each YAML's; {CLASSES} else")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the random members.")]


@dataclass(frozen=True)
class TableOptions:
    """Options that name a latency table, see `nas.latency.opening.open_table`."""

    device: cli.Device = "cpu"
    runtime: cli.Runtime = "auto"
    threads: cli.Threads = 1
    precision: cli.Precision = "float32"
    table_file: cli.TableFile = None
    force: cli.Force = False

    def builder(self, rebuild: bool = False) -> TableBuilder:
        """Open the table to measure for it."""
        from nas.latency.opening import open_builder

        place = (self.device, self.runtime, self.threads, self.precision)
        return open_builder(*place, self.table_file, rebuild, self.force)

    def open(self) -> tuple[LatencyTable, TableBuilder | None]:
        """Open the table, and its builder if missing rows can be measured."""
        from nas.latency.devices import is_local
        from nas.latency.opening import open_table

        if not is_local(self.device):
            place = (self.device, self.runtime, self.threads, self.precision)
            return open_table(*place, self.table_file, self.force), None
        builder = self.builder()
        return builder.table, builder if builder.table.measurable else None


def with_table(*left_out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace the parameter ``table`` of a command by the options of `TableOptions`.

    Args:
        left_out: Options that the command does not have.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "table"]
        shared = inspect.signature(TableOptions, eval_str=True, globals=globals()).parameters.values()
        options = [p for p in shared if p.name not in left_out]

        @functools.wraps(command)
        def wrapped(**arguments: Any) -> None:
            table = TableOptions(**{option.name: arguments.pop(option.name) for option in options})
            command(**arguments, table=table)

        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *options)]
        wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {}
        return wrapped

    return decorate
