"""Forms of the built-in set: six classes and the distractors, each inside the unit circle."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nas.data.dice import Floats

CLASSES = ("disc", "square", "triangle", "star", "ring", "cross")
DISTRACTORS = ("bar", "half", "ell", "arc", "blob")

Mask = NDArray[np.bool_]


def _around(n: int, degrees: float) -> list[tuple[float, float]]:
    """n points evenly spaced on the unit circle, the first at an angle in degrees."""
    angles = [math.radians(degrees + 360 * k / n) for k in range(n)]
    return [(round(math.cos(a), 6), round(math.sin(a), 6)) for a in angles]


def _sides(n: int, apothem: float, at_least: int) -> Callable[[Floats, Floats], Mask]:
    """The points on the inner side of at least so many of n lines: all n give a polygon, four of five a pentagram."""
    normals = _around(n, 0)

    def inside(u: Floats, v: Floats) -> Mask:
        inner = sum((u * x + v * y <= apothem).astype(np.int8) for x, y in normals)
        return np.asarray(inner >= at_least)

    return inside


def _disc(u: Floats, v: Floats, x: float = 0.0, y: float = 0.0, r: float = 1.0) -> Mask:
    return (u - x) * (u - x) + (v - y) * (v - y) <= r * r


def _box(u: Floats, v: Floats, x1: float, y1: float, x2: float, y2: float) -> Mask:
    return (u >= x1) & (u <= x2) & (v >= y1) & (v <= y2)


_ARM = 0.3  # half the width of a cross's arms
_ARM_LENGTH = 0.95  # half their length

INSIDE: dict[str, Callable[[Floats, Floats], Mask]] = {
    "disc": _disc,
    "square": _sides(4, 0.707107, 4),
    "triangle": _sides(3, 0.5, 3),
    "star": _sides(5, 0.309017, 4),
    "ring": lambda u, v: _disc(u, v) & ~_disc(u, v, r=0.58),
    "cross": lambda u, v: (
        _box(u, v, -_ARM_LENGTH, -_ARM, _ARM_LENGTH, _ARM) | _box(u, v, -_ARM, -_ARM_LENGTH, _ARM, _ARM_LENGTH)
    ),
    "bar": lambda u, v: _box(u, v, -0.99, -0.09, 0.99, 0.09),
    "half": lambda u, v: _disc(u, v) & (v > 0.1),
    "ell": lambda u, v: _box(u, v, -0.7, -0.7, -0.2, 0.7) | _box(u, v, -0.7, 0.2, 0.7, 0.7),
    "arc": lambda u, v: _disc(u, v) & ~_disc(u, v, r=0.62) & (u + v > 0.0),
    "blob": lambda u, v: _disc(u, v, -0.4, -0.1, 0.5) | _disc(u, v, 0.3, -0.35, 0.35) | _disc(u, v, 0.35, 0.3, 0.5),
}

# Discs and rings are round and need none.
CORNERS = {
    "square": _around(4, 45),
    "triangle": _around(3, 180),
    "star": _around(5, 0),
    "cross": [p for a in (-_ARM, _ARM) for b in (-_ARM_LENGTH, _ARM_LENGTH) for p in ((a, b), (b, a))],
}
"""The points that the bounding box of a form touches at some rotation."""


def _fill(form: str) -> float:
    ticks = ((np.arange(256) - 127.5) / 128).astype(np.float32)
    return float(np.count_nonzero(INSIDE[form](ticks[None, :], ticks[:, None]))) / 256**2


FILL = {form: _fill(form) for form in INSIDE}
"""The part of the square around the unit circle that each form fills."""
