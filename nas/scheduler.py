"""``python -m nas.scheduler``: what workers and searches of a cluster meet at, a Dask scheduler."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from nas import cli
from nas.errors import InputError
from nas.execution.cluster.connection import import_distributed, publish_software, security
from nas.execution.cluster.link import Link

app = typer.Typer(add_completion=False)


@app.command()
def main(
    host: cli.Host = cli.LOOPBACK,
    port: Annotated[int, typer.Option(help="Where it listens; 0: any free port.")] = 8786,
    tls_ca_file: cli.TlsCaFile = None,
    tls_cert: cli.TlsCert = None,
    tls_key: cli.TlsKey = None,
) -> None:
    """Start the scheduler of a cluster, for python -m nas.worker and python -m nas.search --workers."""
    link = Link(tls_ca_file, tls_cert, tls_key)
    cli.warn_open(host, link.tls_cert)
    asyncio.run(_serve(host, port, link))


async def _serve(host: str, port: int, link: Link) -> None:
    protocol = "tcp://" if link.tls_cert is None else "tls://"
    options = {"protocol": protocol, "security": security(link), "dashboard": False, "dashboard_address": f"{host}:0"}
    try:
        scheduler = await import_distributed().Scheduler(host=host, port=port, **options)
    except OSError as error:
        raise InputError(f"--host {host} --port {port}: cannot listen there: {error.strerror or error}") from None
    publish_software(scheduler)
    print(f"scheduler {scheduler.address}; join with python -m nas.worker {scheduler.address}", flush=True)
    await scheduler.finished()


if __name__ == "__main__":
    cli.run(lambda: app(standalone_mode=False))
