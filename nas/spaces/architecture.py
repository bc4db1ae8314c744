"""Architectures: every choice of a search in one short string, which decodes without the run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import log2

from nas.detectors.costs import row_cost
from nas.detectors.rows import Detector
from nas.detectors.templates import BACKBONE, NECK, TEMPLATES, Stage, Template
from nas.errors import ModelError
from nas.operators.family import Number, plain
from nas.operators.registry import FAMILIES
from nas.operators.user_operators import OWN_HINT
from nas.spaces.head_choice import DEPTHS, HEAD, SHARES, HeadChoice, stock_head


@dataclass(frozen=True)
class StageChoice:
    """The choice of one stage; make one with `choose`.

    Attributes:
        family: The key of the operator's family.
        shell: One of the family's shells.
        channels: The output channels of the stage. In the backbone the convolution before it has as many, except
            before a stock block that changes channels (`Family.entry`).
        depth: The number of repeats.
        parameters: The values of the family's parameters, in the order of its declaration.
        neck: True for a stage of the neck.
    """

    family: str
    shell: str
    channels: int
    depth: int
    parameters: tuple[Number, ...]
    neck: bool = False

    def __str__(self) -> str:
        return f"{self.operator}_n{self.depth}_c{self.channels}"

    @property
    def operator(self) -> str:
        """The operator with its shell and parameters, as written in an architecture string."""
        family = FAMILIES[self.family]
        shell = f"{self.shell}-" if len(family.shells) > 1 else ""
        letters = (p.letter for p in family.parameters.values())
        values = "".join(f"_{letter}{value}" for letter, value in zip(letters, self.parameters, strict=True))
        return f"{shell}{self.family}{values}"

    def named(self) -> dict[str, Number]:
        """The parameters by name."""
        return dict(zip(FAMILIES[self.family].parameters, self.parameters, strict=True))

    def stage(self) -> Stage:
        """The rows of this stage."""
        return Stage.build(self.family, self.shell, self.channels, self.depth, self.named(), self.neck)


def choose(
    family: str, shell: str, channels: int, depth: int, parameters: Mapping[str, Number], neck: bool = False
) -> StageChoice:
    """The canonical choice of a stage.

    Divisors that do not divide the inner widths are repaired (`Family.canonical`). In the neck, a parameter that only
    changes the convolution before a backbone stage is 1.

    Args:
        family: The key of the operator's family.
        shell: One of the family's shells.
        channels: The output channels.
        depth: The number of repeats.
        parameters: The family's parameters by name.
        neck: True for a stage of the neck.
    """
    return _choose(family, shell, channels, depth, tuple(parameters.items()), neck)


@lru_cache(maxsize=16384)
def _choose(
    key: str, shell: str, channels: int, depth: int, parameters: tuple[tuple[str, Number], ...], neck: bool
) -> StageChoice:
    family = FAMILIES[key]
    pinned = {family.entry_divisor: 1} if neck and family.entry_divisor else {}
    canonical = family.canonical(shell, channels, dict(parameters) | pinned)
    return StageChoice(key, shell, channels, depth, tuple(canonical.values()), neck)


@dataclass(frozen=True)
class Architecture:
    """A template with one choice for each stage. Equal models compare equal and have equal strings.

    In the bottom-up part of the neck, an operator other than the template's own keeps the channels of its Concat. It
    needs more channels than the lateral map has; a narrower choice is widened to 8 more than the map.

    Attributes:
        template: The template's name.
        backbone: One choice for each stage of the backbone.
        imgsz: The side of its images in pixels if the image size is searched, otherwise None.
        neck: One choice for each stage of the neck; empty if all are the template's own.
        head: The choice of the head; None if it is the template's own.
        stages: All choices by stage.

    Example:
        >>> decode("yolov8n.1/p2:csp-faster_r4_e2_n1_c32/p3:...").stages["p2"].channels
        32
    """

    template: str
    backbone: tuple[StageChoice, ...]
    imgsz: int | None = None
    neck: tuple[StageChoice, ...] = ()
    head: HeadChoice | None = None
    stages: dict[str, StageChoice] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        template = TEMPLATES[self.template]
        own = {name: choice for name, choice in _stock(self.template).items() if choice.neck}
        stages = dict(zip(template.stages, (*self.backbone, *(self.neck or own.values())), strict=True))
        for name, stock in own.items() if self.neck else ():
            if stages[name].family != stock.family:
                lateral = template.lateral(name)
                least = 8 + (stages[lateral].channels if isinstance(lateral, str) else lateral)
                stages[name] = _widened(stages[name], least)
        neck = tuple(choice for choice in stages.values() if choice.neck)
        object.__setattr__(self, "neck", () if neck == tuple(own.values()) else neck)
        object.__setattr__(self, "head", None if self.head == stock_head(template) else self.head)
        object.__setattr__(self, "stages", stages)

    def __str__(self) -> str:
        template = TEMPLATES[self.template]
        stages = (f"{name}:{choice}" for name, choice in self.spelled.items())
        size = f"@{self.imgsz}" if self.imgsz else ""
        head = (f"{HEAD}:{self.head}",) if self.head else ()
        return "/".join((f"{template.name}.{template.version}{size}", *stages, *head))

    @property
    def spelled(self) -> dict[str, StageChoice]:
        """The choices in the string, by stage: those of the neck only if it is not the template's own."""
        return {name: choice for name, choice in self.stages.items() if self.neck or not choice.neck}

    def detector(self, nc: int) -> Detector:
        """The rows for ``nc`` classes."""
        stages = {name: choice.stage() for name, choice in self.stages.items()}
        detector = TEMPLATES[self.template].assemble(stages, nc)
        return self.head.applied(detector) if self.head else detector

    @property
    def any_head(self) -> HeadChoice | None:
        """The choice of the head, also if it is the template's own; None if the template's head has no choices."""
        return self.head or stock_head(TEMPLATES[self.template])

    @cached_property
    def features(self) -> dict[str, float]:
        """All choices as numbers, by name, for a surrogate model.

        1 marks the operator of each stage. Numeric choices are logarithms to the base 2, where 0 counts as 1/2.
        """
        found: dict[str, float] = {"imgsz": log2(self.imgsz)} if self.imgsz else {}
        for stage, choice in self.stages.items():
            operator = f"{stage}.{choice.shell}-{choice.family}"
            found |= {operator: 1.0, f"{stage}.channels": log2(choice.channels), f"{stage}.depth": log2(choice.depth)}
            found |= {f"{operator}.{name}": log2(value or 0.5) for name, value in choice.named().items()}
        return found | self._head_features

    @cached_property
    def summary(self) -> dict[str, float]:
        """A few numbers by name, for a surrogate model: `features` has more numbers than a search has trainings.

        Width, depth and MACs of each stage (logarithms to the base 2), and the number of stages of each operator.
        """
        found: dict[str, float] = {"imgsz": log2(self.imgsz)} if self.imgsz else {}
        macs = [row_cost(row).macs for row in self.detector(1).resolve(64)]
        for stage, choice in self.stages.items():
            first, last = TEMPLATES[self.template].stage_rows(stage)
            found |= {f"{stage}.channels": log2(choice.channels), f"{stage}.depth": log2(choice.depth)}
            found[f"{stage}.macs"] = log2(sum(macs[first : last + 1]))
            operator = f"{choice.shell}-{choice.family}"
            found[operator] = found.get(operator, 0.0) + 1
        return found | self._head_features

    @property
    def _head_features(self) -> dict[str, float]:
        """Numbers of the head; none for the template's own, so that a space without heads has the numbers it had."""
        stock = stock_head(TEMPLATES[self.template])
        return self.head.features(stock) if self.head and stock else {}

    def check(self) -> None:
        """Raise ModelError, with the row, for widths that a row of the template cannot have."""
        list(self.detector(1).resolve(32))

    def replace(self, changes: Mapping[str, StageChoice]) -> Architecture:
        """The architecture with other choices for some stages."""
        return compose(self.template, {**self.stages, **changes}, self.imgsz, self.head)


