"""The detection head of YOLOv9 and GELAN: Detect with a group of box channels for each side."""

from __future__ import annotations

from collections.abc import Sequence

from nas.operators.base import Cost, Grid
from nas.operators.detect import BINS, DistributionHead, detect_costs
from nas.operators.registration import register

GROUPS = 4
"""Groups of the last two box convolutions."""


def hidden_widths(nc: int, first: int, bins: int = BINS) -> tuple[int, int]:
    """Hidden channels of the box branches and the class branches, as in `nas.operators.detect.hidden_widths`."""
    return -(-max(first // 4, 4 * bins, 16) // 4) * 4, max(first, min(2 * nc, 128))


@register()
class DDetectOperator(DistributionHead):
    """Row arguments: [nc]."""

    @staticmethod
    def costs(nc: int, channels: Sequence[int], *, grids: Sequence[Grid]) -> list[Cost]:
        return detect_costs(nc, channels, grids, True, BINS, hidden_widths(nc, channels[0]), GROUPS)
