"""A call on a worker of a cluster. It travels as bytes: the scheduler, which hands it on, need not know of what."""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from nas.execution.cluster.connection import distributed

if TYPE_CHECKING:
    from distributed import Client


def submit(client: Client, label: str, function: Callable[..., Any], *arguments: object) -> Any:
    """Have one call made, by a worker of which one ``label`` is free; gives Dask's future. What the call names must be
    importable there."""
    key = f"{function.__name__.strip('_')}-{uuid.uuid4().hex}"
    call = pickle.dumps((function, arguments))
    return client.submit(_made, call, resources={label: 1}, pure=False, key=key)


class Task(NamedTuple):
    """What a call knows of itself: its worker's name, and whether the scheduler still wants its result."""

    worker: str
    wanted: Callable[[], bool]


def task() -> Task:
    """The call that this thread of a worker makes."""
    worker = distributed().get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        found = worker.state.tasks.get(key)
        return found is not None and found.state in {"executing", "long-running"}

    return Task(worker.name, wanted)


def _made(call: bytes) -> Any:
    function, arguments = pickle.loads(call)
    return function(*arguments)
