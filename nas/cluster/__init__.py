"""A cluster: a Dask scheduler, found and reached, of the same software everywhere."""

from nas.cluster._call import call, packed
from nas.cluster._dask import UnreachableError, connect, distributed, labels, security, share
from nas.cluster._link import Link

__all__ = ["Link", "UnreachableError", "call", "connect", "distributed", "labels", "packed", "security", "share"]
