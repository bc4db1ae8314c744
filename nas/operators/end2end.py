"""The head of YOLOv10 and YOLO26 that needs no NMS: `Detect` with a second pair of branches.

Source: Wang et al., "YOLOv10: Real-Time End-to-End Object Detection", NeurIPS 2024, section 3.1 (consistent dual
assignments).
"""

from __future__ import annotations

from collections.abc import Sequence

from nas.operators.base import Cost, Grid
from nas.operators.detect import BINS, DistributionHead, detect_costs, hidden_widths
from nas.operators.registration import register


@register()
class EndToEndDetectOperator(DistributionHead):
    """Row arguments: [nc, bins=16, legacy=False]. Ultralytics has it with 16 bins, not legacy, under this name."""

    name = "v10Detect"
    added = 1

    @staticmethod
    def costs(
        nc: int, channels: Sequence[int], bins: int = BINS, legacy: bool = False, *, grids: Sequence[Grid]
    ) -> list[Cost]:
        one = detect_costs(nc, channels, grids, legacy, bins, hidden_widths(nc, channels[0], bins))
        copies = one[:-1] if bins > 1 else one  # both pairs share the distribution; one pair is deployed
        return one + [cost._replace(weight_bytes=0) for cost in copies]
