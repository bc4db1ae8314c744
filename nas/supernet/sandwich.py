"""Members of one step of a supernet's training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nas.detectors.heads import anchor_free
from nas.detectors.rows import Detector
from nas.spaces.architecture import Architecture
from nas.spaces.space import Space
from nas.supernet.supernet import Supernet

SHARES = ((0.0, 0.2), (0.2, 0.45), (0.45, 0.8))
"""Bounds of the share of stages in which each random member differs from the largest one."""


class Sandwich:
    """Draws the largest member, and random ones that differ from it in few, in some and in many stages.

    The sandwich rule also trains the smallest member (Yu and Huang, ICCV 2019, section 3.1). It is left out here: it is
    so small that it learns nothing in a few hundred steps, and no search proposes it.

    Only restrictions of the teacher are trained. In a random member, a stage whose operator is none keeps the
    template's own. The weights of such an operator are no part of the teacher, see `nas.supernet.branches`.

    Args:
        supernet: The supernet; its own rows are the largest member.
        space: The search space.
        nc: Number of classes.
    """

    def __init__(self, supernet: Supernet, space: Space, nc: int):
        self._supernet, self._nc = supernet, nc
        self._space = replace(space, sizes=())  # a step has one size for all members

    def __call__(self, rng: np.random.Generator) -> Sequence[Detector]:
        shares = [float(rng.uniform(*bounds)) for bounds in SHARES]
        return [self._supernet.detector, *(self._restricted(self._space.near_stock(rng, share)) for share in shares)]

    def _restricted(self, member: Architecture) -> Detector:
        """The member, with the template's own operator in stages whose operator is no restriction."""
        detector = anchor_free(member.detector(self._nc))
        fresh = self._supernet.fresh_rows(detector)
        if not fresh:
            return detector
        template, stock = self._space.template, self._space.stock()
        if len(detector.rows) - 1 in fresh:
            member = replace(member, head=None)
        changed = {}
        for stage in member.stages:
            first, last = template.stage_rows(stage)
            if fresh & set(range(first, last + 1)):
                changed[stage] = stock.stages[stage]
        return anchor_free(member.replace(changed).detector(self._nc))
