"""ELAN1, the first stage of GELAN-t and -s, and the cost of its shell round any branch.

Source: Wang, Yeh and Liao, "YOLOv9: Learning What You Want to Learn Using Programmable Gradient Information", 2024,
section 4.2 (generalized ELAN).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nas.operators.base import Call, Cost, Grid, Shape, StockOperator, conv_cost
from nas.operators.family import Number, Row
from nas.operators.registration import register


def check_even(c3: int) -> None:
    """Raise ValueError unless the channels can be halved."""
    if c3 % 2:
        raise ValueError(f"the channels that are halved, c3, must be even, not {c3}")


def elan_costs(c1: int, c2: int, c3: int, c4: int, grid: Grid, branch: Callable[[int, int], list[Cost]]) -> list[Cost]:
    """Costs of an `ELANShell`; ``branch(a, b)`` lists those of a branch from a to b channels."""
    shell = [conv_cost(1, c1, c3, grid), conv_cost(1, c3 + 2 * c4, c2, grid)]
    return [*shell, *branch(c3 // 2, c4), *branch(c4, c4)]


class ELANOperator(StockOperator):
    """A kind in the shell. Row arguments: [c2, c3, c4, *the branch's]."""

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        check_even(args[1])
        return super().resolve(inputs, repeats, args)


@register(key="elan1", title="ELAN1, the first stage of GELAN", shells=("csp",))
class ELAN1Operator(ELANOperator):
    example = (24, 16, 8)

    @staticmethod
    def costs(c1: int, c2: int, c3: int, c4: int, *, grid: Grid) -> list[Cost]:
        return elan_costs(c1, c2, c3, c4, grid, lambda a, b: [conv_cost(3, a, b, grid)])

    @staticmethod
    def row(shell: str, channels: int, depth: int, parameters: Mapping[str, Number]) -> Row:
        return depth, "ELAN1", (channels, channels, channels // 2)
