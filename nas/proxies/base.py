"""The contract of an accuracy proxy."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from nas.data.dataset import Dataset, Split, fingerprint
from nas.data.loading import load
from nas.detectors.heads import anchor_free
from nas.detectors.rows import Detector
from nas.progress import Progress
from nas.proxies.recipe import Recipe
from nas.spaces.space import DEFAULT_SPACE, Space, load_space


class ProxyError(Exception):
    """A candidate cannot be scored; the message is the reason, fit for a trial's record."""


@dataclass(frozen=True)
class Outcome:
    """One score, wall-clock ``seconds``, and the training curve, empty where nothing was trained.

    A row of ``curve`` holds ``step``, ``loss``, its parts ``box``, ``cls`` and ``dfl``, and ``lr``. ``cached``: the
    score is of an earlier run, and ``seconds`` are what it took then. ``test`` is the AP50-95 on the test split, where
    that was asked for. ``seen`` is what was detected, and scored, in the validation images `viewed`: a row a box, with
    ``image``, its number in the split, ``x1``, ``y1``, ``x2``, ``y2`` in the proxy's pixels, ``score`` and ``class``.
    """

    score: float
    seconds: float
    curve: tuple[dict[str, float], ...]
    cached: bool = False
    test: float | None = None
    seen: tuple[dict[str, float], ...] = ()


class Proxy(ABC):
    """Tells quickly how accurate a detector would become: the larger a score, the more.

    A proxy that ``trains`` scores by AP50-95 on the validation split (0..1); what others' scores are is their ``unit``,
    as axes and columns say it. `prepare` runs once before the first score and may be called again: what it left in
    ``folder`` is taken up. `score` depends on the detector's rows, the seed (initial weights and order of the data) and
    what ``fingerprint`` covers, and on nothing else, so a repeated call with as many threads returns the same score; it
    leaves torch's global random state alone and keeps nothing of the candidate in memory. The proxy's resolution is its
    own, not the deployment's. A loss or score that is not finite is never returned: it raises `ProxyError`.

    ``test``, where it is set, is a split that what was trained is scored on too, for `Outcome.test`.
    """

    name: str
    recipe: Recipe
    trains: ClassVar[bool] = True
    unit: ClassVar[str] = "AP50-95 (proxy)"
    test: Split | None = None

    def __init__(
        self,
        data: str | Path | Dataset,
        folder: Path,
        *,
        space: Space | None = None,
        recipe: Recipe | None = None,
        device: str = "cpu",
    ) -> None:
        """``data`` is what `nas.data.load` takes, or a data set already loaded at ``recipe.imgsz``; ``space`` the one
        whose members are scored, the default one unless it is given."""
        self.recipe = recipe or type(self).recipe
        self.dataset = data if isinstance(data, Dataset) else load(str(data), self.recipe.imgsz)
        side = self.dataset.train.images.shape[-1]
        if side != self.recipe.imgsz:
            raise ValueError(f"the data set is at {side} px, the recipe at {self.recipe.imgsz} px")
        self.space = space or load_space(DEFAULT_SPACE)
        self.folder, self.device = folder, device

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over everything that moves a score but the seed and rounding (threads, torch's version)."""
        return hashlib.sha256(json.dumps(self.facts(), sort_keys=True).encode()).hexdigest()[:16]

    def facts(self) -> dict[str, object]:
        """What the fingerprint covers; a proxy that depends on more adds it here."""
        found: dict[str, object] = {
            "proxy": self.name,
            "recipe": asdict(self.recipe),
            "data": self.dataset.fingerprint,
            "device": self.device.partition(":")[0],
        }
        return found | ({} if self.test is None else {"test": fingerprint(self.dataset.nc, self.test)})

    def prepare(self, progress: Progress | None = None) -> None:  # noqa: B027
        """Whatever has to happen once a run; nothing unless a proxy says otherwise."""

    def score(self, detector: Detector, seed: int, progress: Progress | None = None) -> Outcome:
        """Score one detector, whatever head it has, with the anchor-free one: other heads want other losses, and all
        candidates have the same. Raises `ProxyError` with the reason when that cannot be done."""
        return self.judge(anchor_free(detector), seed, progress)

    @abstractmethod
    def judge(self, detector: Detector, seed: int, progress: Progress | None = None) -> Outcome:
        """Score a detector that has that head."""
