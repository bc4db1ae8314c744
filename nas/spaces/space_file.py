"""The space file: read, validated, every complaint one line that names file, field and mend."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from nas.detectors.templates import BACKBONE, NECK, TEMPLATES, Template
from nas.errors import InputError
from nas.files import read_yaml, shipped
from nas.operators.family import Number
from nas.operators.registry import FAMILIES
from nas.spaces.architecture import choose, stock


class StageFile(BaseModel):
    """Choices of one stage: the channels that it gives, depth, and the operators it may use (none given: all that it
    can)."""

    model_config = ConfigDict(extra="forbid", strict=True)
    channels: list[int]
    depth: list[int]
    operators: list[str] | None = None


class SpaceFile(BaseModel):
    """A space as written in its file."""

    model_config = ConfigDict(extra="forbid", strict=True)
    space: str
    version: int
    template: str
    operators: dict[str, dict[str, list[Number | str]]]
    stages: dict[str, StageFile]


def offered(space: SpaceFile, stage: str) -> list[str]:
    """The operators that a stage may use."""
    allowed = TEMPLATES[space.template].families(stage)
    return space.stages[stage].operators or [key for key in space.operators if key in allowed]


def read(name: str | Path) -> tuple[Path, SpaceFile]:
    """The file of a shipped space's name, or of a path to one; raises InputError."""
    path = Path(name)
    if path.suffix not in {".yaml", ".yml"}:
        folder = shipped("search_spaces")
        path = folder / f"{name}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
            raise InputError(f"--space {name}: no such space; give one of {known}, or the path of a .yaml file")
    content = read_yaml(path, "space file", ", ".join(SpaceFile.model_fields))
    try:
        space = SpaceFile.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {_first_complaint(error)}") from None
    _check(path, space)
    return path, space


def _first_complaint(error: ValidationError) -> str:
    first = error.errors()[0]
    location = [str(part) for part in first["loc"] if part not in {"int", "float", "str"}]
    field = ".".join(location)
    if first["type"] == "extra_forbidden":
        model: type[BaseModel] = StageFile if location[0] == "stages" else SpaceFile
        return f"{field}: unknown key; known are {', '.join(model.model_fields)}"
    if first["type"] == "missing":
        return f"{field}: missing; add it"
    return f"{field}: {first['msg'][0].lower()}{first['msg'][1:]}, got {first['input']!r}"


def _check(path: Path, space: SpaceFile) -> None:
    """What the types cannot say. The stock choice has to be there: the stock model is trial 0 of every search."""
    template = TEMPLATES.get(space.template)
    if template is None:
        raise InputError(f"{path}: template: unknown template {space.template!r}; known are {', '.join(TEMPLATES)}")
    for key, options in space.operators.items():
        _check_operator(path, template, key, options)
    open_ones = [name for name in template.stages if name in BACKBONE or name in space.stages]
    if list(space.stages) != open_ones:
        neck = ", ".join(name for name in template.stages if name in NECK)
        must = f"must be {', '.join(BACKBONE)}, in this order, and after them any of the neck's {neck}"
        raise InputError(f"{path}: stages: {must}")
    own = stock(template)
    for name, stage in space.stages.items():
        where, choice = f"{path}: stages.{name}", own.stages[name]
        for value in stage.channels:
            if value < 8 or value % 8:
                near = max(8, round(value / 8) * 8)
                raise InputError(f"{where}.channels: {value} is not a positive multiple of 8; write {near}")
            wide = choose(choice.family, choice.shell, value, choice.depth, choice.named(), choice.neck)
            try:
                own.replace({name: wide}).check()
            except ValueError as error:
                raise InputError(f"{where}.channels: {value} cannot be: {error}; drop it") from None
        for value in stage.depth:
            if not 1 <= value <= 9:
                raise InputError(f"{where}.depth: {value} is not a depth; write 1 to 9")
        entry = [] if choice.neck else [choice.stage().entry]
        _check_list(f"{where}.channels", stage.channels, choice.channels, *entry)
        _check_list(f"{where}.depth", stage.depth, choice.depth)
        for key in stage.operators or ():
            if key not in space.operators:
                declared = ", ".join(space.operators)
                raise InputError(f"{where}.operators: {key!r} is not under operators; declared are {declared}")
            if key not in template.families(name):
                narrows = f"narrows what it reads, which only the template's {choice.family} can"
                raise InputError(f"{where}.operators: {key!r} cannot be here: this stage {narrows}; drop it")
        _check_list(f"{where}.operators", offered(space, name), choice.family)
    for choice in (own.stages[name] for name in space.stages):
        for parameter, listed in space.operators[choice.family].items():
            _check_list(f"{path}: operators.{choice.family}.{parameter}", listed, choice.named()[parameter])


def _check_operator(path: Path, template: Template, key: str, options: Mapping[str, list[Any]]) -> None:
    where = f"{path}: operators.{key}"
    families = template.families(BACKBONE[0])
    if key not in families:
        raise InputError(f"{where}: unknown operator; known are {', '.join(families)}")
    family = FAMILIES[key]
    fields = [*(("shell",) if len(family.shells) > 1 else ()), *family.parameters]
    for field, values in options.items():
        if field not in fields:
            raise InputError(f"{where}.{field}: unknown key; known are {', '.join(fields)}")
        _check_list(f"{where}.{field}", values)
        for value in values:
            if field == "shell":
                if value not in family.shells:
                    raise InputError(f"{where}.shell: unknown shell {value!r}; known are {', '.join(family.shells)}")
            elif not family.parameters[field].accepts(value):
                raise InputError(f"{where}.{field}: {value!r} cannot be; write {family.parameters[field].range}")
    for field in fields:
        if field not in options:
            raise InputError(f"{where}.{field}: missing; add a list of values")


def _check_list(where: str, values: list[Any], *own: object) -> None:
    if not values:
        raise InputError(f"{where}: is empty; give at least one value")
    if len(set(values)) != len(values):
        raise InputError(f"{where}: names a value twice; drop one")
    for value in own:
        if value not in values:
            raise InputError(f"{where}: lacks {value}, the stock model's own, which every search starts from; add it")
