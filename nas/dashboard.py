"""``python -m nas.dashboard RUN``: show the study of a run in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nas import cli
from nas.errors import ConfigError

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer
    from wsgiref.types import WSGIApplication

HOST = "127.0.0.1"

app = typer.Typer(add_completion=False)


@app.command()
def main(
    run: Annotated[Path, typer.Argument(help="Run directory. Its search may still be running.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine. 0: any free port.")] = 8080,
) -> None:
    """Show the study of a run in a browser on this machine, read-only. Candidates over a limit are infeasible there."""
    from nas.reports.dashboard_server import dashboard

    with _serve(dashboard(run), port) as server:
        print(f"{run}: http://{HOST}:{server.server_port}/ (Ctrl-C ends it)", flush=True)
        server.serve_forever()


def _serve(application: WSGIApplication, port: int) -> WSGIServer:
    """A server with a thread for each request.

    Raises:
        ConfigError: The port cannot be used.
    """
    import errno
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    class QuietHandler(WSGIRequestHandler):
        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Log nothing: an open page sends a request every few seconds."""

    try:
        return make_server(HOST, port, application, Server, QuietHandler)
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        problem = "is in use" if error.errno == errno.EADDRINUSE else "needs privileges that you do not have"
        hint = "give another port, or 0 for any free port"
        raise ConfigError(problem, field="port", value=port, hint=hint) from None


if __name__ == "__main__":
    cli.run(app)
