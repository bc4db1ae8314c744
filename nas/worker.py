"""``python -m nas.worker tcp://scheduler:8786``: lends this machine to searches."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import tempfile
from typing import Annotated, Any

import torch
import typer

from nas import cli
from nas.execution.cluster.connection import UnreachableError, connect, import_distributed, security
from nas.execution.cluster.link import Link
from nas.latency.opening import check_name
from nas.latency.runtimes.measure import machine

app = typer.Typer(add_completion=False)

TIMEOUT = 60.0
"""Seconds for the scheduler to answer at first."""
AGAIN = 2.0
"""Seconds between two attempts to find a scheduler that was lost."""


@app.command()
def main(
    scheduler: Annotated[str, typer.Argument(help="Address of the scheduler, tcp://HOST:PORT or tls://HOST:PORT.")],
    host: cli.Host = cli.LOOPBACK,
    slots: Annotated[
        int | None, typer.Option(min=0, help="Trainings at once; 0: none.", show_default="one a GPU, or one a core")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="What this machine is called as a device.", show_default="after its processor")
    ] = None,
    tls_ca_file: cli.TlsCaFile = None,
    tls_cert: cli.TlsCert = None,
    tls_key: cli.TlsKey = None,
) -> None:
    """Lend this machine to searches, until Ctrl-C: train their candidates, and measure latency while none trains."""
    link = Link(tls_ca_file, tls_cert, tls_key)
    cli.warn_open(host, link.tls_cert)
    name = device or device_name()
    check_name(name)
    crews = _crews(slots, torch.cuda.device_count() if torch.cuda.is_available() else 0)
    connect(scheduler, link, TIMEOUT).close()
    labels = [f"{value} {label}" for crew in crews for label, value in crew["resources"].items()]
    print(f"worker of {scheduler}: {', '.join([*labels, f'device:{name}'])}; {machine()['cpu']}", flush=True)
    # A job runs in a child process of the worker, which a daemon may not have.
    import dask

    with dask.config.set({"distributed.worker.daemon": False}):
        asyncio.run(_serve(scheduler, host, name, crews, link))


def device_name() -> str:
    """A device's name made of its processor's."""
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", machine()["cpu"].lower())).strip("-")


def _crews(slots: int | None, gpus: int) -> list[dict[str, Any]]:
    """The Dask workers of this machine: one for each GPU, or else one for all cores, with what they see and offer."""
    if gpus and slots is None:
        return [
            {"nthreads": 1, "resources": {"train": 1, "GPU": 1}, "env": {"CUDA_VISIBLE_DEVICES": str(number)}}
            for number in range(gpus)
        ]
    count = len(os.sched_getaffinity(0)) if slots is None else slots
    return [{"nthreads": count, "resources": {"train": count} if count else {}, "env": {}}]


async def _serve(scheduler: str, host: str, name: str, crews: list[dict[str, Any]], link: Link) -> None:
    """Keep the workers there: a process that died is started again, and a scheduler that is gone is waited for."""
    crews[0]["nthreads"] += 1  # the one that measures
    crews[0]["resources"] |= {f"device:{name}": 1}
    worker = f"{name} on {platform.node()}, process {os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="pareto-yolo-worker-") as folder:
        names = [f"{worker}-{n}" for n in range(len(crews))]
        each = zip(names, crews, strict=True)
        await asyncio.gather(*(_keep(scheduler, host, named, crew, link, folder) for named, crew in each))


async def _keep(scheduler: str, host: str, name: str, crew: dict[str, Any], link: Link, folder: str) -> None:
    while True:
        nanny = import_distributed().Nanny(
            scheduler,
            name=name,
            host=host,
            security=security(link),
            memory_limit=0,  # the trainings are other processes
            local_directory=folder,
            dashboard=False,
            quiet=True,
            **crew,
        )
        try:
            await nanny
            print(f"{name}: joined {scheduler}", flush=True)
            await nanny.finished()
        except Exception as error:
            print(f"{name}: {' '.join(str(error).split())}", flush=True)
            await nanny.close(timeout=5)
        print(f"{name}: the scheduler {scheduler} is gone; waiting for it", flush=True)
        while not await asyncio.to_thread(_there, scheduler, link):
            await asyncio.sleep(AGAIN)


def _there(scheduler: str, link: Link) -> bool:
    """Whether the scheduler answers; raises InputError where it came back with other software."""
    try:
        connect(scheduler, link, 5).close()
    except UnreachableError:
        return False
    return True


if __name__ == "__main__":
    cli.run(lambda: app(standalone_mode=False))
