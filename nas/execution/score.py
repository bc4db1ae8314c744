"""How the search has detectors scored, whoever does it and wherever."""

from __future__ import annotations

import math
from concurrent.futures import Future, wait
from typing import Protocol

from nas.detectors.rows import Detector
from nas.errors import SearchError
from nas.interrupts import stop_if_asked
from nas.proxies.base import Outcome, ProxyError


class Score(Protocol):
    """Has a detector scored with a seed on a rung, at once or in its turn, on images ``scale`` times as large as the
    proxy's own."""

    def __call__(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        """As `Workers.score`."""


def outcome_of(training: Future[Outcome]) -> Outcome:
    """What a training gave, whenever it ends; raises what it raised, and `ProxyError` for a score that is no number."""
    while not training.done():
        stop_if_asked()
        wait([training], timeout=0.2)
    outcome = training.result()
    if not math.isfinite(outcome.score):
        raise ProxyError(f"the score is {outcome.score}")
    return outcome


class ExecutorError(SearchError):
    """What scores candidates is gone for good; the run goes on with --resume."""
