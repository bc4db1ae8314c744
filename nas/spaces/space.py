"""Search spaces: suggestions become architectures."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.detectors.costs import cost
from nas.detectors.rows import Detector, ResolvedRow
from nas.detectors.templates import NECK, TEMPLATES, Template
from nas.errors import ModelError
from nas.files import shipped
from nas.operators.family import Number, plain
from nas.operators.registry import FAMILIES, OPERATORS
from nas.spaces.architecture import Architecture, StageChoice, choose, compose, decode, stock
from nas.spaces.covering import covering
from nas.spaces.head_choice import HEAD, HeadChoice, stock_head
from nas.spaces.recognize import recognize
from nas.spaces.space_file import SpaceFile, offered, read

if TYPE_CHECKING:
    import numpy as np
    import optuna

DEFAULT_SPACE = "yolov8n-neck"
"""The default space of a search."""

Pick = Callable[[str, Sequence[Any]], Any]
"""Picks one of the values offered under a name."""

MUTATED_PARTS = ("channels", "depth", "", "")
"""Parts of a stage that a mutation draws from: its width, its depth, or (twice as often) all of it."""

SIZE = "imgsz"
"""The name of the choice of an image size."""


@dataclass(frozen=True)
class Space:
    """A search space. Every member is an `Architecture`; the stock model is one of them. Make one with `load_space`.

    Attributes:
        path: The space file.
        file: Its content, validated.
        sizes: The image sizes in pixels to search, the stock model's first; empty if all members have one size.
        trained: True if members take their weights from a trained stock model, see `clipped`.
    """

    path: Path
    file: SpaceFile
    sizes: tuple[int, ...] = ()
    trained: bool = False

    @property
    def name(self) -> str:
        """The space's name in runs and reports."""
        return self.file.space

    @property
    def source(self) -> str:
        """The value of ``--space`` that names it: a shipped name, or the path of its file."""
        return self.name if self.path.parent == shipped("search_spaces") else str(self.path)

    @property
    def template(self) -> Template:
        """The template, whose stock model is trial 0."""
        return TEMPLATES[self.file.template]

    @property
    def fingerprint(self) -> str:
        """16 hex digits, a hash of the choices and of the files of user operators; comments and layout do not count."""
        modules = {module for key in self.file.operators for module in FAMILIES[key].modules()}
        own = "".join(sorted({OPERATORS[module].source for module in modules}))
        unused = None if self.file.head else {HEAD}  # a file without heads has the hash from before there were any
        return hashlib.sha256(f"{self.file.model_dump_json(exclude=unused)}{own}".encode()).hexdigest()[:16]

    def suggest(self, trial: optuna.trial.BaseTrial) -> Architecture:
        """The member that a trial's sampler suggests.

        Evenly spaced choices are suggested as numbers, so that the sampler knows their order. The parameters of a stage
        are conditional on its operator.
        """

        def pick(name: str, values: Sequence[Any]) -> Any:
            step = _step(values)
            if step is None:
                return trial.suggest_categorical(name, values)
            if isinstance(step, int):
                return trial.suggest_int(name, values[0], values[-1], step=step)
            return trial.suggest_float(name, values[0], values[-1], step=step)

        return self._member(pick)

    def random(self, rng: np.random.Generator) -> Architecture:
        """A random member.

        Every choice is drawn uniformly. In a `trained` space, it is one that differs from the stock model in few stages
        as often as in many: one that differs in all of them has lost most of what the stock model knows.
        """
        return self.near_stock(rng, float(rng.random()) ** 2) if self.trained else self._uniform(rng)

    def near_stock(self, rng: np.random.Generator, share: float) -> Architecture:
        """The stock model with random choices for some stages. The head and the image size count as a stage each.

        Args:
            rng: Random generator.
            share: Probability that a stage changes, from 0 to 1.
        """
        picked, others = self.parameters(self.stock()), self.parameters(self._uniform(rng))
        for stage in self._parts:
            if rng.random() < share:
                picked |= {name: value for name, value in others.items() if name.partition(".")[0] == stage}
        return self._member(lambda name, values: picked[name])

    def _uniform(self, rng: np.random.Generator) -> Architecture:
        return self._member(lambda name, values: values[int(rng.integers(len(values)))])

    @property
    def _parts(self) -> list[str]:
        """Names of what is searched: stages, the head and the image size."""
        return [*self.file.stages, *([HEAD] if self.file.head else []), *([SIZE] if self.sizes else [])]

    def decode(self, text: str) -> Architecture:
        """The member with this architecture string; raises ModelError."""
        return decode(text)

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """A member that differs from another in one or two stages: in width, in depth, or in all choices.

        The image size and the head count as one more stage each; all choices of a head are drawn at once.
        """
        picked, others = self.parameters(architecture), self.parameters(self._uniform(rng))
        stages = self._parts
        for index in rng.permutation(len(stages))[: 1 + int(rng.random() < 0.3)]:
            stage, part = stages[index], MUTATED_PARTS[int(rng.integers(len(MUTATED_PARTS)))]
            start = f"{stage}.{'' if stage == HEAD else part}"
            changed = [name for name in others if name == stage or name.startswith(start)]
            picked |= {name: others[name] for name in changed}
        return self._member(lambda name, values: picked[name])

    def stock(self) -> Architecture:
        """The stock model, on images of the first size."""
        return stock(self.template, self.sizes[0] if self.sizes else None)

    def clipped(self) -> Space:
        """The space of members that take their weights from a trained stock model.

        It lacks choices that are wider or deeper than the stock model's, for which there are no weights.
        """
        stages = {}
        for name, stage in self.file.stages.items():
            own = self.template.stages[name]
            channels = [width for width in stage.channels if width <= own.channels]
            depths = [depth for depth in stage.depth if depth <= own.depth]
            stages[name] = stage.model_copy(update={"channels": channels, "depth": depths})
        return replace(self, file=self.file.model_copy(update={"stages": stages}), trained=True)

    def resized(self) -> list[Architecture]:
        """The stock model on images of the other sizes."""
        return [replace(self.stock(), imgsz=size) for size in self.sizes[1:]]

    def uniform_replacements(self) -> list[Architecture]:
        """Hand-made baselines: one operator in every stage of the backbone, all else as in the stock model.

        There is one for each family and shell, with the middle value of each parameter's list. Stages that may not use
        the family keep the stock operator.
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
        """The models that calibrate a latency table: the stock model and seven fixed random members."""
        import numpy as np

        rng = np.random.default_rng(0)
        return [member.detector(nc) for member in (self.stock(), *(self.random(rng) for _ in range(7)))]

    def smallest(self) -> Architecture:
        """The narrowest and shallowest member on the smallest images.

        Each stage has the operator with the fewest parameters at this width and depth.
        """
        options = {
            name: [c for c in self.choices(name) if (c.channels, c.depth) == (min(stage.channels), min(stage.depth))]
            for name, stage in self.file.stages.items()
        }
        stages = {name: choices[0] for name, choices in options.items()}
        smallest = compose(self.file.template, stages, min(self.sizes, default=None))
        for name, choices in options.items():  # of equal widths, so that no stage's choice moves another's cost
            smallest = _cheapest(smallest.replace({name: choice}) for choice in choices)
        return _cheapest(replace(smallest, head=head) for head in self.heads)

    def parameters(self, architecture: Architecture) -> dict[str, Any]:
        """The parameters of a trial for which `suggest` returns this member.

        Canonical values that the file does not list are replaced by the nearest listed ones.

        Raises:
            ModelError: If the architecture is no member of the space.
        """
        found: dict[str, Any] = {}

        def pick(name: str, values: Sequence[Any]) -> Any:
            stage, *rest = name.split(".")
            if name == SIZE:
                wanted: Any = architecture.imgsz
            elif stage == HEAD:
                wanted = (architecture.any_head or HeadChoice()).named()[rest[-1]]
            else:
                choice = architecture.stages[stage]
                own: dict[str, Any] = {"operator": choice.family, "channels": choice.channels, "depth": choice.depth}
                wanted = (own | {"shell": choice.shell} | choice.named())[rest[-1]]
            if wanted not in values and isinstance(wanted, str):
                raise ModelError(f"{name}={wanted} is not a choice of the space {self.name}", file=str(architecture))
            found[name] = wanted if wanted in values else min(values, key=lambda value: abs(value - wanted))
            return found[name]

        if self._member(pick) != architecture:
            raise ModelError(f"is not a member of the space {self.name}", file=str(architecture))
        return found

    def member(self, detector: Detector) -> Architecture:
        """The member that equals a detector, on images of the stock model's size.

        Raises:
            ModelError: With the stage or row that no member has.
        """
        member = replace(recognize(detector, [self.template]), imgsz=self.stock().imgsz)
        try:
            self.parameters(member)
        except ModelError:
            searched = (name for name in member.stages if name in self.file.stages)
            other = "neck" if member.head in self.heads else HEAD
            stage = next((name for name in searched if member.stages[name] not in self.choices(name)), other)
            raise ModelError(f"is not a choice of the space {self.name}: {member}", field=f"stage {stage}") from None
        return member

    def choices(self, stage: str) -> Iterator[StageChoice]:
        """Every distinct choice of a stage that is searched."""
        options = self.file.stages[stage]
        seen = set()
        for key, channels, depth in itertools.product(self._operators(stage), options.channels, options.depth):
            for shell, values in itertools.product(self._shells(key), itertools.product(*self._values(key))):
                parameters = dict(zip(FAMILIES[key].parameters, values, strict=True))
                choice = choose(key, shell, channels, depth, parameters, stage in NECK)
                if choice not in seen:
                    seen.add(choice)
                    yield choice

    @cached_property
    def heads(self) -> list[HeadChoice | None]:
        """Every distinct choice of the head; None is the template's own."""
        options = self.file.head
        if options is None:
            return [None]
        found = itertools.product(options.box, options.classes, options.depth, options.depthwise)
        return [None if (head := HeadChoice(*values)) == stock_head(self.template) else head for values in found]

    def rows(self, nc: int, imgsz: int) -> Iterator[ResolvedRow]:
        """Every distinct row, with its input shapes, that a member can contain: the rows of a latency table.

        Args:
            nc: The number of classes.
            imgsz: The side of the images in pixels.
        """
        seen = set()
        for detector in covering(self, nc):
            for row in detector.resolve(imgsz):
                key = (row.row.module, row.inputs, row.call)
                if key not in seen:
                    seen.add(key)
                    yield row

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
        """Walk over all choices; ``pick`` makes them."""
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
        return compose(self.file.template, stages, imgsz, self._head(pick))

    def _head(self, pick: Pick) -> HeadChoice | None:
        options = self.file.head
        if options is None:
            return None
        box = pick(f"{HEAD}.box", options.box)
        classes = pick(f"{HEAD}.class", options.classes)
        depth = pick(f"{HEAD}.depth", options.depth)
        depthwise = pick(f"{HEAD}.depthwise", [int(value) for value in options.depthwise])
        return HeadChoice(plain(box), plain(classes), int(depth), bool(depthwise))


def _cheapest(members: Iterable[Architecture]) -> Architecture:
    """The first member with the fewest parameters."""
    return min(members, key=lambda member: cost(member.detector(1)).params)


def _step(values: Sequence[Any]) -> int | float | None:
    """The step of two or more evenly spaced ascending numbers; None for anything else."""
    if len(values) < 2 or not all(isinstance(v, int | float) for v in values):
        return None
    steps = {b - a for a, b in itertools.pairwise(values)}
    return steps.pop() if len(steps) == 1 and min(b - a for a, b in itertools.pairwise(values)) > 0 else None


def load_space(name: str | Path, sizes: Sequence[int] = ()) -> Space:
    """Load a search space.

    Args:
        name: The name of a shipped space, or the path of a space file.
        sizes: Image sizes in pixels. Several are searched; a single one is not part of the space.

    Raises:
        ConfigError: With the file and field that is wrong.
    """
    return Space(*read(name), tuple(sizes) if len(sizes) > 1 else ())
