"""Score cache: outcomes of earlier trainings, so that nothing is trained twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.files import write
from nas.proxies.outcome import Outcome

if TYPE_CHECKING:
    from nas.detectors.rows import Detector
    from nas.execution.score import Score


@dataclass(frozen=True)
class ScoreCache:
    """Files of outcomes, one each. Several runs may write the same file at once: they write the same.

    Attributes:
        folder: Folder of the files.
        fingerprint: Fingerprint of the proxy for a rung and a scale: recipe, data and device of the training.
        threads: Torch threads of a training. They change the rounding, as the torch version does.
    """

    folder: Path
    fingerprint: Callable[[int, float], str]
    threads: int

    def get(self, detector: Detector, seed: int, rung: int, scale: float) -> Outcome | None:
        """The cached outcome; None if there is no file, or a damaged one."""
        try:
            return _from_json(json.loads(self._path(detector, seed, rung, scale).read_text(encoding="utf-8")))
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def put(self, detector: Detector, seed: int, rung: int, scale: float, outcome: Outcome) -> None:
        """Store an outcome."""
        write(self._path(detector, seed, rung, scale), json.dumps(_to_json(outcome)))

    def _path(self, detector: Detector, seed: int, rung: int, scale: float) -> Path:
        import torch

        fingerprint = self.fingerprint(rung, scale)
        user_operators = "".join(sorted({row.operator.source for row in detector.rows}))
        key = f"{fingerprint}/{self.threads}/{torch.__version__}/{seed}/{detector!r}{user_operators}"
        return self.folder / fingerprint / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def cached(score: Score, cache: ScoreCache) -> Score:
    """A scoring function that calls ``score`` only for detectors that are not in the cache.

    New outcomes are stored; failures are not.
    """

    def lookup(detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        found = cache.get(detector, seed, rung, scale)
        if found is not None:
            done: Future[Outcome] = Future()
            done.set_result(found)
            return done
        future = score(detector, seed, rung=rung, scale=scale)

        def store(ended: Future[Outcome]) -> None:
            if not ended.cancelled() and ended.exception() is None:
                cache.put(detector, seed, rung, scale, ended.result())

        future.add_done_callback(store)
        return future

    return lookup


def _to_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "score": outcome.score,
        "seconds": outcome.seconds,
        "curve": outcome.curve,
        "test": outcome.test_score,
        "seen": outcome.detections,
    }


def _from_json(held: Any) -> Outcome:
    return Outcome(
        float(held["score"]),
        float(held["seconds"]),
        tuple(held["curve"]),
        cached=True,
        test_score=None if held["test"] is None else float(held["test"]),
        detections=tuple(held.get("seen", ())),  # early versions did not store them
    )
