"""Scoring function of a search, wherever the candidates are trained."""

from __future__ import annotations

import math
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Protocol

from nas.interrupts import stop_if_asked
from nas.proxies.outcome import Outcome, ProxyError

if TYPE_CHECKING:
    from nas.detectors.rows import Detector


class Score(Protocol):
    """Scores a detector, now or later."""

    def __call__(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        """See `nas.execution.executors.Executor.score`."""


def wait_for_outcome(training: Future[Outcome]) -> Outcome:
    """The outcome of a training. Waits for its end; Ctrl-C interrupts the wait.

    Raises:
        ProxyError: The score is not finite.
        Exception: Any error of the training.
    """
    while not training.done():
        stop_if_asked()
        wait([training], timeout=0.2)
    outcome = training.result()
    if not math.isfinite(outcome.score):
        raise ProxyError(f"the score is {outcome.score}")
    return outcome