def compose(
    template: str, stages: Mapping[str, StageChoice], imgsz: int | None = None, head: HeadChoice | None = None
) -> Architecture:
    """The architecture with these choices; all other stages are the template's own.

    Args:
        template: The template's name.
        stages: Choices by stage.
        imgsz: The side of its images in pixels if that is searched.
        head: The choice of the head; None for the template's own.
    """
    own = _stock(template)
    assert stages.keys() <= own.keys()
    choices = [stages.get(name, choice) for name, choice in own.items()]
    backbone, neck = (tuple(choice for choice in choices if choice.neck == part) for part in (False, True))
    return Architecture(template, backbone, imgsz, neck, head)


def stock(template: Template, imgsz: int | None = None) -> Architecture:
    """The template's own architecture."""
    return compose(template.name, {}, imgsz)


@lru_cache(maxsize=64)
def _stock(template: str) -> dict[str, StageChoice]:
    return {
        name: choose(key, FAMILIES[key].shells[0], c, n, parameters, name in NECK)
        for name, (key, c, n, parameters) in TEMPLATES[template].stages.items()
    }


def _widened(choice: StageChoice, least: int) -> StageChoice:
    """The choice with at least this many channels."""
    channels = max(least, choice.channels)
    return choose(choice.family, choice.shell, channels, choice.depth, choice.named(), choice.neck)


