"""Scores of earlier runs, so that nothing is trained twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from nas.detectors.rows import Detector
from nas.execution.score import Score
from nas.files import write
from nas.proxies.base import Outcome


@dataclass(frozen=True)
class ScoreCache:
    """Outcomes by detector, seed, rung and scale, of a proxy whose ``fingerprint`` on these two says by what recipe, on
    which data and device it trains, one number of torch ``threads`` and one version of torch, which move the rounding.

    A file an outcome, which several runs may write at once: they write the same.
    """

    folder: Path
    fingerprint: Callable[[int, float], str]
    threads: int

    def get(self, detector: Detector, seed: int, rung: int, scale: float) -> Outcome | None:
        """The outcome, marked as cached; None where there is none, or none that is whole."""
        try:
            held = json.loads(self._path(detector, seed, rung, scale).read_text(encoding="utf-8"))
            test = None if held["test"] is None else float(held["test"])
            seen = tuple(held.get("seen", ()))  # an earlier release kept none
            score, seconds, curve = float(held["score"]), float(held["seconds"]), tuple(held["curve"])
            return Outcome(score, seconds, curve, cached=True, test=test, seen=seen)
        except (OSError, ValueError, LookupError, TypeError):
            return None  # it is trained, and written anew

    def put(self, detector: Detector, seed: int, rung: int, scale: float, outcome: Outcome) -> None:
        """Keep an outcome."""
        write(self._path(detector, seed, rung, scale), json.dumps(asdict(outcome)))

    def _path(self, detector: Detector, seed: int, rung: int, scale: float) -> Path:
        fingerprint = self.fingerprint(rung, scale)
        own = "".join(sorted({row.operator.source for row in detector.rows}))
        of = f"{fingerprint}/{self.threads}/{torch.__version__}/{seed}/{detector!r}{own}"
        return self.folder / fingerprint / f"{hashlib.sha256(of.encode()).hexdigest()[:32]}.json"


def cached(score: Score, cache: ScoreCache) -> Score:
    """``score``, asked only for what the cache does not hold; what it gives is kept. Failures are not."""

    def lookup(detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        found = cache.get(detector, seed, rung, scale)
        if found is not None:
            done: Future[Outcome] = Future()
            done.set_result(found)
            return done
        future = score(detector, seed, rung=rung, scale=scale)

        def keep(ended: Future[Outcome]) -> None:
            if not ended.cancelled() and ended.exception() is None:
                cache.put(detector, seed, rung, scale, ended.result())

        future.add_done_callback(keep)
        return future

    return lookup
