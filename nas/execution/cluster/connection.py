"""Dask: found or asked for, reached with TLS or without, and of the same software everywhere."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from nas.errors import InputError
from nas.execution.cluster.link import Link
from nas.execution.cluster.software import differing, software

if TYPE_CHECKING:
    from distributed import Client, Scheduler, Security

TIMEOUT = 20.0
"""Seconds for a scheduler to answer."""
KEY = "pareto-yolo"
"""Under which a scheduler keeps what software its cluster runs."""
INSTALL = "pip install 'pareto-yolo[dask]'"


class UnreachableError(InputError):
    """No scheduler answers at the address."""


def distributed() -> Any:
    """The package; raises InputError, with the command that installs it."""
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")  # read while it is imported; we say what matters
    try:
        import distributed
    except ImportError:
        raise InputError(f"a cluster needs dask's distributed, which is not installed; run {INSTALL}") from None
    return distributed


def security(link: Link) -> Security:
    """What Dask takes for the files of a link, for whoever uses it; without files, what Dask's own settings say."""
    kind = distributed().Security
    if link.tls_ca_file is None:
        found: Security = kind()
        return found
    options = {"tls_ca_file": str(link.tls_ca_file)}
    for role in ("client", "worker", "scheduler"):
        options |= {f"tls_{role}_cert": str(link.tls_cert), f"tls_{role}_key": str(link.tls_key)}
    found = kind(require_encryption=True, **options)
    return found


def connect(address: str, link: Link, timeout: float = TIMEOUT) -> Client:
    """A client of the scheduler, once both run the same software; the first that joins a scheduler which does not say
    what its cluster runs decides it.

    Raises UnreachableError for a scheduler that does not answer in ``timeout`` seconds, InputError for other software.
    """
    dask = distributed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dask.versions.VersionMismatchWarning)  # refused below
        try:
            client: Client = dask.Client(
                address, timeout=timeout, security=security(link), set_as_default=False, name="pareto-yolo"
            )
        except (OSError, ValueError, TypeError) as error:
            why = " ".join(str(error).split()) or type(error).__name__
            mend = "start one with python -m nas.scheduler, or give another address"
            raise UnreachableError(f"{address}: no scheduler answers there: {why}; {mend}") from None
    there = client.get_metadata([KEY], default=None)
    if there is None:
        client.set_metadata([KEY], software())
    elif other := differing(software(), there):
        client.close()
        raise InputError(f"{address}: the cluster runs other software: {other}; install the same on both")
    return client


def share(scheduler: Scheduler) -> None:
    """Have a scheduler say what software its cluster runs: its own."""
    scheduler.task_metadata[KEY] = software()


def labels(client: Client, label: str) -> int:
    """How many of a label the workers of a cluster have now."""
    # Not `client.scheduler_info()`: the client renews that by itself, without the workers.
    scheduler: Any = client.scheduler
    workers = client.sync(scheduler.identity, n_workers=-1)["workers"].values()
    return int(sum(worker["resources"].get(label, 0) for worker in workers))
