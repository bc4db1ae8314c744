"""Trained template: the stock detector of a template, trained on the user's data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from torch import Tensor

from nas.data.dataset import Dataset
from nas.detectors.heads import anchor_free
from nas.detectors.network import Network
from nas.detectors.templates import TEMPLATES
from nas.progress import Progress, silent
from nas.proxies.recipe import Recipe
from nas.proxies.teacher import Teacher
from nas.proxies.train import reproducible, train

SEED = 0


class TrainedTemplate:
    """Stock detector of a template, trained on the user's data.

    Args:
        name: Name of the template, a key of `nas.detectors.templates.TEMPLATES`.
        dataset: The data set.
        recipe: Constants of the training.
        device: Torch device of the training.
    """

    def __init__(self, name: str, dataset: Dataset, recipe: Recipe, device: str):
        self.name, self.layout = name, TEMPLATES[name]
        self.detector = anchor_free(self.layout.stock(dataset.nc))
        self._dataset, self._recipe, self._device = dataset, recipe, device
        self._teacher: Teacher | None = None

    def facts(self) -> dict[str, object]:
        """Everything that changes the weights, except the data."""
        return {"template": repr(self.detector), "weights": asdict(self._recipe)}

    @property
    def teacher(self) -> Teacher:
        """The trained template. Call `prepare` first."""
        assert self._teacher is not None
        return self._teacher

    @property
    def state(self) -> dict[str, Tensor]:
        """State dict of the trained template. Call `prepare` first."""
        return self.teacher.network.state_dict()

    def prepare(self, folder: Path, progress: Progress = silent) -> None:
        """Load the template. Train it first, unless ``folder`` holds it.

        Raises:
            TransferError: The file in ``folder`` is damaged.
        """
        if self._teacher is not None:
            return
        path = folder / f"template-{self._fingerprint()}.pt"
        if not path.exists():
            self._trained(folder, progress).save(path)
        self._teacher = Teacher.load(path)

    def _trained(self, folder: Path, progress: Progress) -> Teacher:
        with reproducible(SEED):
            network = Network(self.detector, SEED)
            train(network, self._dataset.train, self._recipe, SEED, device=self._device, progress=progress)
        return Teacher(self.detector, network, self._dataset.classes)

    def network(self) -> Network:
        """The trained network in eval mode, without what its head has beyond the rows."""
        network = Network(self.detector)
        own = network.state_dict()
        network.load_state_dict(
            {key: value if value.shape == own[key].shape else own[key] for key, value in self.state.items()}
        )
        return network.to(self._device).eval()

    def _fingerprint(self) -> str:
        facts = [self.facts(), self._dataset.fingerprint, self._device.partition(":")[0]]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
