"""Errors of executors."""

from __future__ import annotations

from nas.errors import SearchError


class KilledError(Exception):
    """A candidate's process was killed, by the time limit or by the system. The message says which."""


class ExecutorError(SearchError):
    """Nothing can be scored any more, for example because the cluster is gone. Resume the run later."""
