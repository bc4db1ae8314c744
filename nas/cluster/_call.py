"""A call as bytes: the scheduler, which only hands it on, need not know what it is of."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any


def packed(function: Callable[..., Any], *arguments: object) -> bytes:
    """A call for `call`; what it names must be importable on the worker."""
    return pickle.dumps((function, arguments))


def call(content: bytes) -> Any:
    """On a worker: make a call."""
    function, arguments = pickle.loads(content)
    return function(*arguments)
