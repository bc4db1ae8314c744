"""Dask workers of one machine: started, restarted, and joined to a scheduler again after its loss."""

from __future__ import annotations

import asyncio
import os
import platform
import tempfile
from dataclasses import dataclass, field
from typing import Any

from nas.execution.cluster.connection import UnreachableError, connect, import_distributed, security
from nas.execution.cluster.link import Link

RECONNECT_INTERVAL = 2.0
"""Seconds between two attempts to find a lost scheduler."""


@dataclass
class WorkerProcess:
    """Settings of one Dask worker process.

    Attributes:
        nthreads: Calls that it executes at once.
        resources: Dask resources that it offers: ``train``, ``GPU``, ``device:NAME``.
        env: Environment variables of the process.
    """

    nthreads: int
    resources: dict[str, float]
    env: dict[str, str] = field(default_factory=dict)


def worker_processes(device: str, slots: int | None) -> list[WorkerProcess]:
    """The worker processes of this machine: one for each GPU, otherwise one for all cores.

    Args:
        device: Name of this machine as a device. The first process measures latency under this name.
        slots: Trainings at once; None means one for each GPU, or one for each core without a GPU.
    """
    import torch

    gpus = torch.cuda.device_count() if slots is None and torch.cuda.is_available() else 0
    if gpus:
        processes = [
            WorkerProcess(1, {"train": 1, "GPU": 1}, {"CUDA_VISIBLE_DEVICES": str(number)}) for number in range(gpus)
        ]
    else:
        count = len(os.sched_getaffinity(0)) if slots is None else slots
        processes = [WorkerProcess(count, {"train": count} if count else {})]
    processes[0].nthreads += 1  # measures latency
    processes[0].resources[f"device:{device}"] = 1
    return processes


def serve(scheduler: str, host: str, device: str, processes: list[WorkerProcess], link: Link) -> None:
    """Run the worker processes until Ctrl-C.

    Args:
        scheduler: Address of the scheduler.
        host: Address of this machine to listen on.
        device: Name of this machine as a device.
        processes: The worker processes.
        link: TLS files.

    Raises:
        ConfigError: The scheduler came back with other software.
    """
    import_distributed()
    import dask

    # A job starts a child process, which a daemon process may not do.
    with dask.config.set({"distributed.worker.daemon": False}):
        asyncio.run(_serve(scheduler, host, device, processes, link))


async def _serve(scheduler: str, host: str, device: str, processes: list[WorkerProcess], link: Link) -> None:
    machine = f"{device} on {platform.node()}, process {os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="pareto-yolo-worker-") as folder:
        options = {"host": host, "security": security(link), "local_directory": folder}
        keepers = (
            _keep_running(scheduler, f"{machine}-{number}", process, options, link)
            for number, process in enumerate(processes)
        )
        await asyncio.gather(*keepers)


async def _keep_running(scheduler: str, name: str, process: WorkerProcess, options: dict[str, Any], link: Link) -> None:
    """Restart a worker process that died, and wait for a scheduler that is gone."""
    while True:
        nanny = import_distributed().Nanny(
            scheduler,
            name=name,
            nthreads=process.nthreads,
            resources=process.resources,
            env=process.env,
            memory_limit=0,  # trainings run in other processes
            dashboard=False,
            quiet=True,
            **options,
        )
        try:
            await nanny
            print(f"{name}: joined {scheduler}", flush=True)
            await nanny.finished()
        except Exception as error:
            print(f"{name}: {' '.join(str(error).split())}", flush=True)
            await nanny.close(timeout=5)
        print(f"{name}: the scheduler {scheduler} is gone; waiting for it", flush=True)
        while not await asyncio.to_thread(_answers, scheduler, link):
            await asyncio.sleep(RECONNECT_INTERVAL)


def _answers(scheduler: str, link: Link) -> bool:
    try:
        connect(scheduler, link, 5).close()
    except UnreachableError:
        return False
    return True
