"""Letterboxing: an image in the middle of a square gray canvas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

GRAY = 114
"""The gray level of the canvas, as in the trainers."""


def letterbox(
    image: Image.Image, size: int, content: int | None = None
) -> tuple[NDArray[np.uint8], tuple[int, int, int, int]]:
    """Fit an image into the middle of a gray canvas, upright as its EXIF says.

    Args:
        image: The opened image.
        size: The side of the canvas in pixels.
        content: The side of the middle square to fit the image into, in pixels; None: the whole canvas.

    Returns:
        The canvas, uint8 RGB (3, size, size), and the image's place on it in pixels: left, top, width, height. A point
        (x, y) of the image, from 0 to 1, lies at (left + x * width, top + y * height).
    """
    scale = (content or size) / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    # JPEGs decode at a fraction of their size almost for free; twice the target keeps the resize below clean.
    image.draft("RGB", (2 * width, 2 * height))
    # Resize first, turn afterwards: turning the full-size image takes longer.
    upright = ImageOps.exif_transpose(_rgb(image).resize((width, height), Image.Resampling.BILINEAR))
    width, height = upright.size
    left, top = (size - width) // 2, (size - height) // 2
    canvas = np.full((3, size, size), GRAY, dtype=np.uint8)
    canvas[:, top : top + height, left : left + width] = np.asarray(upright).transpose(2, 0, 1)
    return canvas, (left, top, width, height)


def _rgb(image: Image.Image) -> Image.Image:
    """An image of any mode in RGB, with the colors that OpenCV gives."""
    if image.mode.startswith("I"):  # 16 bits a pixel: Pillow would clip, others scale
        return Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.format == "TIFF" and image.mode == "RGBA":  # transparent parts are dark there, but not in other formats
        return Image.composite(image.convert("RGB"), Image.new("RGB", image.size), image.getchannel("A"))
    return image.convert("RGB")
