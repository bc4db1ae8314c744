"""Space files: read and validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nas.detectors.templates import BACKBONE, NECK, TEMPLATES, Template
from nas.errors import ConfigError, ModelError
from nas.files import read_yaml, shipped
from nas.operators.family import Number
from nas.operators.registry import FAMILIES
from nas.operators.user_operators import OWN_HINT
from nas.spaces.architecture import Architecture, StageChoice, choose, stock
from nas.spaces.head_choice import DEPTHS, HEAD, SHARES, stock_head


class StageFile(BaseModel):
    """Choices of one stage.

    Attributes:
        channels: Output channels.
        depth: Numbers of repeats.
        operators: Keys of operators; None: all that the stage may use.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    channels: list[int]
    depth: list[int]
    operators: list[str] | None = None


class HeadFile(BaseModel):
    """Choices of the head, relative to the one that Ultralytics builds behind the same rows.

    Attributes:
        box: Widths of the box branches over the stock width.
        classes: Widths of the class branches over the stock width; ``class`` in the file.
        depth: Numbers of 3x3 convolutions of each branch.
        depthwise: True for depthwise convolutions in the class branches, each followed by a 1x1.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    box: list[Number]
    classes: list[Number] = Field(alias="class")
    depth: list[int]
    depthwise: list[bool]


class SpaceFile(BaseModel):
    """A space as written in its file.

    Attributes:
        space: The name.
        version: The author's version.
        template: The name of the template.
        operators: The values of each parameter, by operator and parameter.
        stages: The choices of each stage.
        head: The choices of the head; None: it is the template's own.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    space: str
    version: int
    template: str
    operators: dict[str, dict[str, list[Number | str]]]
    stages: dict[str, StageFile]
    head: HeadFile | None = None


MODELS: dict[str, type[BaseModel]] = {"stages": StageFile, HEAD: HeadFile}
"""Models of parts of a file."""


def offered(space: SpaceFile, stage: str) -> list[str]:
    """The operators that a stage may use."""
    allowed = TEMPLATES[space.template].families(stage)
    return space.stages[stage].operators or [key for key in space.operators if key in allowed]


def read(name: str | Path) -> tuple[Path, SpaceFile]:
    """Read and validate a space file.

    Args:
        name: The name of a shipped space, or the path of a file.

    Returns:
        The file's path and its content.

    Raises:
        ConfigError: With the file and field that is wrong.
    """
    path = Path(name)
    if path.suffix not in {".yaml", ".yml"}:
        folder = shipped("search_spaces")
        path = folder / f"{name}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
            hint = f"give one of {known}, or the path of a .yaml file"
            raise ConfigError("no such space", field="space", value=name, hint=hint)
    content = read_yaml(path, "space file", ", ".join(SpaceFile.model_fields), ConfigError)
    try:
        space = SpaceFile.model_validate(content)
        _check(space)
    except ValidationError as error:
        raise _first_error(path, error) from None
    except ConfigError as error:
        error.file = path
        raise
    return path, space


def _first_error(path: Path, invalid: ValidationError) -> ConfigError:
    first = invalid.errors()[0]
    location = [str(part) for part in first["loc"] if part not in {"int", "float", "str"}]
    field = ".".join(location)
    if first["type"] == "extra_forbidden":
        model = MODELS.get(location[0], SpaceFile) if len(location) > 1 else SpaceFile
        known = ", ".join(declared.alias or name for name, declared in model.model_fields.items())
        return ConfigError(f"unknown key; known are {known}", file=path, field=field)
    if first["type"] == "missing":
        return ConfigError("missing", file=path, field=field, hint="add it")
    problem = f"{first['msg'][0].lower()}{first['msg'][1:]}, got {first['input']!r}"
    return ConfigError(problem, file=path, field=field)


def _check(space: SpaceFile) -> None:
    """Check the rules that types cannot express."""
    template = TEMPLATES.get(space.template)
    if template is None:
        known = ", ".join(TEMPLATES)
        raise ConfigError(f"unknown template {space.template!r}; known are {known}", field="template")
    for key, options in space.operators.items():
        _check_operator(template, key, options)
    _check_stage_names(template, space)
    own = stock(template)
    for name, stage in space.stages.items():
        _check_sizes(own, name, stage)
        _check_stage_operators(template, space, name, own.stages[name])
    for choice in (own.stages[name] for name in space.stages):
        for parameter, listed in space.operators[choice.family].items():
            _check_list(f"operators.{choice.family}.{parameter}", listed, choice.named()[parameter])
    if space.head is not None:
        _check_head(template, space.head)


