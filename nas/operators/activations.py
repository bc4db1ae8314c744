"""Torch's activations, and ``nn.Identity``, as rows of their own: ``[-1, 1, nn.ReLU, []]``."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from nas.operators.base import Call, Cost, Grid, Operator, Shape
from nas.operators.registration import add

ACTIVATIONS: dict[str, dict[str, bool | float | str]] = {
    "SiLU": {"inplace": False},
    "ReLU": {"inplace": False},
    "ReLU6": {"inplace": False},
    "LeakyReLU": {"negative_slope": 0.01, "inplace": False},
    "ELU": {"alpha": 1.0, "inplace": False},
    "GELU": {"approximate": "none"},
    "Mish": {"inplace": False},
    "Hardswish": {"inplace": False},
    "Hardsigmoid": {"inplace": False},
    "Sigmoid": {},
    "Tanh": {},
    "Softplus": {"beta": 1.0, "threshold": 20.0},
    "Identity": {},
}
"""Constructor arguments of torch's classes and their defaults. None of them has parameters."""


class MapOperator(Operator):
    """A kind that keeps the map's shape. Its row's arguments are those of the constructor."""

    def resolve(self, inputs: Sequence[Shape], repeats: int, args: Sequence[Any]) -> Call:
        return Call(tuple(args), repeats, inputs[0])


class ActivationOperator(MapOperator):
    """An activation of `ACTIVATIONS`."""

    follows_activation = False

    def __init__(self, name: str) -> None:
        self.name = f"nn.{name}"
        super().__init__()
        self.class_name = name
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [
            inspect.Parameter(argument, kind, default=default, annotation=type(default).__name__)
            for argument, default in ACTIVATIONS[name].items()
        ]
        self.signature = inspect.Signature(parameters)

    @staticmethod
    def costs(*arguments: Any, grid: Grid) -> list[Cost]:
        return []


for _name in ACTIVATIONS:
    add(ActivationOperator(_name))
