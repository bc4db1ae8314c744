"""Scores of earlier runs, so that nothing is trained twice."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs
import torch

from nas.detectors import Detector
from nas.files import write
from nas.proxies import Outcome


def cache_home() -> Path:
    """The user's folder of cached scores; ``PARETO_YOLO_HOME`` moves the folder above it."""
    moved = os.environ.get("PARETO_YOLO_HOME")
    return (Path(moved) / "cache" if moved else platformdirs.user_cache_path("pareto-yolo")) / "scores"


@dataclass(frozen=True)
class ScoreCache:
    """Outcomes by detector and seed, of one proxy's ``fingerprint`` (recipe, data and training device are part of it),
    one number of torch ``threads`` and one version of torch, which move the rounding.

    A file an outcome, which several runs may write at once: they write the same.
    """

    folder: Path
    fingerprint: str
    threads: int

    def get(self, detector: Detector, seed: int) -> Outcome | None:
        """The outcome, marked as cached; None where there is none, or none that is whole."""
        try:
            held = json.loads(self._path(detector, seed).read_text(encoding="utf-8"))
            return Outcome(float(held["score"]), float(held["seconds"]), tuple(held["curve"]), cached=True)
        except (OSError, ValueError, LookupError, TypeError):
            return None  # it is trained, and written anew

    def put(self, detector: Detector, seed: int, outcome: Outcome) -> None:
        """Keep an outcome."""
        write(self._path(detector, seed), json.dumps(asdict(outcome)))

    def _path(self, detector: Detector, seed: int) -> Path:
        of = f"{self.fingerprint}/{self.threads}/{torch.__version__}/{seed}/{detector!r}"
        return self.folder / self.fingerprint / f"{hashlib.sha256(of.encode()).hexdigest()[:32]}.json"


def cached(
    score: Callable[[Detector, int], Future[Outcome]], cache: ScoreCache
) -> Callable[[Detector, int], Future[Outcome]]:
    """``score``, asked only for what the cache does not hold; what it gives is kept. Failures are not."""

    def lookup(detector: Detector, seed: int) -> Future[Outcome]:
        found = cache.get(detector, seed)
        if found is not None:
            done: Future[Outcome] = Future()
            done.set_result(found)
            return done
        future = score(detector, seed)
        future.add_done_callback(keep(detector, seed))
        return future

    def keep(detector: Detector, seed: int) -> Callable[[Future[Outcome]], None]:
        def put(future: Future[Outcome]) -> None:
            if not future.cancelled() and future.exception() is None:
                cache.put(detector, seed, future.result())

        return put

    return lookup
