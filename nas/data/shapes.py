"""The built-in detection set: six shapes among clutter, drawn the same on every machine.

A search needs data that is there at once, that short training can begin to learn and long training cannot finish.
So a class has a shape and a colour, as things in the world do. Colour alone does not do: the distractors, which are
shapes too, have the same colours, and only shape tells that they are none of the six. Texture, size, turn and place
are drawn from one and the same distribution for all. Objects hide one another and run over the edge.

Same bytes everywhere: numbers come from the raw PCG64 stream, which NumPy keeps stable (its distributions it does
not), pixels from + - * / and comparisons, which IEEE 754 rounds one way, and the few cosines are rounded.
A scene is composed on a grid of its own and only then rendered, so every `imgsz` shows the same scenes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from nas.data.dataset import Dataset, Split, fingerprint
from nas.data.letterbox import GREY

CLASSES = ("disc", "square", "triangle", "star", "ring", "cross")

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

_DISTRACTORS = ("bar", "half", "ell", "arc", "blob")
_DIAMETER = (0.16, 0.5)  # of the circle around an object, in sides of the image
_OBJECTS = (1, 4)  # an image, both ends included
_CLUTTER = (0, 3)
_VISIBLE = 0.3  # no object is hidden, or cut off by the edge, more than this leaves
_CONTRAST = (60.0, 127.0)  # grey levels between a thing's colour and what lies under its centre
_TINTS = ((1, -1, -1), (-1, 1, -1), (-1, -1, 1), (1, 1, -1), (-1, 1, 1), (1, -1, 1))  # the classes' colours, as RGB
_TINGE = 0.35  # how far a thing strays from its tint
_NOISE = (2.0, 8.0)  # standard deviation in grey levels
_GRID = 64  # cells a side in which scenes are composed
_SAMPLES = 3  # a side, in every pixel that is rendered


def draw_shapes(
    imgsz: int,
    *,
    content: int | None = None,
    n_train: int = 512,
    n_val: int = 256,
    max_train: int = 512,
    max_val: int = 256,
    seed: int = 0,
) -> Dataset:
    """Draw the set at imgsz x imgsz pixels, in the middle ``content`` x ``content`` of them where that is given.

    Fewer images than `n_train`, `n_val` are the first ones of the same."""
    train = _draw(imgsz, content or imgsz, min(n_train, max_train), (seed, 0))
    val = _draw(imgsz, content or imgsz, min(n_val, max_val), (seed, 1))
    note = f"{len(train)} of {n_train} training and {len(val)} of {n_val} validation images"
    if (len(train), len(val)) != (n_train, n_val):
        note += ", the first of them"
    return Dataset("shapes", CLASSES, train, val, fingerprint(len(CLASSES), train, val), note)


def draw_test(imgsz: int, *, content: int | None = None, n: int = 512, most: int = 512, seed: int = 0) -> Split:
    """More scenes of the same kind, none of them in `draw_shapes`."""
    return _draw(imgsz, content or imgsz, min(n, most), (seed, 2))


def _draw(imgsz: int, content: int, n: int, key: tuple[int, int]) -> Split:
    images = np.full((n, 3, imgsz, imgsz), GREY, dtype=np.uint8)
    first = (imgsz - content) // 2
    middle, boxes = slice(first, first + content), []
    deck = _deal(_Dice(*key))
    for i in range(n):
        dice = _Dice(*key, i + 1)  # not 0: trailing zeros do not change a key
        scene = _compose(dice, deck)
        images[i, :, middle, middle] = _render(scene, dice, content)
        objects = [thing for thing in scene if thing.form in CLASSES]
        rows = [(CLASSES.index(thing.form), *(first + content * side for side in thing.box())) for thing in objects]
        boxes.append(torch.tensor(rows, dtype=torch.float32).reshape(-1, 5))
    return Split(torch.from_numpy(images), tuple(boxes))


class _Dice:
    """Chance from the raw PCG64 stream of a key."""

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(list(key))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * (int(self._bits.random_raw()) >> 11) * 2.0**-53

    def integer(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return low + int(self.uniform(0, high - low + 1))

    def shuffled(self, items: tuple[str, ...]) -> list[str]:
        return [items[i] for i in np.argsort(self._bits.random_raw(len(items)), kind="stable")]

    def field(self, *shape: int) -> Floats:
        """Uniform in -1..1."""
        raw = np.asarray(self._bits.random_raw(math.prod(shape)))
        return ((raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)).reshape(shape)

    def noise(self, *shape: int) -> Floats:
        """Close to normal, with mean 0 and standard deviation 1: the sum of the four quarters of a raw number."""
        raw = np.asarray(self._bits.random_raw(math.prod(shape)))
        quarters = sum((raw >> np.uint64(shift)) & np.uint64(0xFFFF) for shift in (0, 16, 32, 48))
        levels = np.asarray(quarters).astype(np.float32) - np.float32(2 * 0xFFFF)
        return (levels * np.float32(math.sqrt(3) / 0x10000)).reshape(shape)


def _deal(dice: _Dice) -> Iterator[str]:
    """The classes in shuffled packs without end, so that a split holds as many objects of one as of another."""
    while True:
        yield from dice.shuffled(CLASSES)


# --- forms: each inside the unit circle, so that a radius bounds them -----------------------------------------------


def _around(n: int, degrees: float) -> list[tuple[float, float]]:
    """n points evenly around the unit circle, the first at an angle."""
    angles = [math.radians(degrees + 360 * k / n) for k in range(n)]
    return [(round(math.cos(a), 6), round(math.sin(a), 6)) for a in angles]


def _sides(n: int, apothem: float, at_least: int) -> Callable[[Floats, Floats], Mask]:
    """What lies on the inner side of so many of n lines: all of them bound a polygon, four of five a pentagram."""
    normals = _around(n, 0)

    def inside(u: Floats, v: Floats) -> Mask:
        kept = sum((u * x + v * y <= apothem).astype(np.int8) for x, y in normals)
        return np.asarray(kept >= at_least)

    return inside


def _disc(u: Floats, v: Floats, x: float = 0.0, y: float = 0.0, r: float = 1.0) -> Mask:
    return (u - x) * (u - x) + (v - y) * (v - y) <= r * r


def _box(u: Floats, v: Floats, x1: float, y1: float, x2: float, y2: float) -> Mask:
    return (u >= x1) & (u <= x2) & (v >= y1) & (v <= y2)


_ARM = 0.3  # half the width of a cross's arms
_REACH = 0.95  # and half their length

_INSIDE: dict[str, Callable[[Floats, Floats], Mask]] = {
    "disc": _disc,
    "square": _sides(4, 0.707107, 4),
    "triangle": _sides(3, 0.5, 3),
    "star": _sides(5, 0.309017, 4),
    "ring": lambda u, v: _disc(u, v) & ~_disc(u, v, r=0.58),
    "cross": lambda u, v: _box(u, v, -_REACH, -_ARM, _REACH, _ARM) | _box(u, v, -_ARM, -_REACH, _ARM, _REACH),
    "bar": lambda u, v: _box(u, v, -0.99, -0.09, 0.99, 0.09),
    "half": lambda u, v: _disc(u, v) & (v > 0.1),
    "ell": lambda u, v: _box(u, v, -0.7, -0.7, -0.2, 0.7) | _box(u, v, -0.7, 0.2, 0.7, 0.7),
    "arc": lambda u, v: _disc(u, v) & ~_disc(u, v, r=0.62) & (u + v > 0.0),
    "blob": lambda u, v: _disc(u, v, -0.4, -0.1, 0.5) | _disc(u, v, 0.3, -0.35, 0.35) | _disc(u, v, 0.35, 0.3, 0.5),
}

# The points that a form's bounding box touches, whichever way it is turned; discs and rings are round.
_CORNERS = {
    "square": _around(4, 45),
    "triangle": _around(3, 180),
    "star": _around(5, 0),
    "cross": [p for a in (-_ARM, _ARM) for b in (-_REACH, _REACH) for p in ((a, b), (b, a))],
}


def _fill(form: str) -> float:
    """The part of the square around the unit circle that a form fills."""
    ticks = ((np.arange(256) - 127.5) / 128).astype(np.float32)
    return float(np.count_nonzero(_INSIDE[form](ticks[None, :], ticks[:, None]))) / 256**2


_FILL = {form: _fill(form) for form in _INSIDE}


# --- scenes ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Thing:
    """A form set in the scene. Lengths in sides of the image."""

    form: str
    x: float
    y: float
    across: float  # the radius of the circle around it
    along: float  # and its other radius, where it is squeezed
    cos: float
    sin: float

    def local(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Points of the image in the coordinates of the form."""
        dx, dy = x - self.x, y - self.y
        u, v = (dx * self.cos + dy * self.sin) / self.across, (dy * self.cos - dx * self.sin) / self.along
        return np.asarray(u, np.float32), np.asarray(v, np.float32)

    def box(self) -> tuple[float, float, float, float]:
        """x1, y1, x2, y2 of the whole object, clipped to the image."""
        if self.form in _CORNERS:
            corners = [(u * self.across, v * self.along) for u, v in _CORNERS[self.form]]
            xs = [self.x + u * self.cos - v * self.sin for u, v in corners]
            ys = [self.y + u * self.sin + v * self.cos for u, v in corners]
        else:
            half_x = math.sqrt((self.across * self.cos) ** 2 + (self.along * self.sin) ** 2)
            half_y = math.sqrt((self.across * self.sin) ** 2 + (self.along * self.cos) ** 2)
            xs, ys = [self.x - half_x, self.x + half_x], [self.y - half_y, self.y + half_y]
        x1, y1, x2, y2 = (min(max(side, 0.0), 1.0) for side in (min(xs), min(ys), max(xs), max(ys)))
        return x1, y1, x2, y2


