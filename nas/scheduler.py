"""``python -m nas.scheduler``: the Dask scheduler that workers and searches of a cluster connect to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from nas import cli

if TYPE_CHECKING:
    from nas.execution.cluster.link import Link

app = typer.Typer()


@app.command()
def main(
    host: cli.Host = cli.LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 means any free port.")] = 8786,
    tls_ca_file: cli.TlsCaFile = None,
    tls_cert: cli.TlsCert = None,
    tls_key: cli.TlsKey = None,
) -> None:
    """Start the scheduler of a cluster, for python -m nas.worker and python -m nas.search --workers."""
    from nas.execution.cluster.link import Link

    link = Link(tls_ca_file, tls_cert, tls_key)
    cli.warn_open(host, link.tls_cert)
    asyncio.run(_serve(host, port, link))


async def _serve(host: str, port: int, link: Link) -> None:
    from nas.errors import ConfigError
    from nas.execution.cluster.connection import import_distributed, publish_software, security

    protocol = "tcp://" if link.tls_cert is None else "tls://"
    options = {"protocol": protocol, "security": security(link), "dashboard": False, "dashboard_address": f"{host}:0"}
    try:
        scheduler = await import_distributed().Scheduler(host=host, port=port, **options)
    except OSError as error:
        problem = f"cannot listen on port {port}: {error.strerror or error}"
        raise ConfigError(problem, field="host", value=host, hint="give another `port`") from None
    publish_software(scheduler)
    print(f"scheduler {scheduler.address}; join with python -m nas.worker {scheduler.address}", flush=True)
    await scheduler.finished()


if __name__ == "__main__":
    cli.run(app)
