"""A cluster: a Dask scheduler, found and reached, of the same software everywhere."""

from nas.cluster._call import submit, task
from nas.cluster._dask import UnreachableError, connect, distributed, labels, security, share
from nas.cluster._link import Link

__all__ = ["Link", "UnreachableError", "connect", "distributed", "labels", "security", "share", "submit", "task"]