def _place(dice: _Dice, form: str) -> _Thing:
    radius = dice.uniform(*_DIAMETER) / 2
    stretch = dice.uniform(0.75, 1.0)
    turn = dice.uniform(0, 2 * math.pi)
    cos, sin = round(math.cos(turn), 6), round(math.sin(turn), 6)
    x, y = dice.uniform(0.05, 0.95), dice.uniform(0.05, 0.95)
    return _Thing(form, x, y, radius, radius * stretch, cos, sin)


def _compose(dice: _Dice, deck: Iterator[str]) -> list[_Thing]:
    """Things from the lowest to the topmost. One that would hide another too much is placed elsewhere."""
    objects, clutter = dice.integer(*_OBJECTS), dice.integer(*_CLUTTER)
    centres = ((np.arange(_GRID) + 0.5) / _GRID).astype(np.float32)
    top = np.zeros((_GRID, _GRID), dtype=np.int64)  # which thing lies topmost in each cell, counted from 1
    scene: list[_Thing] = []
    for role in dice.shuffled(("object",) * objects + ("clutter",) * clutter):
        form = next(deck) if role == "object" else _DISTRACTORS[dice.integer(0, len(_DISTRACTORS) - 1)]
        for _ in range(100):
            thing = _place(dice, form)
            inside = _INSIDE[form](*thing.local(centres[None, :], centres[:, None]))
            trial = np.where(inside, len(scene) + 1, top)
            if all(n >= _least(t) for n, t in zip(_seen(trial, len(scene) + 1), [*scene, thing], strict=True)):
                scene.append(thing)
                top = trial
                break
    return scene


