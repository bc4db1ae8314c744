"""The built-in detection set: six shapes among clutter, drawn the same on every machine.

A search needs data that is there at once, and that short training begins to learn and long training does not exhaust.
So a class has a shape and a color. Color is not enough: the distractors have the same colors, and only their shape
shows that they are none of the six. Texture, size, rotation and position have one distribution for all. Objects hide
one another and cross the edge.

The bytes are the same everywhere: numbers come from the raw PCG64 stream (`nas.data.dice`), pixels from + - * / and
comparisons, which IEEE 754 rounds one way, and the few cosines are rounded. A scene is composed on a grid and then
rendered, so every ``imgsz`` shows the same scenes.
"""

from __future__ import annotations

import numpy as np
import torch

from nas.data.dataset import Dataset, Split, fingerprint
from nas.data.dice import Dice
from nas.data.forms import CLASSES
from nas.data.letterbox import GRAY
from nas.data.painting import render
from nas.data.scene import compose, deal


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
    """Draw the training and validation split. Fewer images are the first ones of the same set.

    Args:
        imgsz: The side of the images in pixels.
        content: The side of the middle square to draw into, in pixels; None: ``imgsz``.
        n_train: The number of training images that the set has.
        n_val: The number of validation images that it has.
        max_train: The largest number of training images to draw.
        max_val: The largest number of validation images to draw.
        seed: Another seed gives another set.
    """
    train = _draw(imgsz, content or imgsz, min(n_train, max_train), (seed, 0))
    val = _draw(imgsz, content or imgsz, min(n_val, max_val), (seed, 1))
    note = f"{len(train)} of {n_train} training and {len(val)} of {n_val} validation images"
    if (len(train), len(val)) != (n_train, n_val):
        note += ", the first of them"
    return Dataset("shapes", CLASSES, train, val, fingerprint(len(CLASSES), train, val), note)


def draw_test(imgsz: int, *, content: int | None = None, n: int = 512, most: int = 512, seed: int = 0) -> Split:
    """Draw the test split: more scenes of the same kind, none of them in `draw_shapes`."""
    return _draw(imgsz, content or imgsz, min(n, most), (seed, 2))


def _draw(imgsz: int, content: int, n: int, key: tuple[int, int]) -> Split:
    images = np.full((n, 3, imgsz, imgsz), GRAY, dtype=np.uint8)
    first = (imgsz - content) // 2
    middle, boxes = slice(first, first + content), []
    deck = deal(Dice(*key))
    for i in range(n):
        dice = Dice(*key, i + 1)  # not 0: trailing zeros do not change a key
        scene = compose(dice, deck)
        images[i, :, middle, middle] = render(scene, dice, content)
        objects = [thing for thing in scene if thing.form in CLASSES]
        rows = [(CLASSES.index(thing.form), *(first + content * side for side in thing.box())) for thing in objects]
        boxes.append(torch.tensor(rows, dtype=torch.float32).reshape(-1, 5))
    return Split(torch.from_numpy(images), tuple(boxes))