def _check_operator(template: Template, key: str, options: Mapping[str, list[Any]]) -> None:
    field = f"operators.{key}"
    families = template.families(BACKBONE[0])
    if key not in families:
        raise ConfigError(f"unknown operator; known are {', '.join(families)}", field=field, hint=OWN_HINT)
    family = FAMILIES[key]
    names = [*(("shell",) if len(family.shells) > 1 else ()), *family.parameters]
    for name, values in options.items():
        if name not in names:
            raise ConfigError(f"unknown key; known are {', '.join(names)}", field=f"{field}.{name}")
        _check_list(f"{field}.{name}", values)
        for value in values:
            if name == "shell":
                if value not in family.shells:
                    problem = f"unknown shell {value!r}; known are {', '.join(family.shells)}"
                    raise ConfigError(problem, field=f"{field}.shell")
            elif not family.parameters[name].accepts(value):
                hint = f"write {family.parameters[name].range}"
                raise ConfigError(f"{value!r} cannot be", field=f"{field}.{name}", hint=hint)
    for name in names:
        if name not in options:
            raise ConfigError("missing", field=f"{field}.{name}", hint="add a list of values")


def _check_stage_names(template: Template, space: SpaceFile) -> None:
    searched = [name for name in template.stages if name in BACKBONE or name in space.stages]
    if list(space.stages) != searched:
        neck = ", ".join(name for name in template.stages if name in NECK)
        problem = f"must be {', '.join(BACKBONE)}, in this order, and after them any of the neck's {neck}"
        raise ConfigError(problem, field="stages")


def _check_sizes(own: Architecture, name: str, stage: StageFile) -> None:
    """Check the channels and depths of a stage."""
    field, choice = f"stages.{name}", own.stages[name]
    for value in stage.channels:
        if value < 8 or value % 8:
            hint = f"write {max(8, round(value / 8) * 8)}"
            raise ConfigError(f"{value} is not a positive multiple of 8", field=f"{field}.channels", hint=hint)
        wide = choose(choice.family, choice.shell, value, choice.depth, choice.named(), choice.neck)
        try:
            own.replace({name: wide}).check()
        except ModelError as error:
            raise ConfigError(f"{value} cannot be: {error}", field=f"{field}.channels", hint="drop it") from None
    for value in stage.depth:
        if not 1 <= value <= 9:
            raise ConfigError(f"{value} is not a depth", field=f"{field}.depth", hint="write 1 to 9")
    entry = [] if choice.neck else [choice.stage().entry]
    _check_list(f"{field}.channels", stage.channels, choice.channels, *entry)
    _check_list(f"{field}.depth", stage.depth, choice.depth)


def _check_head(template: Template, head: HeadFile) -> None:
    stock_choice = stock_head(template)
    if stock_choice is None:
        problem = f"the head of {template.name} has a second pair of branches, and cannot be chosen"
        raise ConfigError(problem, field=HEAD, hint="drop it")
    for name, listed, (low, high) in (("box", head.box, SHARES), ("class", head.classes, SHARES)):
        _check_range(f"{HEAD}.{name}", listed, low, high)
        _check_list(f"{HEAD}.{name}", listed, 1)
    _check_range(f"{HEAD}.depth", head.depth, *DEPTHS)
    _check_list(f"{HEAD}.depth", head.depth, stock_choice.depth)
    _check_list(f"{HEAD}.depthwise", head.depthwise, stock_choice.depthwise)


def _check_range(field: str, values: Sequence[Number], low: Number, high: Number) -> None:
    for value in values:
        if not low <= value <= high:
            raise ConfigError(f"{value} cannot be", field=field, hint=f"write numbers from {low} to {high}")


def _check_stage_operators(template: Template, space: SpaceFile, name: str, choice: StageChoice) -> None:
    field = f"stages.{name}.operators"
    for key in space.stages[name].operators or ():
        if key not in space.operators:
            declared = ", ".join(space.operators)
            raise ConfigError(f"{key!r} is not under operators; declared are {declared}", field=field)
        if key not in template.families(name):
            supported = f"only the template's {choice.family} supports that"
            problem = f"{key!r} cannot be here: this stage merges two feature maps into fewer channels, and {supported}"
            raise ConfigError(problem, field=field, hint="drop it")
    _check_list(field, offered(space, name), choice.family)


def _check_list(field: str, values: Sequence[Any], *own: object) -> None:
    """Refuse an empty list, duplicates, and a list without the stock model's choices ``own``: it is trial 0."""
    if not values:
        raise ConfigError("is empty", field=field, hint="give at least one value")
    if len(set(values)) != len(values):
        raise ConfigError("names a value twice", field=field, hint="drop one")
    for value in own:
        if value not in values:
            problem = f"lacks {value}, the stock model's own, which every search starts from"
            raise ConfigError(problem, field=field, hint="add it")
