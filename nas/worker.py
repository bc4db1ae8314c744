"""``python -m nas.worker tcp://scheduler:8786``: lends this machine to searches."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from nas import cli

app = typer.Typer()

TIMEOUT = 60.0
"""Seconds for the scheduler to answer at first."""


@app.command()
def main(
    scheduler: Annotated[str, typer.Argument(help="Address of the scheduler, tcp://HOST:PORT or tls://HOST:PORT.")],
    host: cli.Host = cli.LOOPBACK,
    slots: Annotated[
        int | None,
        typer.Option(min=0, help="Trainings at once; 0 means none.", show_default="one per GPU, or one per core"),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(help="Name of this machine as a device.", show_default="made from its processor's name"),
    ] = None,
    tls_ca_file: cli.TlsCaFile = None,
    tls_cert: cli.TlsCert = None,
    tls_key: cli.TlsKey = None,
) -> None:
    """Lend this machine to searches until Ctrl-C: train their candidates, and measure latency while none trains."""
    from nas.execution.cluster.connection import connect
    from nas.execution.cluster.link import Link
    from nas.execution.cluster.workers import serve, worker_processes
    from nas.latency.devices import check_name
    from nas.latency.runtimes.measure import machine

    link = Link(tls_ca_file, tls_cert, tls_key)
    cli.warn_open(host, link.tls_cert)
    processor = machine()["cpu"]
    name = device or _device_name(processor)
    check_name(name)
    print(f"connecting to {scheduler}, for at most {TIMEOUT:g} s", flush=True)
    connect(scheduler, link, TIMEOUT).close()
    processes = worker_processes(name, slots)
    offered = ", ".join(f"{value} {label}" for process in processes for label, value in process.resources.items())
    print(f"worker of {scheduler}: {offered}; {processor}", flush=True)
    serve(scheduler, host, name, processes, link)


def _device_name(processor: str) -> str:
    """A device name that is made from the name of a processor."""
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", processor.lower())).strip("-")


if __name__ == "__main__":
    cli.run(app)
