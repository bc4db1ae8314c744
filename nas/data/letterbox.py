"""Letterboxing: an image on a square canvas, and where it came to lie there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

GREY = 114


def letterbox(
    image: Image.Image, size: int, content: int | None = None
) -> tuple[NDArray[np.uint8], tuple[int, int, int, int]]:
    """Fit an opened image, turned upright as its EXIF says, into the middle ``content`` x ``content`` pixels, all
    unless said otherwise, of a grey size x size canvas.

    Returns the canvas, uint8 RGB (3, size, size), and the place of the image on it in pixels: left, top, width, height.
    A point (x, y) of the image, normalised to 0..1, lies at (left + x * width, top + y * height).
    """
    scale = (content or size) / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    # JPEGs decode at a fraction of their size almost for free; twice the target keeps the resize below clean.
    image.draft("RGB", (2 * width, 2 * height))
    if image.mode.startswith("I"):  # 16 bits a pixel: Pillow would clip where everyone else scales
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    # Small first, upright after: turning the full-size image would only cost time.
    upright = ImageOps.exif_transpose(image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR))
    width, height = upright.size
    left, top = (size - width) // 2, (size - height) // 2
    canvas = np.full((3, size, size), GREY, dtype=np.uint8)
    canvas[:, top : top + height, left : left + width] = np.asarray(upright).transpose(2, 0, 1)
    return canvas, (left, top, width, height)
