"""Short training from scratch."""

from __future__ import annotations

from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.progress import Progress
from nas.proxies.base import Outcome, Proxy
from nas.proxies.recipe import Recipe
from nas.proxies.train import fit, reproducible


class ShortTraining(Proxy):
    """Trains the detector's own rows from scratch for ``recipe.steps`` steps, then validates."""

    name = "short"
    recipe = Recipe(steps=120)

    def judge(self, detector: Detector, seed: int, progress: Progress | None = None) -> Outcome:
        with reproducible(seed):
            network = Network(detector, seed)
            return fit(network, self.dataset, self.recipe, seed, device=self.device, progress=progress, test=self.test)
