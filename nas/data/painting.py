"""Pixels of the built-in set: a scene is rendered at any image size."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nas.data.dice import Dice, Floats
from nas.data.forms import CLASSES, INSIDE
from nas.data.scene import Thing

_CONTRAST = (60.0, 127.0)  # gray levels between a thing's color and the ground under its center
_TINTS = ((1, -1, -1), (-1, 1, -1), (-1, -1, 1), (1, 1, -1), (-1, 1, 1), (1, -1, 1))  # the classes' colors, as RGB
_TINGE = 0.35  # largest deviation of a thing's color from its tint
_NOISE = (2.0, 8.0)  # standard deviation in gray levels
_SAMPLES = 3  # per side, in every pixel that is rendered


def render(scene: list[Thing], dice: Dice, imgsz: int) -> NDArray[np.uint8]:
    """The image of a scene, uint8 (3, imgsz, imgsz). ``dice`` only chooses paint: the scene is settled."""
    canvas = _backdrop(dice, imgsz)
    for thing in scene:
        paint(canvas, thing, dice)
    canvas += np.float32(dice.uniform(*_NOISE)) * dice.noise(*canvas.shape)
    return np.floor(canvas.clip(0, 255) + np.float32(0.5)).astype(np.uint8)


def _backdrop(dice: Dice, imgsz: int) -> Floats:
    """Float32 (3, imgsz, imgsz): a color, drifting slowly, with mottles and perhaps stripes, in gray levels."""
    color = np.array([dice.uniform(50, 205) for _ in range(3)], dtype=np.float32).reshape(3, 1, 1)
    drift = np.float32(dice.uniform(10, 40)) * _smooth(dice.field(3, 3, 3), imgsz)
    mottles = np.float32(dice.uniform(0, 25)) * _smooth(dice.field(1, 12, 12), imgsz)
    ticks = ((np.arange(imgsz) + 0.5) / imgsz).astype(np.float32)
    across, down = (np.float32(dice.uniform(-9, 9)) for _ in range(2))
    stripes = np.float32(max(0.0, dice.uniform(-25, 25))) * _wave(ticks[None, :] * across + ticks[:, None] * down)
    return np.asarray(color + drift + mottles + stripes, dtype=np.float32)


def paint(canvas: Floats, thing: Thing, dice: Dice) -> None:
    """Paint a thing over the canvas: one color, shaded and striped, at a random contrast to the ground."""
    imgsz = canvas.shape[-1]
    contrast = np.float32(dice.uniform(*_CONTRAST))
    tint = CLASSES.index(thing.form) if thing.form in CLASSES else dice.integer(0, len(CLASSES) - 1)
    hue = np.array(_TINTS[tint], dtype=np.float32).reshape(3, 1, 1) + np.float32(_TINGE) * dice.field(3, 1, 1)
    shade, stripe, stripes = (np.float32(dice.uniform(0, high)) for high in (0.4, 0.4, 3.0))

    radius = thing.across
    x1, x2 = max(0, math.floor((thing.x - radius) * imgsz)), min(imgsz, math.ceil((thing.x + radius) * imgsz))
    y1, y2 = max(0, math.floor((thing.y - radius) * imgsz)), min(imgsz, math.ceil((thing.y + radius) * imgsz))
    xs = ((np.arange(x1 * _SAMPLES, x2 * _SAMPLES) + 0.5) / (imgsz * _SAMPLES)).astype(np.float32)
    ys = ((np.arange(y1 * _SAMPLES, y2 * _SAMPLES) + 0.5) / (imgsz * _SAMPLES)).astype(np.float32)
    inside = INSIDE[thing.form](*thing.local(xs[None, :], ys[:, None]))
    counts = inside.reshape(y2 - y1, _SAMPLES, x2 - x1, _SAMPLES).sum(axis=(1, 3))
    cover = counts.astype(np.float32) / np.float32(_SAMPLES**2)

    window = canvas[:, y1:y2, x1:x2]
    center = (slice(None), [min(int(thing.y * imgsz), imgsz - 1)], [min(int(thing.x * imgsz), imgsz - 1)])
    ground = canvas[center].reshape(3, 1, 1).clip(0, 255)
    step = contrast * hue / np.abs(hue).max()
    color = (ground + step).clip(0, 255)
    u, v = thing.local(xs[_SAMPLES // 2 :: _SAMPLES][None, :], ys[_SAMPLES // 2 :: _SAMPLES][:, None])
    texture = contrast * (shade * u + stripe * _wave(v * stripes))
    window += cover * (color + texture - window)


def _wave(t: Floats) -> Floats:
    """A triangle wave in -1..1, of period 1."""
    return np.asarray(np.abs(t - np.floor(t) - np.float32(0.5)) * np.float32(4) - np.float32(1), np.float32)


def _smooth(grid: Floats, imgsz: int) -> Floats:
    """Interpolate linearly: (c, n, n) -> (c, imgsz, imgsz)."""
    n = grid.shape[-1]
    at = ((np.arange(imgsz) + 0.5) / imgsz * (n - 1)).astype(np.float32)
    i = np.minimum(at.astype(np.int64), n - 2)
    t = at - i.astype(np.float32)
    rows = grid[:, i] * (1 - t)[:, None] + grid[:, i + 1] * t[:, None]
    return np.asarray(rows[:, :, i] * (1 - t) + rows[:, :, i + 1] * t, dtype=np.float32)
