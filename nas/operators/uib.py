"""Universal inverted bottleneck of MobileNetV4.

Source: Qin et al., "MobileNetV4: Universal Models for the Mobile Ecosystem", ECCV 2024, section on universal
inverted bottlenecks, with YOLO's SiLU in place of ReLU.
"""

from __future__ import annotations

from nas.operators.base import Cost, Grid, conv_cost
from nas.operators.block import BlockOperator
from nas.operators.family import Parameter
from nas.operators.registration import register


@register(
    key="uib",
    title="universal inverted bottleneck",
    start=Parameter("s", 0, 15, meaning="depthwise kernel before the expansion, 0 none", odd=True),
    middle=Parameter("m", 0, 15, meaning="depthwise kernel after it, 0 none", odd=True),
    expansion=Parameter("e", 0.5, 8.0, meaning="width between the two pointwise convolutions over the block's"),
)
class UIBBlockOperator(BlockOperator):
    example = (16, 3, 5, 1.5)
    csp_example = (16, 2, 3, 0, 2)

    @staticmethod
    def costs(channels: int, start: int = 0, middle: int = 3, expansion: float = 2, *, grid: Grid) -> list[Cost]:
        hidden = int(channels * expansion)
        costs = [conv_cost(1, channels, hidden, grid), conv_cost(1, hidden, channels, grid)]
        return costs + [conv_cost(k, c, c, grid, c) for k, c in ((start, channels), (middle, hidden)) if k]
