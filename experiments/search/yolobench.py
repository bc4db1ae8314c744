"""YOLOBench (Deeplite, 2023) as a bench: 572 detectors of published accuracy and latency.

A member is a family, a depth, a width and an input size. The search sees the mAP of a training from scratch on VOC; the
truth is the mAP on COCO. Latency is that of ONNX Runtime on a Raspberry Pi 4, in ms.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optuna

SCALES = {"n": (0.33, 0.25), "s": (0.33, 0.5), "m": (0.67, 0.75), "l": (1.0, 1.0)}
"""Depth and width of the scales that are letters. Other scales name both, such as d33w25."""
SIZES = tuple(range(160, 481, 32))


@dataclass(frozen=True)
class Member:
    """One of the 572 detectors."""

    name: str
    family: str
    depth: float
    width: float
    size: int

    def __str__(self) -> str:
        return self.name

    @cached_property
    def features(self) -> dict[str, float]:
        """See `nas.spaces.architecture.Architecture.features`."""
        numbers = {"depth": math.log2(self.depth), "width": math.log2(self.width), "size": math.log2(self.size)}
        return {f"family={self.family}": 1.0} | numbers

    @property
    def summary(self) -> dict[str, float]:
        """See `nas.spaces.architecture.Architecture.summary`: the features are few already."""
        return self.features


class YoloBench:
    """The space and the target of a `nas.search.driver.Driver`."""

    name = "yolobench"
    minimize = ("latency",)

    def __init__(self, folder: Path):
        scratch = {row["model_name"]: row for row in csv.DictReader((folder / "VOC_scratch_100epochs.csv").open())}
        rows = {row["model_name"]: row for row in csv.DictReader((folder / "merged_results.csv").open())}
        self.members = {name: _member(name) for name in rows}
        self.told = {name: float(scratch[name]["mAP_0.5:0.95"]) for name in rows}
        self.truth = {name: float(row["mAP_0.5:0.95_coco"]) for name, row in rows.items()}
        self.latency = {name: float(row["pi4_ort_latency"]) for name, row in rows.items()}
        self._shapes: dict[str, list[tuple[float, float]]] = {}
        for member in self.members.values():
            of = self._shapes.setdefault(member.family, [])
            if (member.depth, member.width) not in of:
                of.append((member.depth, member.width))
        self._by = {(m.family, m.depth, m.width, m.size): m for m in self.members.values()}
        self._depths = sorted({depth for shapes in self._shapes.values() for depth, _ in shapes})
        self._widths = sorted({width for shapes in self._shapes.values() for _, width in shapes})

    @property
    def space(self) -> YoloBench:
        return self

    @property
    def target(self) -> YoloBench:
        return self

    def score(self, member: Member, seed: int, rung: int) -> float:
        """The score of a training from scratch on VOC, or the truth on a higher rung. All seeds score alike."""
        return (self.told if rung == 1 else self.truth)[member.name]

    def decode(self, text: str) -> Member:
        return self.members[text]

    def stock(self) -> Member:
        return self._by["yolo8", *SCALES["n"], 320]

    def uniform_replacements(self) -> list[Member]:
        """The nano scale of every family: people start from these."""
        return [self._by[family, *SCALES["n"], 320] for family in sorted(self._shapes) if family != "yolo8"]

    def resized(self) -> list[Member]:
        """None: the size is one of the choices."""
        return []

    def random(self, rng: np.random.Generator) -> Member:
        return self._picked(lambda name, values: values[int(rng.integers(len(values)))])

    def suggest(self, trial: optuna.trial.BaseTrial) -> Member:
        def pick(name: str, values: Sequence[Any]) -> Any:
            if name == "family":
                return trial.suggest_categorical(name, values)
            return values[trial.suggest_int(name, 0, len(values) - 1)]

        return self._picked(pick)

    def parameters(self, member: Member) -> dict[str, Any]:
        return {
            "family": member.family,
            "depth": self._depths.index(member.depth),
            "width": self._widths.index(member.width),
            "size": SIZES.index(member.size),
        }

    def mutate(self, member: Member, rng: np.random.Generator) -> Member:
        """A member with another value for one or two of the four choices."""
        changed = set(rng.choice(["family", "depth", "width", "size"], size=1 + int(rng.random() < 0.3), replace=False))
        own = {"family": member.family, "depth": member.depth, "width": member.width, "size": member.size}
        return self._picked(
            lambda name, values: values[int(rng.integers(len(values)))] if name in changed else own[name]
        )

    def _picked(self, pick: Callable[[str, Sequence[Any]], Any]) -> Member:
        """The member nearest to the picked values: not every family has every depth and width."""
        family = pick("family", sorted(self._shapes))
        depth, width, size = pick("depth", self._depths), pick("width", self._widths), pick("size", SIZES)
        shape = min(self._shapes[family], key=lambda s: abs(math.log(s[0] / depth)) + abs(math.log(s[1] / width)))
        return self._by[family, *shape, size]

    def detector(self, member: Member) -> Member:
        return member

    def scale(self, member: Member) -> float:
        """Scores are looked up."""
        return 1.0

    def costs(self, member: Member) -> dict[str, float]:
        """Costs by name. Parameters and MACs are not published: they are 1, from which a surrogate learns nothing."""
        return {"latency": self.latency[member.name], "params": 1, "macs": 1, "size": 1}


def _member(name: str) -> Member:
    model, _, size = name.rpartition("_")
    if found := re.fullmatch(r"(.+?)-?d(\d+)w(\d+)", model):
        return Member(name, found[1], *(_share(part) for part in found.groups()[1:]), int(size))
    return Member(name, model[:-1], *SCALES[model[-1]], int(size))


def _share(digits: str) -> float:
    """``1`` is 1.0, ``25`` is 0.25, ``5`` is 0.5."""
    return 1.0 if digits == "1" else float(f"0.{digits}")