def _seen(top: NDArray[np.int64], things: int) -> list[int]:
    return [int(n) for n in np.bincount(top.ravel(), minlength=things + 1)[1:]]


def _least(thing: _Thing) -> float:
    """The cells that must stay in sight: none of a distractor."""
    if thing.form not in CLASSES:
        return 0.0
    return _VISIBLE * _FILL[thing.form] * 4 * thing.across * thing.along * _GRID**2


# --- pixels ---------------------------------------------------------------------------------------------------------


def _render(scene: list[_Thing], dice: _Dice, imgsz: int) -> NDArray[np.uint8]:
    """uint8 (3, imgsz, imgsz). `dice` only chooses paint here: the scene is settled."""
    canvas = _backdrop(dice, imgsz)
    for thing in scene:
        _paint(canvas, thing, dice)
    canvas += np.float32(dice.uniform(*_NOISE)) * dice.noise(*canvas.shape)
    return np.floor(canvas.clip(0, 255) + np.float32(0.5)).astype(np.uint8)


def _backdrop(dice: _Dice, imgsz: int) -> Floats:
    """Float32 (3, imgsz, imgsz): a colour, drifting slowly, with mottles and perhaps stripes, in grey levels."""
    colour = np.array([dice.uniform(50, 205) for _ in range(3)], dtype=np.float32).reshape(3, 1, 1)
    drift = np.float32(dice.uniform(10, 40)) * _smooth(dice.field(3, 3, 3), imgsz)
    mottles = np.float32(dice.uniform(0, 25)) * _smooth(dice.field(1, 12, 12), imgsz)
    ticks = ((np.arange(imgsz) + 0.5) / imgsz).astype(np.float32)
    across, down = (np.float32(dice.uniform(-9, 9)) for _ in range(2))
    stripes = np.float32(max(0.0, dice.uniform(-25, 25))) * _wave(ticks[None, :] * across + ticks[:, None] * down)
    return np.asarray(colour + drift + mottles + stripes, dtype=np.float32)


