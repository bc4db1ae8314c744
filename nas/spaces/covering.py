"""Covering set of a space: few members that together contain every row of all members."""

from __future__ import annotations

import itertools
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nas.detectors.rows import Detector
from nas.detectors.templates import BACKBONE, NECK, TOP_DOWN
from nas.spaces.architecture import StageChoice

if TYPE_CHECKING:
    from nas.spaces.space import Space

Changes = dict[str, StageChoice]
"""Choices of some stages."""


def covering(space: Space, nc: int) -> Iterator[Detector]:
    """Members that together contain every row.

    A row of the backbone depends on the choice of one stage, or on the channels between two neighboring stages. A row
    of the neck depends on the choice of its stage and on the channels of the two maps that it reads. The head depends
    on its choice and on the channels of its three maps.

    Args:
        space: The space.
        nc: The number of classes.
    """
    base = space.stock()
    options = {
        name: list(space.choices(name)) if name in space.file.stages else [own] for name, own in base.stages.items()
    }
    widths = {name: _widths(space, name, options) for name in options}
    combined: list[Iterable[Changes]] = [[{name: choice}] for name in BACKBONE for choice in options[name]]
    for before, name in itertools.pairwise(options):
        lateral = space.template.lateral(name) if name in NECK else 0
        own = [{name: choice} for choice in options[name]] if name in NECK else widths[name]
        combined += itertools.product(widths[before], widths[lateral] if isinstance(lateral, str) else [{}], own)
    for changes in combined:
        yield base.replace(dict(ChainMap(*changes))).detector(nc)
    for changes in itertools.product(*(widths[name] for name in NECK[1:] if name in options)):
        member = base.replace(dict(ChainMap(*changes)))
        yield from (replace(member, head=head).detector(nc) for head in space.heads)


def _widths(space: Space, stage: str, options: Mapping[str, Sequence[StageChoice]]) -> list[Changes]:
    """Changes that give a stage each possible pair of input and output channels.

    In the bottom-up part of the neck, these depend on the channels of the lateral map too.
    """
    lateral = space.template.lateral(stage) if stage in NECK and stage not in TOP_DOWN else 0
    others = options[lateral] if isinstance(lateral, str) else [None]
    found: dict[tuple[int, int], Changes] = {}
    for choice, other in itertools.product(options[stage], others):
        changes = {stage: choice} | ({str(lateral): other} if other else {})
        made = space.stock().replace(changes).stages[stage]
        found.setdefault((made.stage().entry, made.channels), changes)
    return list(found.values())
