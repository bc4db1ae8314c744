"""Connection to a Dask scheduler, with or without TLS. All machines of a cluster run the same software."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from nas.errors import ConfigError
from nas.execution.cluster.link import Link
from nas.execution.cluster.software import software, software_differences
from nas.installation import install_command

if TYPE_CHECKING:
    from distributed import Client, Scheduler, Security

TIMEOUT = 20.0
"""Seconds for a scheduler to answer."""
KEY = "pareto-yolo"
"""Key of a scheduler's metadata for the software of its cluster."""


class UnreachableError(ConfigError):
    """No scheduler answers at the address."""


def import_distributed() -> Any:
    """The package ``distributed``.

    Raises:
        ConfigError: It is not installed.
    """
    os.environ.setdefault("DASK_LOGGING__DISTRIBUTED", "critical")  # read at import; we report what matters
    try:
        import distributed
    except ImportError:
        hint = f"run {install_command('dask')}"
        raise ConfigError("a cluster needs dask's distributed, which is not installed", hint=hint) from None
    return distributed


def security(link: Link) -> Security:
    """Dask's security settings for the TLS files of a link. Without files, Dask's own configuration applies."""
    kind = import_distributed().Security
    if link.tls_ca_file is None:
        found: Security = kind()
        return found
    options = {"tls_ca_file": str(link.tls_ca_file)}
    for role in ("client", "worker", "scheduler"):
        options |= {f"tls_{role}_cert": str(link.tls_cert), f"tls_{role}_key": str(link.tls_key)}
    found = kind(require_encryption=True, **options)
    return found


def connect(address: str, link: Link, timeout: float = TIMEOUT) -> Client:
    """Connect to a scheduler.

    The first client of a scheduler that does not name its software sets the software of the cluster.

    Args:
        address: Address of the scheduler.
        link: TLS files.
        timeout: Seconds for the scheduler to answer.

    Raises:
        UnreachableError: The scheduler does not answer.
        ConfigError: The cluster runs other software.
    """
    dask = import_distributed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dask.versions.VersionMismatchWarning)  # versions are compared below
        try:
            client: Client = dask.Client(
                address, timeout=timeout, security=security(link), set_as_default=False, name="pareto-yolo"
            )
        except (OSError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            hint = "start one with python -m nas.scheduler, or give another address"
            raise UnreachableError(f"{address}: no scheduler answers there: {reason}", hint=hint) from None
    cluster_software = client.get_metadata([KEY], default=None)
    if cluster_software is None:
        client.set_metadata([KEY], software())
    elif differences := software_differences(software(), cluster_software):
        client.close()
        problem = f"{address}: the cluster runs other software: {differences}"
        raise ConfigError(problem, hint="install the same on both")
    return client


def publish_software(scheduler: Scheduler) -> None:
    """Set the software of a scheduler's cluster to the scheduler's own."""
    scheduler.task_metadata[KEY] = software()


def count_resources(client: Client, label: str) -> int:
    """The total of a Dask resource over all workers that are connected now."""
    # Not Client.scheduler_info(): a periodic refresh may replace its answer by one without workers.
    scheduler: Any = client.scheduler
    workers = client.sync(scheduler.identity, n_workers=-1)["workers"].values()
    return int(sum(worker["resources"].get(label, 0) for worker in workers))
