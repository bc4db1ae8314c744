"""Trained template: candidates inherit its weights or are compared with it."""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nas.data.dataset import Dataset
from nas.detectors.heads import anchor_free
from nas.detectors.network import Network
from nas.detectors.templates import TEMPLATES
from nas.errors import TransferError
from nas.files import replacing
from nas.progress import Progress, silent
from nas.proxies.base import Proxy
from nas.proxies.recipe import Recipe
from nas.proxies.train import reproducible, train

SEED = 0


class TrainedTemplate:
    """Stock detector of a template, trained on the user's data or elsewhere.

    Args:
        name: Name of the template, a key of `nas.detectors.templates.TEMPLATES`.
        dataset: The data set.
        recipe: Constants of the training.
        device: Torch device of the training.
        weights: State dict of the template, trained elsewhere and saved by ``torch.save``. With another number of
            classes, parts of the head are not used. None: `prepare` trains the template.

    Raises:
        TransferError: ``weights`` holds no state dict of the template.
    """

    def __init__(self, name: str, dataset: Dataset, recipe: Recipe, device: str, weights: Path | None = None):
        self.name, self.layout = name, TEMPLATES[name]
        self.detector = anchor_free(self.layout.stock(dataset.nc))
        self._dataset, self._recipe, self._device = dataset, recipe, device
        self._source = hashlib.sha256(weights.read_bytes()).hexdigest() if weights else asdict(recipe)
        self._state = self._load(weights) if weights else None

    def facts(self) -> dict[str, object]:
        """Everything that changes the weights, except the data."""
        return {"template": repr(self.detector), "weights": self._source}

    @property
    def state(self) -> dict[str, Tensor]:
        """State dict of the trained template. Call `prepare` first."""
        assert self._state is not None
        return self._state

    def prepare(self, folder: Path, progress: Progress = silent) -> None:
        """Load the weights. Train them first, unless ``folder`` holds them.

        Raises:
            TransferError: The file in ``folder`` holds no state dict of the template.
        """
        if self._state is not None:
            return
        path = folder / f"template-{self._fingerprint()}.pt"
        if not path.exists():
            with reproducible(SEED):
                network = Network(self.detector, SEED)
                train(network, self._dataset.train, self._recipe, SEED, device=self._device, progress=progress)
            with replacing(path) as unfinished:
                torch.save(network.state_dict(), unfinished)
        self._state = self._load(path)

    def network(self) -> Network:
        """The trained network in eval mode."""
        network = Network(self.detector)
        own = network.state_dict()
        network.load_state_dict(
            {key: value if value.shape == own[key].shape else own[key] for key, value in self.state.items()}
        )
        return network.to(self._device).eval()

    def _fingerprint(self) -> str:
        facts = [self.facts(), self._dataset.fingerprint, self._device.partition(":")[0]]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    def _load(self, path: Path) -> dict[str, Tensor]:
        hint = f"give a state dict of {self.name} saved by torch.save"
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
            reason = " ".join(str(error).split())[:200]
            raise TransferError(f"not readable as weights: {reason}", file=path, hint=hint) from None
        expected = Network(self.detector).state_dict()
        if not isinstance(state, dict) or not set(expected) <= set(state):
            raise TransferError(f"lacks parameters of {self.name}", file=path, hint=hint)
        head = f"model.{len(self.detector.rows) - 1}."  # its class branches depend on the number of classes
        for key, own in expected.items():
            if state[key].shape != own.shape and not key.startswith(head):
                problem = f"has shape {list(state[key].shape)}, but {list(own.shape)} in {self.name}"
                raise TransferError(problem, file=path, field=key, hint=hint)
        return {key: state[key] for key in expected}


class FromTemplate(Proxy):
    """A proxy that uses a trained template.

    Args:
        data: As for `Proxy`.
        folder: As for `Proxy`; the trained template is kept here.
        template_recipe: Constants of the template's training; its image size is the proxy's.
        weights: As for `TrainedTemplate`.
        options: Other arguments of `Proxy`.

    Raises:
        TransferError: ``weights`` holds no state dict of the template.
    """

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
        super().__init__(data, folder, **options)
        recipe = replace(template_recipe or type(self).template_recipe, imgsz=self.recipe.imgsz)
        self.template = TrainedTemplate(self.space.file.template, self.dataset, recipe, self.device, weights)
        self._prepared = False

    def facts(self) -> dict[str, object]:
        return super().facts() | self.template.facts()

    def prepare(self, progress: Progress = silent) -> None:
        """Load the template's weights; see `TrainedTemplate.prepare`."""
        self.template.prepare(self.folder, progress)
        self._prepared = True