def _paint(canvas: Floats, thing: _Thing, dice: _Dice) -> None:
    """Lay a thing over the canvas: one colour, shaded and striped, told from the ground by a chosen contrast."""
    imgsz = canvas.shape[-1]
    contrast = np.float32(dice.uniform(*_CONTRAST))
    tint = CLASSES.index(thing.form) if thing.form in CLASSES else dice.integer(0, len(CLASSES) - 1)
    hue = np.array(_TINTS[tint], dtype=np.float32).reshape(3, 1, 1) + np.float32(_TINGE) * dice.field(3, 1, 1)
    shade, stripe, stripes = (np.float32(dice.uniform(0, high)) for high in (0.4, 0.4, 3.0))

    reach = thing.across
    x1, x2 = max(0, math.floor((thing.x - reach) * imgsz)), min(imgsz, math.ceil((thing.x + reach) * imgsz))
    y1, y2 = max(0, math.floor((thing.y - reach) * imgsz)), min(imgsz, math.ceil((thing.y + reach) * imgsz))
    xs = ((np.arange(x1 * _SAMPLES, x2 * _SAMPLES) + 0.5) / (imgsz * _SAMPLES)).astype(np.float32)
    ys = ((np.arange(y1 * _SAMPLES, y2 * _SAMPLES) + 0.5) / (imgsz * _SAMPLES)).astype(np.float32)
    inside = _INSIDE[thing.form](*thing.local(xs[None, :], ys[:, None]))
    counts = inside.reshape(y2 - y1, _SAMPLES, x2 - x1, _SAMPLES).sum(axis=(1, 3))
    cover = counts.astype(np.float32) / np.float32(_SAMPLES**2)

    window = canvas[:, y1:y2, x1:x2]
    centre = (slice(None), [min(int(thing.y * imgsz), imgsz - 1)], [min(int(thing.x * imgsz), imgsz - 1)])
    ground = canvas[centre].reshape(3, 1, 1).clip(0, 255)
    step = contrast * hue / np.abs(hue).max()
    colour = (ground + step).clip(0, 255)
    u, v = thing.local(xs[_SAMPLES // 2 :: _SAMPLES][None, :], ys[_SAMPLES // 2 :: _SAMPLES][:, None])
    texture = contrast * (shade * u + stripe * _wave(v * stripes))
    window += cover * (colour + texture - window)


def _wave(t: Floats) -> Floats:
    """A triangle wave in -1..1, of period 1."""
    return np.asarray(np.abs(t - np.floor(t) - np.float32(0.5)) * np.float32(4) - np.float32(1), np.float32)


def _smooth(grid: Floats, imgsz: int) -> Floats:
    """(c, n, n) -> (c, imgsz, imgsz), interpolated linearly."""
    n = grid.shape[-1]
    at = ((np.arange(imgsz) + 0.5) / imgsz * (n - 1)).astype(np.float32)
    i = np.minimum(at.astype(np.int64), n - 2)
    t = at - i.astype(np.float32)
    rows = grid[:, i] * (1 - t)[:, None] + grid[:, i + 1] * t[:, None]
    return np.asarray(rows[:, :, i] * (1 - t) + rows[:, :, i + 1] * t, dtype=np.float32)
