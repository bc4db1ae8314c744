"""Contract of an accuracy proxy."""

from __future__ import annotations

import hashlib
import json
import math
from abc import ABC, abstractmethod
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from nas.data.data_yaml import DataYaml
from nas.data.dataset import Dataset, Split, fingerprint
from nas.data.loading import load
from nas.detectors.heads import anchor_free
from nas.detectors.rows import Detector
from nas.progress import Progress, silent
from nas.proxies.outcome import Outcome
from nas.proxies.recipe import Recipe
from nas.proxies.rungs import AP_UNIT
from nas.spaces.space import DEFAULT_SPACE, Space, load_space


class Proxy(ABC):
    """Predicts quickly how accurate a detector becomes; a larger score is better.

    A subclass implements `evaluate` and keeps these rules, which tests/proxies/test_conformance.py checks:

    * A proxy that ``trains`` scores by AP50-95 on the validation split, from 0 to 1. Others name their ``unit``.
    * `prepare` runs once before the first score. It may be called again, and then takes up what it left in ``folder``.
    * A score depends on the detector's rows, the seed and `facts`, and on nothing else. The same call with the same
      number of threads returns the same score.
    * Scoring leaves torch's global random state alone, and keeps no network in memory.
    * A loss or score that is not finite raises `ProxyError` and is never returned.

    A proxy has its own image size, which is not the deployment's.

    Args:
        data: Argument of `nas.data.loading.load`, or a data set that is loaded at ``recipe.imgsz`` already.
        folder: Folder for files that `prepare` keeps.
        space: Search space of the candidates; the default space if None.
        recipe: Constants of the training; the class's own if None.
        device: Torch device of the training.

    Raises:
        ValueError: The data set has another image size than the recipe.

    Attributes:
        test_split: Test split on which trained candidates are scored too, if any.
    """

    name: str
    recipe: Recipe
    trains: ClassVar[bool] = True
    unit: ClassVar[str] = AP_UNIT
    test_split: Split | None = None

    def __init__(
        self,
        data: str | Path | DataYaml | Dataset,
        folder: Path,
        *,
        space: Space | None = None,
        recipe: Recipe | None = None,
        device: str = "cpu",
    ) -> None:
        self.recipe = recipe or type(self).recipe
        self.dataset = data if isinstance(data, Dataset) else load(_origin(data), self.recipe.imgsz)
        side = self.dataset.train.images.shape[-1]
        if side != self.recipe.imgsz:
            raise ValueError(f"the data set is at {side} px, the recipe at {self.recipe.imgsz} px")
        self.space = space or load_space(DEFAULT_SPACE)
        self.folder, self.device = folder, device

    @cached_property
    def fingerprint(self) -> str:
        """Hash of `facts`, 16 hex digits."""
        return hashlib.sha256(json.dumps(self.facts(), sort_keys=True).encode()).hexdigest()[:16]

    def facts(self) -> dict[str, object]:
        """Everything that changes a score, except the seed and rounding (threads, torch version).

        A proxy that depends on more extends this mapping.
        """
        found: dict[str, object] = {
            "proxy": self.name,
            "recipe": asdict(self.recipe),
            "data": self.dataset.fingerprint,
            "device": self.device.partition(":")[0],
        }
        return found | ({} if self.test_split is None else {"test": fingerprint(self.dataset.nc, self.test_split)})

    def prepare(self, progress: Progress = silent, until: float = math.inf) -> None:  # noqa: B027
        """Do the work that is needed once per run, such as training a template. Does nothing by default.

        Args:
            progress: Receives the share done.
            until: Time of `time.monotonic` after which long work ends early, where its result is useful then.
        """

    def score(self, detector: Detector, seed: int, progress: Progress = silent) -> Outcome:
        """Score a detector.

        All candidates are scored with the anchor-free head: other heads need other losses.

        Args:
            detector: Rows of the candidate, with any head.
            seed: Seed of the initial weights and of the order of the data.
            progress: Receives the share done.

        Raises:
            ProxyError: The candidate cannot be scored.
        """
        return self.evaluate(anchor_free(detector), seed, progress)

    @abstractmethod
    def evaluate(self, detector: Detector, seed: int, progress: Progress = silent) -> Outcome:
        """Score a detector that has the anchor-free head; see `score`."""


def _origin(data: str | Path | DataYaml) -> str | DataYaml:
    return data if isinstance(data, DataYaml) else str(data)
