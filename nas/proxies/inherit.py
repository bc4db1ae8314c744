"""Proxies ``inherit`` and ``neck``: short training that starts from the weights of a trained template."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.progress import Progress, silent
from nas.proxies.carry import carry
from nas.proxies.outcome import Outcome
from nas.proxies.recipe import Recipe
from nas.proxies.template import FromTemplate
from nas.proxies.train import fit, reproducible

CARRY = 2
"""Version of `carry`: scores of candidates that inherit otherwise are not comparable. Version 1 lost the order of
channels at an upsampling row."""


class Inheriting(FromTemplate):
    """Trains a candidate that inherits a part of the template's weights."""

    def facts(self) -> dict[str, object]:
        return super().facts() | {"carry": CARRY}

    def evaluate(self, detector: Detector, seed: int, progress: Progress = silent) -> Outcome:
        if not self._prepared:
            self.prepare()
        with reproducible(seed):
            network = Network(detector, seed)
            network.load_state_dict(self.initial_state(network, detector))
            return fit(
                network,
                self.dataset,
                self.recipe,
                seed,
                device=self.device,
                progress=progress,
                test_split=self.test_split,
                fresh_head=False,
            )

    @abstractmethod
    def initial_state(self, network: Network, detector: Detector) -> dict[str, Tensor]:
        """The state dict from which the candidate's training starts."""


class Inherited(Inheriting):
    """Inherits every row that the template shares; see `nas.proxies.carry.carry`."""

    name = "inherit"
    recipe = Recipe(steps=60)

    def initial_state(self, network: Network, detector: Detector) -> dict[str, Tensor]:
        return carry(network, detector, self.template.detector, self.template.state)


class NeckInherited(Inheriting):
    """Inherits neck and head, which all candidates share. Every backbone starts from scratch.

    This holds for the template's own backbone too. Otherwise candidates that resemble the template would have an
    advantage.
    """

    name = "neck"
    recipe = Recipe(steps=60)

    def initial_state(self, network: Network, detector: Detector) -> dict[str, Tensor]:
        template = self.template.detector
        return carry(network, detector, template, self.template.state, first=template.backbone)
