"""Calls on a worker of a cluster.

A call travels as bytes that the scheduler does not read, so the scheduler needs none of the modules that it names.
"""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from nas.execution.cluster.connection import import_distributed

if TYPE_CHECKING:
    from distributed import Client


def submit(client: Client, label: str, function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function on a worker.

    Args:
        client: Client of the cluster.
        label: Dask resource; the call waits for a worker with one free unit of it.
        function: A function that the worker can import.
        arguments: Its arguments; picklable.

    Returns:
        Dask's future.
    """
    key = f"{function.__name__.strip('_')}-{uuid.uuid4().hex}"
    call = pickle.dumps((function, arguments))
    return client.submit(_call, call, resources={label: 1}, pure=False, key=key)


class Task(NamedTuple):
    """The call that a worker's thread executes.

    Attributes:
        worker: Name of the worker.
        is_wanted: Returns False when the scheduler does not want the result any more.
    """

    worker: str
    is_wanted: Callable[[], bool]


def current_task() -> Task:
    """The call that the current thread of a worker executes."""
    worker = import_distributed().get_worker()
    key = worker.get_current_task()

    def is_wanted() -> bool:
        found = worker.state.tasks.get(key)
        return found is not None and found.state in {"executing", "long-running"}

    return Task(worker.name, is_wanted)


def _call(call: bytes) -> Any:
    function, arguments = pickle.loads(call)
    return function(*arguments)
