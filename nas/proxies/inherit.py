"""Short training that starts from a trained template's weights."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.progress import Progress
from nas.proxies.base import Outcome
from nas.proxies.carry import carry
from nas.proxies.recipe import Recipe
from nas.proxies.template import FromTemplate
from nas.proxies.train import fit, reproducible


class Inheriting(FromTemplate):
    """Trains a candidate that has taken over a part of the template's weights."""

    def judge(self, detector: Detector, seed: int, progress: Progress | None = None) -> Outcome:
        if not self._prepared:
            self.prepare()
        with reproducible(seed):
            network = Network(detector, seed)
            network.load_state_dict(self.taken(network, detector))
            return fit(
                network,
                self.dataset,
                self.recipe,
                seed,
                device=self.device,
                progress=progress,
                test=self.test,
                fresh_head=False,
            )

    @abstractmethod
    def taken(self, network: Network, detector: Detector) -> dict[str, Tensor]:
        """The candidate's weights to start from."""


class Inherited(Inheriting):
    """Every row that the template has too is taken over, of one that is narrower the channels that matter most."""

    name = "inherit"
    recipe = Recipe(steps=60)

    def taken(self, network: Network, detector: Detector) -> dict[str, Tensor]:
        return carry(network, detector, self.template.detector, self.template.state)


class NeckInherited(Inheriting):
    """Neck and head are taken over, which all candidates share. Every backbone starts fresh, the template's own too:
    rows that are taken over where they did not change favour whatever resembles the template."""

    name = "neck"
    recipe = Recipe(steps=60)

    def taken(self, network: Network, detector: Detector) -> dict[str, Tensor]:
        template = self.template.detector
        return carry(network, detector, template, self.template.state, first=template.backbone)
