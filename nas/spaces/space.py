"""A search space: suggestions to architectures, and every row that its members can contain."""

from __future__ import annotations

import hashlib
import itertools
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from nas.detectors.costs import cost
from nas.detectors.rows import Detector, ResolvedRow
from nas.detectors.templates import BACKBONE, NECK, TEMPLATES, TOP_DOWN, Template
from nas.operators.family import Number
from nas.operators.registry import FAMILIES, OPERATORS
from nas.spaces.architecture import Architecture, StageChoice, choose, compose, decode, stock
from nas.spaces.recognize import recognise
from nas.spaces.space_file import SpaceFile, offered, read

DEFAULT_SPACE = "yolov8n-neck"
"""The shipped space of a search that names none."""

Pick = Callable[[str, Sequence[Any]], Any]
"""Picks one of the values offered under a name."""

Changes = dict[str, StageChoice]
"""Choices of some stages."""

PARTS = ("channels", "depth", "", "")
"""What of a stage a mutation changes, each as often: its width, its depth, or twice as often all of it."""

SIZE = "imgsz"
"""The name of the choice of an image size."""


@dataclass(frozen=True)
class Space:
    """A validated space file. Every member is an `Architecture`; the stock model is one of them.

    ``sizes`` are the image sizes in pixels that members choose among, the stock model's first; none where all have the
    same.
    """

    path: Path
    file: SpaceFile
    sizes: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        return self.file.space

    @property
    def template(self) -> Template:
        """The stock model that it starts from."""
        return TEMPLATES[self.file.template]

    @property
    def fingerprint(self) -> str:
        """16 hex digits of what the space offers, comments and layout aside, and of the files of operators of one's
        own."""
        modules = {module for key in self.file.operators for module in FAMILIES[key].modules()}
        own = "".join(sorted({OPERATORS[module].source for module in modules}))
        return hashlib.sha256(f"{self.file.model_dump_json()}{own}".encode()).hexdigest()[:16]

    def suggest(self, trial: optuna.trial.BaseTrial) -> Architecture:
        """The member that the trial's sampler suggests. Ordered choices are suggested as numbers where they are evenly
        spaced, so that a sampler knows their order; a stage's parameters are conditional on its operator."""

        def pick(name: str, values: Sequence[Any]) -> Any:
            step = _step(values)
            if step is None:
                return trial.suggest_categorical(name, values)
            if isinstance(step, int):
                return trial.suggest_int(name, values[0], values[-1], step=step)
            return trial.suggest_float(name, values[0], values[-1], step=step)

        return self._member(pick)

    def random(self, rng: np.random.Generator) -> Architecture:
        """A member with every choice drawn uniformly."""
        return self._member(lambda name, values: values[int(rng.integers(len(values)))])

    def decode(self, text: str) -> Architecture:
        """The member that an architecture string stands for."""
        return decode(text)

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A member that differs in one stage or two: in its width or depth alone, or in all that it chooses. The image
        size is like one more stage."""
        picked, others = self.parameters(architecture), self.parameters(self.random(rng))
        stages = [*self.file.stages, *([SIZE] if self.sizes else [])]
        for index in rng.permutation(len(stages))[: 1 + int(rng.random() < 0.3)]:
            stage, part = stages[index], PARTS[int(rng.integers(len(PARTS)))]
            changed = [name for name in others if name == stage or name.startswith(f"{stage}.{part}")]
            picked |= {name: others[name] for name in changed}
        return self._member(lambda name, values: picked[name])

    def stock(self) -> Architecture:
        """The template's own architecture."""
        return stock(self.template, self.sizes[0] if self.sizes else None)

    def resized(self) -> list[Architecture]:
        """The stock model on images of the other sizes."""
        return [replace(self.stock(), imgsz=size) for size in self.sizes[1:]]

    def uniform_replacements(self) -> list[Architecture]:
        """What people do by hand: every backbone stage's operator replaced by the same one, the convolutions between
        the stages and the depths left alone.

        One a family and shell, the parameters the middle ones of the file's lists; stages that may not use the family
        keep the stock operator.
        """
        base = self.stock()
        backbone = {name: choice for name, choice in base.stages.items() if not choice.neck}
        members = []
        for key, options in self.file.operators.items():
            middle = {name: values[len(values) // 2] for name, values in options.items() if name != "shell"}
            for shell in self._shells(key) if {choice.family for choice in backbone.values()} != {key} else ():
                changed = {
                    name: choose(key, shell, choice.stage().entry, choice.depth, middle)  # type: ignore[arg-type]
                    for name, choice in backbone.items()
                    if key in self._operators(name)
                }
                members.append(base.replace(changed))
        return members

    def calibration(self, nc: int) -> list[Detector]:
        """The stock model and seven members, always the same: what a table's calibration measures whole."""
        rng = np.random.default_rng(0)
        return [member.detector(nc) for member in (self.stock(), *(self.random(rng) for _ in range(7)))]

    def smallest(self) -> Architecture:
        """The narrowest and shallowest member on the smallest images, each stage with the operator of the fewest
        parameters there."""
        options = {
            name: [c for c in self.choices(name) if (c.channels, c.depth) == (min(stage.channels), min(stage.depth))]
            for name, stage in self.file.stages.items()
        }
        stages = {name: choices[0] for name, choices in options.items()}
        smallest = compose(self.file.template, stages, min(self.sizes, default=None))
        for name, choices in options.items():  # of equal widths, so that no stage's choice moves another's cost
            members = (smallest.replace({name: choice}) for choice in choices)
            smallest = min(members, key=lambda member: cost(member.detector(1)).params)
        return smallest

    def parameters(self, architecture: Architecture) -> dict[str, Any]:
        """What a trial has to be told so that `suggest` gives this member; canonical parameters that the file does not
        list stand for the nearest listed one."""
        found: dict[str, Any] = {}

        def pick(name: str, values: Sequence[Any]) -> Any:
            stage, *rest = name.split(".")
            if name == SIZE:
                wanted: Any = architecture.imgsz
            else:
                choice = architecture.stages[stage]
                own: dict[str, Any] = {"operator": choice.family, "channels": choice.channels, "depth": choice.depth}
                wanted = (own | {"shell": choice.shell} | choice.named())[rest[-1]]
            if wanted not in values and isinstance(wanted, str):
                raise ValueError(f"{name} {wanted} is none of the space {self.name}'s")
            found[name] = wanted if wanted in values else min(values, key=lambda value: abs(value - wanted))
            return found[name]

        if self._member(pick) != architecture:
            raise ValueError(f"{architecture} is not a member of the space {self.name}")
        return found

    def member(self, detector: Detector) -> Architecture:
        """The member that is this detector, on images of the stock model's size; raises ValueError, naming the stage or
        row that no member has."""
        member = replace(recognise(detector, [self.template]), imgsz=self.stock().imgsz)
        try:
            self.parameters(member)
        except ValueError:
            open_ones = (name for name in member.stages if name in self.file.stages)
            stage = next((name for name in open_ones if member.stages[name] not in self.choices(name)), "of the neck")
            raise ValueError(f"its stage {stage} is none of {self.name}'s: {member}") from None
        return member

    def choices(self, stage: str) -> Iterator[StageChoice]:
        """Every distinct choice of a stage that is open."""
        options = self.file.stages[stage]
        seen = set()
        for key, channels, depth in itertools.product(self._operators(stage), options.channels, options.depth):
            for shell, values in itertools.product(self._shells(key), itertools.product(*self._values(key))):
                parameters = dict(zip(FAMILIES[key].parameters, values, strict=True))
                choice = choose(key, shell, channels, depth, parameters, stage in NECK)
                if choice not in seen:
                    seen.add(choice)
                    yield choice

    def rows(self, nc: int, imgsz: int) -> Iterator[ResolvedRow]:
        """Every distinct row, with its input shapes, that a member can contain: what a latency table has to know."""
        seen = set()
        for detector in self._covering(nc):
            for row in detector.resolve(imgsz):
                key = (row.row.module, row.inputs, row.call)
                if key not in seen:
                    seen.add(key)
                    yield row

    def _covering(self, nc: int) -> Iterator[Detector]:
        """Members that together contain every row.

        In the backbone a row depends on one stage's choice, or on how many channels two neighbouring stages take and
        give; in the neck on a stage's choice and on the channels of the two maps that it reads; the head on those of
        its three.
        """
        base = self.stock()
        options = {
            name: list(self.choices(name)) if name in self.file.stages else [own] for name, own in base.stages.items()
        }
        widths = {name: self._widths(name, options) for name in options}
        covering: list[Iterable[Changes]] = [[{name: choice}] for name in BACKBONE for choice in options[name]]
        for before, name in itertools.pairwise(options):
            lateral = self.template.lateral(name) if name in NECK else 0
            own = [{name: choice} for choice in options[name]] if name in NECK else widths[name]
            covering += itertools.product(widths[before], widths[lateral] if isinstance(lateral, str) else [{}], own)
        covering += itertools.product(*(widths[name] for name in NECK[1:] if name in options))
        for changes in covering:
            yield base.replace(dict(ChainMap(*changes))).detector(nc)

    def _widths(self, stage: str, options: Mapping[str, Sequence[StageChoice]]) -> list[Changes]:
        """Changes after which a stage takes and gives each number of channels that it can. On the neck's way up, that
        depends on the lateral map's."""
        lateral = self.template.lateral(stage) if stage in NECK and stage not in TOP_DOWN else 0
        others = options[lateral] if isinstance(lateral, str) else [None]
        found: dict[tuple[int, int], Changes] = {}
        for choice, other in itertools.product(options[stage], others):
            changes = {stage: choice} | ({str(lateral): other} if other else {})
            made = self.stock().replace(changes).stages[stage]
            found.setdefault((made.stage().entry, made.channels), changes)
        return list(found.values())

    def _operators(self, stage: str) -> list[str]:
        return self._offered[stage]

    @cached_property
    def _offered(self) -> dict[str, list[str]]:
        return {stage: offered(self.file, stage) for stage in self.file.stages}

    def _shells(self, key: str) -> list[str]:
        return [str(s) for s in self.file.operators[key].get("shell", FAMILIES[key].shells)]

    def _values(self, key: str) -> list[list[Number]]:
        return [self.file.operators[key][name] for name in FAMILIES[key].parameters]  # type: ignore[misc]

    def _member(self, pick: Pick) -> Architecture:
        """The one walk over the choices, whoever picks."""
        imgsz = pick(SIZE, sorted(self.sizes)) if self.sizes else None
        stages: dict[str, StageChoice] = {}
        for stage, options in self.file.stages.items():
            key = pick(f"{stage}.operator", self._operators(stage))
            channels = pick(f"{stage}.channels", options.channels)
            depth = pick(f"{stage}.depth", options.depth)
            shells = self._shells(key)
            shell = pick(f"{stage}.{key}.shell", shells) if len(shells) > 1 else shells[0]
            fixed = FAMILIES[key].entry_divisor if stage in NECK else ""
            parameters = {
                name: pick(f"{stage}.{key}.{name}", values) if name != fixed else 1
                for name, values in zip(FAMILIES[key].parameters, self._values(key), strict=True)
            }
            stages[stage] = choose(key, shell, channels, depth, parameters, stage in NECK)
        return compose(self.file.template, stages, imgsz)


def _step(values: Sequence[Any]) -> int | float | None:
    """The step of evenly spaced ascending numbers, at least two of them; None for anything else."""
    if len(values) < 2 or not all(isinstance(v, int | float) for v in values):
        return None
    steps = {b - a for a, b in itertools.pairwise(values)}
    return steps.pop() if len(steps) == 1 and min(b - a for a, b in itertools.pairwise(values)) > 0 else None


def load_space(name: str | Path, sizes: Sequence[int] = ()) -> Space:
    """The space of a shipped name or of a file's path, on images of these sizes, a choice where there are several;
    raises InputError naming file, field and mend."""
    return Space(*read(name), tuple(sizes) if len(sizes) > 1 else ())
