"""Short training that starts from a trained template's neck and head."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from nas.data import Dataset
from nas.detectors import TEMPLATES, Detector, Network, ResolvedRow
from nas.errors import InputError
from nas.files import replacing
from nas.proxies._base import Outcome, Progress, Proxy
from nas.proxies.recipe import Recipe
from nas.proxies.train import fit, reproducible, train

TEMPLATE_SEED = 0


class Inherited(Proxy):
    """Trains with the neck and the head of a template that was trained on the same data.

    Every backbone starts fresh, the template's own too: inheriting rows that did not change favours whatever resembles
    the template, and was seen to rank efficient operators last where long training ranks them first
    (first-measurements.md). What all candidates share is what is inherited.
    """

    name = "inherit"
    recipe = Recipe(steps=60)
    template_recipe = Recipe(steps=450)

    def __init__(
        self,
        data: str | Path | Dataset,
        folder: Path,
        *,
        recipe: Recipe | None = None,
        device: str = "cpu",
        template: str = "yolov8n",
        template_recipe: Recipe | None = None,
        weights: Path | None = None,
    ) -> None:
        """``weights`` is a state dict of the template, trained elsewhere, saved by ``torch.save``."""
        super().__init__(data, folder, recipe=recipe, device=device)
        self.template_name = template
        self.template = TEMPLATES[template].stock(self.dataset.nc)
        self.template_recipe = template_recipe or type(self).template_recipe
        self.weights = weights
        self._source = hashlib.sha256(weights.read_bytes()).hexdigest() if weights else asdict(self.template_recipe)
        self._state: dict[str, Tensor] | None = None

    def facts(self) -> dict[str, object]:
        return super().facts() | {"template": repr(self.template), "weights": self._source}

    def prepare(self, progress: Progress | None = None) -> None:
        """Load the template's weights; train them first, into ``folder``, unless they are there."""
        path = self.weights or self.folder / f"template-{self.fingerprint}.pt"
        if not path.exists():
            with reproducible(TEMPLATE_SEED):
                network = Network(self.template, TEMPLATE_SEED)
                recipe = self.template_recipe
                train(network, self.dataset.train, recipe, TEMPLATE_SEED, device=self.device, progress=progress)
            with replacing(path) as unfinished:
                torch.save(network.state_dict(), unfinished)
        self._state = self._load(path)

    def _load(self, path: Path) -> dict[str, Tensor]:
        """The state dict in a file; InputError for one that is none, or none of the template."""
        mend = f"give a state dict of {self.template_name} saved by torch.save"
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
            raise InputError(f"{path}: not readable as weights: {' '.join(str(error).split())[:200]}; {mend}") from None
        expected = Network(self.template).state_dict()
        if not isinstance(state, dict) or not set(expected) <= set(state):
            raise InputError(f"{path}: lacks parameters of {self.template_name}; {mend}")
        return {key: state[key] for key in expected}

    def score(self, detector: Detector, seed: int, progress: Progress | None = None) -> Outcome:
        if self._state is None:
            self.prepare()
        assert self._state is not None
        with reproducible(seed):
            network = Network(detector, seed)
            network.load_state_dict(inherited(network, detector, self.template, self._state))
            return fit(
                network, self.dataset, self.recipe, seed, device=self.device, progress=progress, fresh_head=False
            )


def inherited(
    network: Network, detector: Detector, template: Detector, weights: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The network's state with neck and head taken from the template's ``weights``.

    A convolution that reads several maps at once takes over, map by map, the channels that both models have; any other
    tensor of another shape stays as it is.
    """
    state = network.state_dict()
    ours, theirs = _reads(list(detector.resolve())), _reads(list(template.resolve()))
    for key, old in weights.items():
        index = int(key.split(".")[1])
        if index < template.backbone or key not in state:
            continue
        new = state[key]
        if key.endswith("cv1.conv.weight") and new.shape[1] == sum(ours[index]) and old.shape[1] == sum(theirs[index]):
            for mine, other in zip(new.split(ours[index], 1), old.split(theirs[index], 1), strict=True):
                shared = min(mine.shape[1], other.shape[1])
                mine[:, :shared] = other[:, :shared]
        elif new.shape == old.shape:
            new.copy_(old)
    return state


def _reads(rows: Sequence[ResolvedRow]) -> list[list[int]]:
    """Per row the channels of the maps that reach it, those joined by a Concat just before it one by one."""
    found = []
    for index, row in enumerate(rows):
        before = rows[index - 1] if index and row.row.source == (-1,) else row
        joined = before if before.row.module == "Concat" else row
        found.append([shape[0] for shape in joined.inputs])
    return found
