"""Members of one step of a supernet's training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nas.detectors.heads import anchor_free
from nas.detectors.rows import Detector
from nas.spaces.architecture import Architecture
from nas.spaces.space import Space
from nas.supernet.supernet import Supernet

RANDOM = 2
"""Random members of a step, beside the largest and the smallest."""


class Sandwich:
    """Draws the largest member, the smallest and some random ones.

    Only restrictions of the teacher are trained. In a random member, a stage whose operator is none keeps the
    template's own. The weights of such an operator are no part of the teacher, see `nas.supernet.branches`.

    Args:
        supernet: The supernet; its own rows are the largest member.
        space: The search space.
        nc: Number of classes.
    """

    def __init__(self, supernet: Supernet, space: Space, nc: int):
        self._supernet, self._space, self._nc = supernet, space, nc
        self._smallest = self._restricted(space.smallest())

    def __call__(self, rng: np.random.Generator) -> Sequence[Detector]:
        drawn = [self._restricted(self._space.random(rng)) for _ in range(RANDOM)]
        return [self._supernet.detector, self._smallest, *drawn]

    def _restricted(self, member: Architecture) -> Detector:
        """The member, with the template's own operator in stages whose operator is no restriction."""
        detector = anchor_free(member.detector(self._nc))
        fresh = self._supernet.fresh_rows(detector)
        if not fresh:
            return detector
        template, stock = self._space.template, self._space.stock()
        changed = {}
        for stage in member.stages:
            first, last = template.stage_rows(stage)
            if fresh & set(range(first, last + 1)):
                changed[stage] = stock.stages[stage]
        return anchor_free(member.replace(changed).detector(self._nc))
