"""New space files, made from a model and meant to be edited."""

from __future__ import annotations

from typing import Any

import yaml

from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES, Template
from nas.operators.registry import FAMILIES
from nas.spaces.head_choice import stock_head
from nas.spaces.recognize import recognize
from nas.spaces.space_file import SpaceFile, read


def new_space(detector: Detector, name: str) -> str:
    """The text of a space file with a detector as a member.

    It is the shipped space of the detector's template, with the detector's choices added.

    Args:
        detector: The detector.
        name: The name of the space.

    Raises:
        ModelError: If the detector differs from every template outside its stages.
    """
    member = recognize(detector, TEMPLATES.values())
    template = TEMPLATES[member.template]
    shipped = read(template.name)[1]
    operators = {
        key: {name: list(values) for name, values in given.items()} for key, given in shipped.operators.items()
    }
    stages = {key: (list(stage.channels), list(stage.depth)) for key, stage in shipped.stages.items()}
    for stage, choice in member.spelled.items():
        channels, depths = stages.setdefault(stage, ([template.stages[stage].channels], [template.stages[stage].depth]))
        family, listed = FAMILIES[choice.family], operators.setdefault(choice.family, {})
        for field, value in [*choice.named().items(), *([("shell", choice.shell)] if len(family.shells) > 1 else [])]:
            _add(listed.setdefault(field, []), value)
        _add(channels, choice.channels)
        _add(depths, choice.depth)
    head: dict[str, list[Any]] = {}
    if member.head:
        for one in (stock_head(template) or member.head, member.head):
            for field, value in one.named().items():
                _add(head.setdefault(field, []), bool(value) if field == "depthwise" else value)
    return _text(name, template, operators, stages, head)


def _text(
    name: str,
    template: Template,
    operators: dict[str, dict[str, list[Any]]],
    stages: dict[str, tuple[list[int], list[int]]],
    head: dict[str, list[Any]],
) -> str:
    lines = [
        f"# Made from the shipped space {template.name}; edit what may be chosen.",
        "# The stock model's own choices must stay in every list: it is trial 0 of every search.",
        f"space: {_flow([name])[1:-1]}",  # quoted where YAML would read something else
        "version: 1",
        f"template: {template.name}",
        "",
        "# Operators and what each may choose. A divisor that does not divide the width inside a block gives way to",
        "# the largest divisor of it that does.",
        "operators:",
    ]
    for key, fields in operators.items():
        meanings = "; ".join(
            f"{field}: {FAMILIES[key].parameters[field].meaning}" for field in fields if field != "shell"
        )
        lines += [f"  # {FAMILIES[key].title}{f'. {meanings}' if meanings else ''}", f"  {key}: {_flow(fields)}"]
    lines += [
        "",
        "# Backbone stages at strides 4, 8, 16, 32, then those of the neck, if open. `operators: [...]` in a stage",
        "# narrows its choice.",
        "stages:",
    ]
    lines += [f"  {key}: {_flow({'channels': c, 'depth': d})}" for key, (c, d) in stages.items()]
    if head:
        lines += ["", "# Widths of the head's branches relative to the stock head, and their 3x3 convolutions."]
        lines += [f"head: {_flow(head)}"]
    text = "\n".join(lines) + "\n"
    SpaceFile.model_validate(yaml.safe_load(text))
    return text


def _add(values: list[Any], value: Any) -> None:
    """Add a value to a list; a list of numbers is sorted."""
    if value not in values:
        values.append(value)
        if all(isinstance(one, int | float) for one in values):
            values.sort()


def _flow(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000).strip()
