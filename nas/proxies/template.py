"""A template trained on the user's data: what candidates start from or are compared with."""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nas.data.dataset import Dataset
from nas.detectors.heads import anchor_free
from nas.detectors.network import Network
from nas.detectors.templates import TEMPLATES
from nas.errors import InputError
from nas.files import replacing
from nas.progress import Progress
from nas.proxies.base import Proxy
from nas.proxies.recipe import Recipe
from nas.proxies.train import reproducible, train

SEED = 0


class TrainedTemplate:
    """The stock detector of a template, trained by ``recipe`` on this data, or with ``weights`` trained elsewhere, a
    state dict saved by ``torch.save``; of other classes, these have all but parts of the head.

    Raises InputError for a file that holds no weights, or none of the template.
    """

    def __init__(self, name: str, dataset: Dataset, recipe: Recipe, device: str, weights: Path | None = None):
        self.name, self.layout = name, TEMPLATES[name]
        self.detector = anchor_free(self.layout.stock(dataset.nc))
        self._dataset, self._recipe, self._device = dataset, recipe, device
        self._source = hashlib.sha256(weights.read_bytes()).hexdigest() if weights else asdict(recipe)
        self._state = self._load(weights) if weights else None

    def facts(self) -> dict[str, object]:
        """What moves its weights, beside the data."""
        return {"template": repr(self.detector), "weights": self._source}

    @property
    def state(self) -> dict[str, Tensor]:
        """Its weights; `prepare` comes first."""
        assert self._state is not None
        return self._state

    def prepare(self, folder: Path, progress: Progress | None = None) -> None:
        """Load the weights; train them first, into ``folder``, unless they are there. Raises InputError for a file
        there that holds none of the template's."""
        if self._state is not None:
            return
        path = folder / f"template-{self._digest()}.pt"
        if not path.exists():
            with reproducible(SEED):
                network = Network(self.detector, SEED)
                train(network, self._dataset.train, self._recipe, SEED, device=self._device, progress=progress)
            with replacing(path) as unfinished:
                torch.save(network.state_dict(), unfinished)
        self._state = self._load(path)

    def network(self) -> Network:
        """The trained network, in eval mode."""
        network = Network(self.detector)
        own = network.state_dict()
        network.load_state_dict(
            {key: value if value.shape == own[key].shape else own[key] for key, value in self.state.items()}
        )
        return network.to(self._device).eval()

    def _digest(self) -> str:
        of = [self.facts(), self._dataset.fingerprint, self._device.partition(":")[0]]
        return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:16]

    def _load(self, path: Path) -> dict[str, Tensor]:
        mend = f"give a state dict of {self.name} saved by torch.save"
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
            raise InputError(f"{path}: not readable as weights: {' '.join(str(error).split())[:200]}; {mend}") from None
        expected = Network(self.detector).state_dict()
        if not isinstance(state, dict) or not set(expected) <= set(state):
            raise InputError(f"{path}: lacks parameters of {self.name}; {mend}")
        head = f"model.{len(self.detector.rows) - 1}."  # whose class branch is another for other classes
        for key, own in expected.items():
            if state[key].shape != own.shape and not key.startswith(head):
                shapes = f"{key} is {list(state[key].shape)} there and {list(own.shape)} in {self.name}"
                raise InputError(f"{path}: {shapes}; {mend}")
        return {key: state[key] for key in expected}


class FromTemplate(Proxy):
    """A proxy that learns from the template, trained on the same data or elsewhere."""

    template_recipe = Recipe(steps=450)

    def __init__(
        self,
        data: str | Path | Dataset,
        folder: Path,
        *,
        template_recipe: Recipe | None = None,
        weights: Path | None = None,
        **options: Any,
    ) -> None:
        """``weights`` is a state dict of the template, trained elsewhere, saved by ``torch.save``; ``options`` are
        those of every proxy."""
        super().__init__(data, folder, **options)
        trained = template_recipe or type(self).template_recipe
        self.template = TrainedTemplate(self.space.file.template, self.dataset, trained, self.device, weights)
        self._prepared = False

    def facts(self) -> dict[str, object]:
        return super().facts() | self.template.facts()

    def prepare(self, progress: Progress | None = None) -> None:
        """Load the template's weights; train them first, into ``folder``, unless they are there."""
        self.template.prepare(self.folder, progress)
        self._prepared = True
