"""Proxy ``short``: short training from scratch."""

from __future__ import annotations

from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.progress import Progress, silent
from nas.proxies.base import Proxy
from nas.proxies.outcome import Outcome
from nas.proxies.recipe import Recipe
from nas.proxies.train import fit, reproducible


class ShortTraining(Proxy):
    """Trains the candidate from scratch for ``recipe.steps`` steps, then validates it."""

    name = "short"
    recipe = Recipe(steps=120)

    def evaluate(self, detector: Detector, seed: int, progress: Progress = silent) -> Outcome:
        with reproducible(seed):
            return fit(
                Network(detector, seed),
                self.dataset,
                self.recipe,
                seed,
                device=self.device,
                progress=progress,
                test_split=self.test_split,
            )
