"""Scenes of the built-in set: objects and clutter, composed on a grid that does not depend on the image size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.data.dice import Dice, Floats
from nas.data.forms import CLASSES, CORNERS, DISTRACTORS, FILL, INSIDE

_DIAMETER = (0.16, 0.5)  # of the circle around an object, in sides of the image
_OBJECTS = (1, 4)  # in an image, both ends included
_CLUTTER = (0, 3)
_VISIBLE = 0.3  # at least this part of an object is neither hidden nor cut off by the edge
_GRID = 64  # cells per side in which scenes are composed


def deal(dice: Dice) -> Iterator[str]:
    """An endless series of shuffled packs of the classes: a split has equally many objects of each class."""
    while True:
        yield from dice.shuffled(CLASSES)


@dataclass(frozen=True)
class Thing:
    """A form in a scene.

    Attributes:
        form: The name of the form.
        x: The horizontal position of its center, in sides of the image; all lengths are.
        y: The vertical position of its center.
        across: The radius of the circle around it.
        along: Its other radius, in the direction in which it is squeezed.
        cos: The cosine of its rotation.
        sin: The sine of its rotation.
    """

    form: str
    x: float
    y: float
    across: float
    along: float
    cos: float
    sin: float

    def local(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Points of the image in the coordinates of the form, where its circle is the unit circle."""
        dx, dy = x - self.x, y - self.y
        u, v = (dx * self.cos + dy * self.sin) / self.across, (dy * self.cos - dx * self.sin) / self.along
        return np.asarray(u, np.float32), np.asarray(v, np.float32)

    def box(self) -> tuple[float, float, float, float]:
        """x1, y1, x2, y2 of the object, hidden parts included, clipped to the image."""
        if self.form in CORNERS:
            corners = [(u * self.across, v * self.along) for u, v in CORNERS[self.form]]
            xs = [self.x + u * self.cos - v * self.sin for u, v in corners]
            ys = [self.y + u * self.sin + v * self.cos for u, v in corners]
        else:
            half_x = math.sqrt((self.across * self.cos) ** 2 + (self.along * self.sin) ** 2)
            half_y = math.sqrt((self.across * self.sin) ** 2 + (self.along * self.cos) ** 2)
            xs, ys = [self.x - half_x, self.x + half_x], [self.y - half_y, self.y + half_y]
        x1, y1, x2, y2 = (min(max(side, 0.0), 1.0) for side in (min(xs), min(ys), max(xs), max(ys)))
        return x1, y1, x2, y2


def place(dice: Dice, form: str) -> Thing:
    """A form of random size, rotation and position."""
    radius = dice.uniform(*_DIAMETER) / 2
    stretch = dice.uniform(0.75, 1.0)
    turn = dice.uniform(0, 2 * math.pi)
    cos, sin = round(math.cos(turn), 6), round(math.sin(turn), 6)
    x, y = dice.uniform(0.05, 0.95), dice.uniform(0.05, 0.95)
    return Thing(form, x, y, radius, radius * stretch, cos, sin)


def compose(dice: Dice, deck: Iterator[str]) -> list[Thing]:
    """The things of a scene, the topmost last. One that would hide another too much is placed elsewhere."""
    objects, clutter = dice.integer(*_OBJECTS), dice.integer(*_CLUTTER)
    centers = ((np.arange(_GRID) + 0.5) / _GRID).astype(np.float32)
    top = np.zeros((_GRID, _GRID), dtype=np.int64)  # the number of the topmost thing in each cell, from 1; 0: none
    scene: list[Thing] = []
    for role in dice.shuffled(("object",) * objects + ("clutter",) * clutter):
        form = next(deck) if role == "object" else DISTRACTORS[dice.integer(0, len(DISTRACTORS) - 1)]
        for _ in range(100):
            thing = place(dice, form)
            inside = INSIDE[form](*thing.local(centers[None, :], centers[:, None]))
            trial = np.where(inside, len(scene) + 1, top)
            if all(n >= _least(t) for n, t in zip(_seen(trial, len(scene) + 1), [*scene, thing], strict=True)):
                scene.append(thing)
                top = trial
                break
    return scene


def _seen(top: NDArray[np.int64], things: int) -> list[int]:
    return [int(n) for n in np.bincount(top.ravel(), minlength=things + 1)[1:]]


def _least(thing: Thing) -> float:
    """The number of cells that must stay visible; 0 for a distractor."""
    if thing.form not in CLASSES:
        return 0.0
    return _VISIBLE * FILL[thing.form] * 4 * thing.across * thing.along * _GRID**2
