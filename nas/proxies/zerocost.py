"""Proxy ``zerocost``: a vote of scores that need no training."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nas.detectors.rows import Detector
from nas.progress import Progress, silent
from nas.proxies.base import Proxy
from nas.proxies.outcome import Outcome, ProxyError
from nas.proxies.recipe import Recipe
from nas.proxies.registry import UNTRAINED_UNIT
from nas.proxies.train import reproducible
from nas.proxies.zerocost_scores import ZERO_COST_SCORES, Probe


class ZeroCost(Proxy):
    """Base class of proxies that train nothing."""

    trains: ClassVar[bool] = False
    unit: ClassVar[str] = UNTRAINED_UNIT
    recipe = Recipe(steps=2)

    @abstractmethod
    def measure(self, probe: Probe) -> float:
        """The score of an untrained detector; larger is better. It has no particular unit."""

    def evaluate(self, detector: Detector, seed: int, progress: Progress = silent) -> Outcome:
        start = time.perf_counter()
        with reproducible(seed):
            score = self.measure(self.probe(detector, seed))
        if not math.isfinite(score):
            raise ProxyError(f"{self.name} became {score}")
        progress(1.0)
        return Outcome(score, time.perf_counter() - start, ())

    def probe(self, detector: Detector, seed: int) -> Probe:
        """A detector with the first batches of the training split."""
        return Probe(detector, self.dataset.train, self.recipe, seed, self.device)


class ZeroCostVote(ZeroCost):
    """Mean of all zero-cost scores, each standardized over random members of the space.

    This is the vote of Abdelfattah et al. (ICLR 2021, section 4.4), by standardized scores in place of ranks. On
    detectors, most zero-cost scores follow the network's size, and many rank candidates worse than multiply-adds do
    (YOLOBench: Lazarevich et al., ICCV workshops 2023). Use it where training is impossible.
    """

    name = "zerocost"
    members: ClassVar[int] = 24
    """Random members of the space, from which mean and deviation of each score are taken."""

    def facts(self) -> dict[str, object]:
        return super().facts() | {"space": self.space.fingerprint, "members": self.members}

    def prepare(self, progress: Progress = silent, until: float = math.inf) -> None:
        random = np.random.default_rng(0)
        detectors = [self.space.random(random).detector(self.dataset.nc) for _ in range(self.members)]
        scores = []
        for number, detector in enumerate(detectors, 1):
            with reproducible(0):
                scores.append(_all_scores(self.probe(detector, 0)))
            progress(number / len(detectors))
        self._mean, self._deviation = np.mean(scores, 0), np.std(scores, 0)

    def measure(self, probe: Probe) -> float:
        if not hasattr(self, "_mean"):
            self.prepare()
        return float(np.mean((_all_scores(probe) - self._mean) / self._deviation))


def _all_scores(probe: Probe) -> NDArray[np.float64]:
    return np.array([score(probe) for score in ZERO_COST_SCORES.values()])
