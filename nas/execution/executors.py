"""Executors: the protocol between a search and the machines that train its candidates.

Importing this module does not import torch.
"""

from __future__ import annotations

import importlib
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol

from nas.errors import ConfigError

if TYPE_CHECKING:
    from nas.detectors.rows import Detector
    from nas.proxies.outcome import Outcome

EXECUTORS: dict[str, str] = {
    "": "nas.execution.local_workers:LocalWorkers",
    "tcp": "nas.execution.dask_workers:DaskWorkers",
    "tls": "nas.execution.dask_workers:DaskWorkers",
}
"""Import strings (``module:Class``) of the executors, by the scheme of the address in ``workers``. The empty scheme is
this machine."""


class Executor(Protocol):
    """Scores candidates, ``count`` of them at once.

    The constructor takes ``make_proxy`` (a picklable function that creates the proxy), ``count``, ``threads`` (torch
    threads of each training) and ``limit`` (seconds of a training). An executor on other machines also takes
    ``address``, `nas.execution.cluster.link.Link` and ``label``.

    Only one thread calls an executor. An executor never loses a job silently: the future of a job tells its end. An
    executor replaces a worker that dies or disappears, a limited number of times.

    To add an executor, write such a class that calls `nas.execution.job.run_job` on its machines, and add a line to
    `EXECUTORS`. tests/execution/test_executors.py checks its contract.
    """

    count: int

    def score(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        """Score a detector in a process that can be killed.

        Args:
            detector: The candidate.
            seed: Seed of the training.
            rung: See `nas.proxies.fidelity.with_fidelity`.
            scale: See `nas.proxies.fidelity.with_fidelity`.

        Returns:
            A future. It raises any error of the training; KilledError for a candidate that was killed; InputError if
            the proxy cannot be created; ExecutorError if nothing can be scored any more.
        """

    def pause(self) -> None:
        """Stop all trainings. The next `score` starts new processes."""


def executor_class(address: str) -> type[Any]:
    """The executor for an address; the empty address is this machine.

    Raises:
        ConfigError: The scheme of the address is unknown.
    """
    import_string = EXECUTORS[check_address(address)]
    module, _, name = import_string.partition(":")
    found: type[Any] = getattr(importlib.import_module(module), name)
    return found


def check_address(address: str) -> str:
    """The scheme of an address.

    Raises:
        ConfigError: The scheme is unknown.
    """
    scheme, separator, _ = address.partition("://")
    scheme = scheme if separator else ""
    if scheme not in EXECUTORS or (address and not scheme):
        known = ", ".join(f"{name}://HOST:PORT" for name in EXECUTORS if name)
        hint = f"give 1 or more, 0 for one per core, or an address such as {known}"
        raise ConfigError("is neither a number nor the address of a cluster", field="workers", value=address, hint=hint)
    return scheme
