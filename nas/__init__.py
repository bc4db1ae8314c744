"""ParetoYOLO: finds YOLO detectors that are Pareto-optimal on your device.

Example:
    >>> import nas
    >>> result = nas.run_search(nas.SearchConfig(data="my-data/data.yaml", device="cpu", budget=50, max_latency=40))
    >>> for model in result.front:
    ...     print(model.name, model.score, model.latency_ms, model.yaml)
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

# Before torch is imported: its OpenMP threads then sleep while they wait for each other. Where another process uses one
# of the cores, threads that spin make a training step twenty times as slow (measured on 2 cores).
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nas.config import SearchConfig
    from nas.detectors.rows import Detector
    from nas.errors import (
        ConfigError,
        DataError,
        InputError,
        ModelError,
        NasError,
        SearchError,
        TableError,
        TransferError,
    )
    from nas.latency.opening import open_table
    from nas.latency.table import LatencyTable
    from nas.operators.registry import register
    from nas.runs.finalists import Finalist
    from nas.runs.finishing import Finished, finish_model
    from nas.runs.recommendation import Recommendation
    from nas.runs.run import Run, load_run
    from nas.search.pipeline import SearchResult, run_search
    from nas.search.preview import Preview, preview_search
    from nas.search.reporter import SearchReporter
    from nas.spaces.models import load_detector

_HOMES = {
    "config": ("SearchConfig",),
    "detectors.rows": ("Detector",),
    "errors": (
        "ConfigError",
        "DataError",
        "InputError",
        "ModelError",
        "NasError",
        "SearchError",
        "TableError",
        "TransferError",
    ),
    "latency.opening": ("open_table",),
    "latency.table": ("LatencyTable",),
    "operators.registry": ("register",),
    "runs.finalists": ("Finalist",),
    "runs.finishing": ("Finished", "finish_model"),
    "runs.recommendation": ("Recommendation",),
    "runs.run": ("Run", "load_run"),
    "search.pipeline": ("SearchResult", "run_search"),
    "search.preview": ("Preview", "preview_search"),
    "search.reporter": ("SearchReporter",),
    "spaces.models": ("load_detector",),
}
_HOME_OF = {name: f"nas.{module}" for module, names in _HOMES.items() for name in names}

__all__ = [
    "ConfigError",
    "DataError",
    "Detector",
    "Finalist",
    "Finished",
    "InputError",
    "LatencyTable",
    "ModelError",
    "NasError",
    "Preview",
    "Recommendation",
    "Run",
    "SearchConfig",
    "SearchError",
    "SearchReporter",
    "SearchResult",
    "TableError",
    "TransferError",
    "finish_model",
    "load_detector",
    "load_run",
    "open_table",
    "preview_search",
    "register",
    "run_search",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that ``import nas`` stays fast and imports no torch."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'nas' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
