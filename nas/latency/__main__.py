"""``python -m nas.latency build|check|predict|list|bundle|import``: the latency table of a device."""

from __future__ import annotations

import typer

from nas import cli
from nas.latency.commands.build import build
from nas.latency.commands.check import check
from nas.latency.commands.make_kit import make_kit
from nas.latency.commands.predict import predict
from nas.latency.commands.show_list import show_list
from nas.latency.commands.take_kit import take_kit

app = typer.Typer(add_completion=False, help="Build, check, read and carry the latency table of a device.")
app.command("build")(build)
app.command("predict")(predict)
app.command("check")(check)
app.command("list")(show_list)
app.command("bundle")(make_kit)
app.command("import")(take_kit)

if __name__ == "__main__":
    cli.run(app)