@lru_cache(maxsize=4096)
def decode(text: str) -> Architecture:
    """Read an architecture string.

    Args:
        text: A string such as ``yolov8n.1/p2:csp-faster_r4_e2_n1_c32/...``.

    Raises:
        ModelError: With the part that is wrong: ``template``, ``version``, ``imgsz``, ``stages``, a stage or ``head``.
    """
    try:
        return _decode(text)
    except ModelError as error:
        error.file = text
        raise


def _decode(text: str) -> Architecture:
    first, *parts = text.strip().split("/")
    name, _, versions = first.partition(".")
    version, _, size = versions.partition("@")
    template = TEMPLATES.get(name)
    if template is None:
        raise ModelError(f"unknown template {name!r}; known are {', '.join(TEMPLATES)}", field="template")
    if version != str(template.version):
        raise ModelError(f"{name} has version {template.version} in this release, not {version!r}", field="version")
    head = parts.pop() if parts and parts[-1].startswith(f"{HEAD}:") else ""
    named = {stage: written for stage, _, written in (part.partition(":") for part in parts)}
    if list(named) not in (list(BACKBONE), list(template.stages)) or len(parts) > len(named):
        expected = f"{', '.join(BACKBONE)} in this order, or with the neck's {', '.join(template.stages)}"
        expected += f"; and last, if it is not the template's own, {HEAD}"
        raise ModelError(f"expected the stages {expected}", field="stages")
    imgsz = _decode_size(size) if "@" in versions else None
    stages = {stage: _decode_stage(template, stage, written) for stage, written in named.items()}
    architecture = compose(name, stages, imgsz, _decode_head(template, head) if head else None)
    architecture.check()
    return architecture


def _decode_size(size: str) -> int:
    if not re.fullmatch(r"[1-9]\d*", size) or int(size) % 32:
        raise ModelError(f"cannot be {size!r}", field="imgsz", hint="give a multiple of 32")
    return int(size)


def _decode_stage(template: Template, stage: str, part: str) -> StageChoice:
    kind, *fields = part.split("_")
    families = [FAMILIES[key] for key in template.families(stage)]
    kinds = {f"{s}-{f.key}" if len(f.shells) > 1 else f.key: (s, f) for f in families for s in f.shells}
    if kind not in kinds:
        raise ModelError(f"unknown operator {kind!r}; known are {', '.join(kinds)}", field=stage, hint=OWN_HINT)
    shell, family = kinds[kind]
    values = _numbers(stage, part, fields, [*(p.letter for p in family.parameters.values()), "n", "c"])
    *parameters, depth, channels = values
    for (name, declared), value in zip(family.parameters.items(), parameters, strict=True):
        if not declared.accepts(value):
            raise ModelError(f"{part}: {name} cannot be {value}", field=stage, hint=f"give {declared.range}")
    named = dict(zip(family.parameters, parameters, strict=True))
    if channels < 8 or channels % 8 or depth < 1:
        raise ModelError(f"{part}: channels must be a multiple of 8 and the depth at least 1", field=stage)
    return choose(family.key, shell, int(channels), int(depth), named, stage in NECK)


def _decode_head(template: Template, part: str) -> HeadChoice:
    if stock_head(template) is None:
        raise ModelError(f"the head of {template.name} cannot be chosen", field=HEAD, hint=f"drop {part}")
    kind, *fields = part.removeprefix(f"{HEAD}:").split("_")
    if kind not in {"dense", "depthwise"}:
        raise ModelError(f"unknown kind {kind!r}; known are dense, depthwise", field=HEAD)
    box, classes, depth = _numbers(HEAD, part, fields, ["b", "c", "n"])
    for value, (low, high) in ((box, SHARES), (classes, SHARES), (depth, DEPTHS)):
        if not low <= value <= high:
            raise ModelError(f"{part}: {value} cannot be", field=HEAD, hint=f"give a number from {low} to {high}")
    return HeadChoice(plain(box), plain(classes), int(depth), kind == "depthwise")


def _numbers(stage: str, part: str, fields: Sequence[str], letters: Sequence[str]) -> list[Number]:
    """The numbers of a stage's fields, each behind its letter."""
    matches = [re.fullmatch(r"([a-z]+)(\d+(?:\.\d+)?)", field) for field in fields]
    if [m and m[1] for m in matches] != list(letters):
        raise ModelError(f"{part}: expected the fields {', '.join(letters)} in this order", field=stage)
    numbers = [m[2] for m in matches if m]
    return [float(n) if "." in n else int(n) for n in numbers]
