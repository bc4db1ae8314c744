"""Distribution-shift convolution: weights of a few bits, each block of them with one float scale.

Source: Gennari do Nascimento, Fawcett and Prisacariu, "DSConv: Efficient Convolution Operator", ICCV 2019, section 3,
its scale-only form on float activations. It is no depthwise-separable convolution: parameters, MACs and float latency
are those of the plain convolution. It saves weight bytes, and only in a packed form (`nas.operators.modules.dsconv`):
checkpoints and ONNX files hold the same numbers as float32, so without a runtime that reads packed weights the saving
is theoretical.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from nas.operators.base import Cost, Grid, conv_cost
from nas.operators.block import BlockOperator
from nas.operators.family import Parameter, expanded_width
from nas.operators.registration import register


def packed_size(shape: Sequence[int], bits: int, block: int) -> int:
    """Bytes of a packed weight: codes of ``bits`` bits, and a float32 scale for every block.

    Args:
        shape: Shape (co, ci, kh, kw) of the weight.
        bits: Bits of a weight.
        block: Input channels that share a scale.

    Returns:
        The number of bytes.
    """
    co, ci, kh, kw = shape
    return -(-math.prod(shape) * bits // 8) + 4 * co * -(-ci // block) * kh * kw


def ds_cost(k: int, c1: int, c2: int, bits: int, block: int, grid: Grid) -> Cost:
    """Cost of a `DSConv`: a plain convolution's; its bytes are those of codes, scales and a float32 bias a filter."""
    return conv_cost(k, c1, c2, grid)._replace(weight_bytes=packed_size((c2, c1, k, k), bits, block) + 4 * c2)


@register(
    key="ds",
    title="DSConv block",
    only_size=True,
    bits=Parameter("b", 2, 8, meaning="bits of a weight"),
    block=Parameter("k", 1, 1024, meaning="input channels that share a scale", capped=True),
    expansion=Parameter("e", 0.25, 2.0, meaning="width between the two DSConvs over the block's"),
)
class DSBlockOperator(BlockOperator):
    example = (16, 4, 8, 0.5)
    csp_example = (16, 2, 3, 32, 1)
    widths = staticmethod(expanded_width)

    @staticmethod
    def costs(channels: int, bits: int = 4, block: int = 32, expansion: float = 1, *, grid: Grid) -> list[Cost]:
        hidden = int(channels * expansion)
        return [ds_cost(3, channels, hidden, bits, block, grid), ds_cost(3, hidden, channels, bits, block, grid)]
