"""Short training that starts from a trained template's weights."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from torch import Tensor

from nas.data import Dataset
from nas.detectors import Detector, Network
from nas.proxies._base import Outcome, Progress, Proxy
from nas.proxies.carry import carry
from nas.proxies.recipe import Recipe
from nas.proxies.template import TrainedTemplate
from nas.proxies.train import fit, reproducible
from nas.spaces import Space


class FromTemplate(Proxy):
    """Trains a candidate that has taken over a part of the template's weights."""

    template_recipe = Recipe(steps=450)

    def __init__(
        self,
        data: str | Path | Dataset,
        folder: Path,
        *,
        space: Space | None = None,
        recipe: Recipe | None = None,
        device: str = "cpu",
        template_recipe: Recipe | None = None,
        weights: Path | None = None,
    ) -> None:
        """``weights`` is a state dict of the template, trained elsewhere, saved by ``torch.save``."""
        super().__init__(data, folder, space=space, recipe=recipe, device=device)
        trained = template_recipe or type(self).template_recipe
        self.template = TrainedTemplate(self.space.file.template, self.dataset, trained, device, weights)
        self._prepared = False

    def facts(self) -> dict[str, object]:
        return super().facts() | self.template.facts()

    def prepare(self, progress: Progress | None = None) -> None:
        """Load the template's weights; train them first, into ``folder``, unless they are there."""
        self.template.prepare(self.folder / f"template-{self.fingerprint}.pt", progress)
        self._prepared = True

    def score(self, detector: Detector, seed: int, progress: Progress | None = None) -> Outcome:
        if not self._prepared:
            self.prepare()
        with reproducible(seed):
            network = Network(detector, seed)
            network.load_state_dict(self.taken(network, detector))
            return fit(
                network, self.dataset, self.recipe, seed, device=self.device, progress=progress, fresh_head=False
            )

    @abstractmethod
    def taken(self, network: Network, detector: Detector) -> dict[str, Tensor]:
        """The candidate's weights to start from."""


class Inherited(FromTemplate):
    """Every row that the template has too is taken over, of one that is narrower the channels that matter most."""

    name = "inherit"
    recipe = Recipe(steps=60)

    def taken(self, network: Network, detector: Detector) -> dict[str, Tensor]:
        return carry(network, detector, self.template.detector, self.template.state)


class NeckInherited(FromTemplate):
    """Neck and head are taken over, which all candidates share. Every backbone starts fresh, the template's own too:
    rows that are taken over where they did not change favour whatever resembles the template."""

    name = "neck"
    recipe = Recipe(steps=60)

    def taken(self, network: Network, detector: Detector) -> dict[str, Tensor]:
        template = self.template.detector
        return carry(network, detector, template, self.template.state, first=template.backbone)
