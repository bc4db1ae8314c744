"""RepNCSPELAN4, the stage of YOLOv9, and the cost of convolutions that are two in training and one in deployment.

Sources: Ding et al., "RepVGG: Making VGG-style ConvNets Great Again", CVPR 2021, section 3.3; Wang, Yeh and Liao,
"YOLOv9: Learning What You Want to Learn Using Programmable Gradient Information", 2024, section 4.2.
"""

from __future__ import annotations

from collections.abc import Mapping

from nas.operators.base import Cost, Grid, conv_cost, total
from nas.operators.c3 import c3_shell_costs
from nas.operators.elan1 import ELANOperator, elan_costs
from nas.operators.family import Number, Row
from nas.operators.registration import register


def rep_cost(kernel: int, small: int, c1: int, c2: int, grid: Grid, groups: int = 1) -> Cost:
    """Cost of two convolutions that deployment merges into one; the weight bytes are those of the merged one."""
    one, other = conv_cost(kernel, c1, c2, grid, groups), conv_cost(small, c1, c2, grid, groups)
    return total((one, other))._replace(weight_bytes=one.weight_bytes)


@register(key="repelan", title="RepNCSPELAN4, the stage of GELAN", shells=("csp",))
class RepNCSPELAN4Operator(ELANOperator):
    """Row arguments: [c2, c3, c4, n=1]."""

    example = (24, 16, 8, 2)

    @staticmethod
    def costs(c1: int, c2: int, c3: int, c4: int, n: int = 1, *, grid: Grid) -> list[Cost]:
        def branch(a: int, b: int) -> list[Cost]:
            half = b // 2
            block = [rep_cost(3, 1, half, half, grid), conv_cost(3, half, half, grid)]
            return [*c3_shell_costs(a, b, half, n, grid, block), conv_cost(3, b, b, grid)]

        return elan_costs(c1, c2, c3, c4, grid, branch)

    @staticmethod
    def row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
        return 1, "RepNCSPELAN4", (channels, channels, channels // 2, depth)
