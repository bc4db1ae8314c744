"""``python -m nas.dashboard RUN``: look at a run's study in a browser."""

from __future__ import annotations

import errno
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Annotated
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import typer

from nas import cli
from nas.errors import InputError
from nas.reports.dashboard_server import dashboard

HOST = "127.0.0.1"

app = typer.Typer(add_completion=False)


class Server(ThreadingMixIn, WSGIServer):
    """A thread a request."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Says nothing of what goes well: a page that is open asks every few seconds."""

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Nothing."""


@app.command()
def main(
    run: Annotated[Path, typer.Argument(help="The run's directory; its search may still be going on.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of this machine; 0: any free one.")] = 8080,
) -> None:
    """Look at a run's study in a browser, on this machine alone: what is over a limit is marked as infeasible."""
    served = dashboard(run)
    try:
        server = make_server(HOST, port, served, Server, Quiet)
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        why = "is taken" if error.errno == errno.EADDRINUSE else "is not open to you"
        raise InputError(f"--port {port}: {why}; give another one, or 0 for any that is free") from None
    with server:
        print(f"{run}: http://{HOST}:{server.server_port}/ (Ctrl-C ends it)", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    cli.run(lambda: app(standalone_mode=False))
