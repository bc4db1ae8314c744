"""A search space: suggestions to architectures, and every row that its members can contain."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from nas.detectors import TEMPLATES, Detector, ResolvedRow, cost
from nas.operators import FAMILIES, Number
from nas.spaces._architecture import Architecture, StageChoice, choose, decode, stock
from nas.spaces._file import SpaceFile, read
from nas.spaces._new import built

Pick = Callable[[str, Sequence[Any]], Any]
"""Picks one of the values offered under a name."""

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
    def fingerprint(self) -> str:
        """16 hex digits of what the space offers, comments and layout aside."""
        return hashlib.sha256(self.file.model_dump_json().encode()).hexdigest()[:16]

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
        return stock(TEMPLATES[self.file.template], self.sizes[0] if self.sizes else None)

    def resized(self) -> list[Architecture]:
        """The stock model on images of the other sizes."""
        return [replace(self.stock(), imgsz=size) for size in self.sizes[1:]]

    def uniform_replacements(self) -> list[Architecture]:
        """What people do by hand: every stage's operator replaced by the same one, the convolutions between the stages
        and the depths left alone.

        One a family and shell, the parameters the middle ones of the file's lists; stages that may not use the family
        keep the stock operator.
        """
        base = self.stock()
        members = []
        for key, options in self.file.operators.items():
            middle = {name: values[len(values) // 2] for name, values in options.items() if name != "shell"}
            for shell in self._shells(key) if {choice.family for choice in base.stages} != {key} else ():
                stages = [
                    choose(key, shell, choice.stage().entry, choice.depth, middle)  # type: ignore[arg-type]
                    if key in self._operators(name)
                    else choice
                    for name, choice in zip(self.file.stages, base.stages, strict=True)
                ]
                members.append(replace(base, stages=tuple(stages)))
        return members

    def calibration(self, nc: int) -> list[Detector]:
        """The stock model and seven members, always the same: what a table's calibration measures whole."""
        rng = np.random.default_rng(0)
        return [member.detector(nc) for member in (self.stock(), *(self.random(rng) for _ in range(7)))]

    def smallest(self) -> Architecture:
        """The narrowest and shallowest member on the smallest images, each stage with the operator of the fewest
        parameters there."""
        options = [
            [c for c in self.choices(name) if (c.channels, c.depth) == (min(stage.channels), min(stage.depth))]
            for name, stage in self.file.stages.items()
        ]
        stages = tuple(choices[0] for choices in options)
        smallest = Architecture(self.file.template, stages, min(self.sizes, default=None))
        for index, choices in enumerate(options):  # of equal widths, so that no stage's choice moves another's cost
            members = (smallest.replace({index: choice}) for choice in choices)
            smallest = min(members, key=lambda member: cost(member.detector(1)).params)
        return smallest

    def parameters(self, architecture: Architecture) -> dict[str, Any]:
        """What a trial has to be told so that `suggest` gives this member; canonical parameters that the file does not
        list stand for the nearest listed one."""
        found: dict[str, Any] = {}
        stages = dict(zip(self.file.stages, architecture.stages, strict=True))

        def pick(name: str, values: Sequence[Any]) -> Any:
            stage, *rest = name.split(".")
            if name == SIZE:
                wanted: Any = architecture.imgsz
            else:
                choice = stages[stage]
                own: dict[str, Any] = {"operator": choice.family, "channels": choice.channels, "depth": choice.depth}
                wanted = (own | {"shell": choice.shell} | choice.named())[rest[-1]]
            found[name] = wanted if wanted in values else min(values, key=lambda value: abs(value - wanted))
            return found[name]

        if self._member(pick) != architecture:
            raise ValueError(f"{architecture} is not a member of the space {self.name}")
        return found

    def member(self, detector: Detector) -> Architecture:
        """The member that is this detector; raises ValueError, naming the stage or row that no member has."""
        rows, base = list(detector.resolve()), self.stock()
        if len(rows) != len(base.detector(detector.nc).rows):
            raise ValueError(f"has {len(rows)} rows, members of the space {self.name} have others")
        found: dict[int, StageChoice] = {}
        for index, name in enumerate(self.file.stages):
            first, last = TEMPLATES[self.file.template].stage_rows(index)
            held = [built(row) for row in rows[first : last + 1]]
            alike = (c for c in self.choices(name) if c.stage()[2] == rows[last].row.module)
            for choice in (c for c in alike if c.channels == rows[last].call.output[0]):
                changed = base.replace({**found, index: choice}).detector(detector.nc)
                if [built(row) for row in itertools.islice(changed.resolve(), first, last + 1)] == held:
                    found[index] = choice
                    break
            else:
                raise ValueError(f"stage {name} (rows {first} and {last}) is none of {self.name}'s")
        member = base.replace(found)
        for mine, held_row in zip(member.detector(detector.nc).resolve(), rows, strict=True):
            if (mine.row.source, built(mine)) != (held_row.row.source, built(held_row)):
                raise ValueError(f"row {mine.index} ({held_row.row.module}) is not that of the space's template")
        return member

    def choices(self, stage: str) -> Iterator[StageChoice]:
        """Every distinct choice of a stage."""
        options = self.file.stages[stage]
        seen = set()
        for key, channels, depth in itertools.product(self._operators(stage), options.channels, options.depth):
            for shell, values in itertools.product(self._shells(key), itertools.product(*self._values(key))):
                choice = choose(key, shell, channels, depth, dict(zip(FAMILIES[key].parameters, values, strict=True)))
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
        """Members that together contain every row: a row depends on one stage's choice, or on how many channels two
        neighbouring stages take and give."""
        options = [list(self.choices(name)) for name in self.file.stages]
        widths = [{(c.stage().entry, c.channels): c for c in choices}.values() for choices in options]
        alone = ({index: choice} for index, choices in enumerate(options) for choice in choices)
        neighbours = (
            {index: first, index + 1: second}
            for index, pair in enumerate(itertools.pairwise(widths))
            for first, second in itertools.product(*pair)
        )
        base = self.stock()
        for changes in itertools.chain(alone, neighbours):
            yield base.replace(changes).detector(nc)

    def _operators(self, stage: str) -> list[str]:
        return self.file.stages[stage].operators or list(self.file.operators)

    def _shells(self, key: str) -> list[str]:
        return [str(s) for s in self.file.operators[key].get("shell", FAMILIES[key].shells)]

    def _values(self, key: str) -> list[list[Number]]:
        return [self.file.operators[key][name] for name in FAMILIES[key].parameters]  # type: ignore[misc]

    def _member(self, pick: Pick) -> Architecture:
        """The one walk over the choices, whoever picks."""
        imgsz = pick(SIZE, sorted(self.sizes)) if self.sizes else None
        stages = []
        for stage, options in self.file.stages.items():
            key = pick(f"{stage}.operator", self._operators(stage))
            channels = pick(f"{stage}.channels", options.channels)
            depth = pick(f"{stage}.depth", options.depth)
            shells = self._shells(key)
            shell = pick(f"{stage}.{key}.shell", shells) if len(shells) > 1 else shells[0]
            parameters = {
                name: pick(f"{stage}.{key}.{name}", values)
                for name, values in zip(FAMILIES[key].parameters, self._values(key), strict=True)
            }
            stages.append(choose(key, shell, channels, depth, parameters))
        return Architecture(self.file.template, tuple(stages), imgsz)


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
