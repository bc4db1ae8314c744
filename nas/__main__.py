"""``nas COMMAND``: the same as ``python -m nas.COMMAND``."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer
from typer import Context
from typer.core import TyperGroup

import nas
from nas import cli

COMMANDS = {
    "search": "Find Pareto-optimal detectors for a device.",
    "latency": "Build, check, read and carry the latency table of a device.",
    "pick": "Recommend one model of a run, with its files and the next commands.",
    "finish": "Train, validate, export and measure one model of a run.",
    "report": "Rebuild the report of a run, or compare two runs.",
    "dashboard": "Show the study of a run in a browser.",
    "export": "Write found models as the YAML of a trainer, or as an ONNX file.",
    "profile": "Show the costs of every row of a model YAML.",
    "worker": "Lend this machine to searches, as part of a cluster.",
    "scheduler": "Start the scheduler of a cluster.",
    "transfer": "Make starting weights for one model from a trained detector of its family.",
    "train": "Train a model YAML with Ultralytics, our operators registered.",
}
"""Commands and their help. Each is a module or package of `nas` with a Typer ``app``, imported when it is needed."""


class _LazyGroup(TyperGroup):
    """A group that imports a command only to run or complete it. Until then `_stub` stands for it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        module = importlib.import_module(
            f"nas.{name}" + (".__main__" if name in {"search", "latency", "transfer"} else "")
        )
        if hasattr(module, "app"):
            command = typer.main.get_command(module.app)
            command.name = name
        return name, command, rest


app = typer.Typer(cls=_LazyGroup, no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"pareto-yolo {nas.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=False)
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Find YOLO detectors that are Pareto-optimal on your device."""


def _stub(name: str) -> None:
    """Register a command by its name and help. It passes its arguments on where the module has no Typer app."""

    def run(ctx: Context) -> None:
        importlib.import_module(f"nas.{name}").main(ctx.args)

    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command(name, help=COMMANDS[name], context_settings=settings)(run)


for _name in COMMANDS:
    _stub(_name)


def main() -> None:
    """Run the command line ``nas``."""
    cli.run(app)


if __name__ == "__main__":
    main()
