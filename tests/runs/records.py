"""Records of runs for tests."""

from __future__ import annotations

from typing import Any

from nas.config import SearchConfig
from nas.runs.record import Hashes, RunRecord, RunStatus


def record(data: str = "a", fingerprint: dict[str, str | int] | None = None, **options: Any) -> RunRecord:
    """The record of a new run.

    Args:
        data: Hash of its data set.
        fingerprint: Fingerprint of its latency table.
        **options: Options of the search.
    """
    return RunRecord(
        status=RunStatus.RUNNING,
        config=SearchConfig(**{"space": "tiny", "seed": 1, "budget": 5, "workers": 1} | options),
        space="tiny",
        hashes=Hashes(space="s", data=data, proxy="p"),
        fingerprint=fingerprint or {"device": "x"},
        data_note="4 of 4 training and 2 of 2 validation images",
    )
