"""Detections of a candidate, drawn on the images that it was scored on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from nas.data.dataset import Split

SIDE, GAP, COLUMNS = 240, 6, 2
"""Side of an image and gap between images, in pixels, and number of columns."""
MIN_SCORE = 0.25
"""Boxes with a lower score are not drawn."""
COLORS = ("#ff5d5d", "#37b7ff", "#ffd23f", "#5fe08a", "#d08bff", "#ff9a3d", "#2ee6d6", "#ff7ac8")
"""Colors of the classes, repeated if there are more."""


def draw_detections(
    split: Split, images: Sequence[int], boxes: Sequence[Mapping[str, float]], classes: Sequence[str]
) -> Image.Image:
    """Draw images with their detections in colors, and with the true boxes as thin white lines.

    Args:
        split: The split that holds the images.
        images: Indices of the images in the split.
        boxes: Detections, see `nas.proxies.outcome.Outcome.detections`.
        classes: Names of the classes.
    """
    from PIL import Image

    rows = -(-len(images) // COLUMNS)
    size = (COLUMNS * (SIDE + GAP) - GAP, rows * (SIDE + GAP) - GAP)
    sheet = Image.new("RGB", size, "#fff")
    for place, image in enumerate(images):
        shown = [box for box in boxes if box["image"] == image and box["score"] >= MIN_SCORE]
        drawn = _draw_image(split, image, shown, classes)
        sheet.paste(drawn, (place % COLUMNS * (SIDE + GAP), place // COLUMNS * (SIDE + GAP)))
    return sheet


def _draw_image(split: Split, image: int, boxes: Sequence[Mapping[str, float]], classes: Sequence[str]) -> Image.Image:
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    pixels = split.images[image].permute(1, 2, 0).contiguous().numpy()
    scale, picture = SIDE / pixels.shape[0], Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    # Pillow has a default font that scales from 10.1 on only.
    font = ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), 12)
    pen = ImageDraw.Draw(picture)
    for _, *corners in split.boxes[image].tolist():
        pen.rectangle([scale * corner for corner in corners], outline="#fff")
    for box in reversed(boxes):  # the highest score on top
        kind, corners = int(box["class"]), [scale * box[key] for key in ("x1", "y1", "x2", "y2")]
        color, text = COLORS[kind % len(COLORS)], f"{classes[kind]} {box['score']:.2f}"
        pen.rectangle(corners, outline=color, width=2)
        x, y = max(0.0, corners[0]), max(15.0, corners[1])
        pen.rectangle((x, y - 15, x + pen.textlength(text, font) + 4, y), fill=color)
        pen.text((x + 2, y - 15), text, fill="#000", font=font)
    return picture
