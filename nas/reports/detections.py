"""What a candidate detected, drawn on the images that it was scored on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from PIL import Image, ImageDraw, ImageFont

from nas.data.dataset import Split

SIDE, GAP, COLUMNS = 240, 6, 2
"""Of a picture, between pictures, in pixels; and how many stand side by side."""
LEAST = 0.25
"""Boxes that are less sure are not drawn."""
COLOURS = ("#ff5d5d", "#37b7ff", "#ffd23f", "#5fe08a", "#d08bff", "#ff9a3d", "#2ee6d6", "#ff7ac8")
"""Of the classes, over again where there are more."""


def pictures(
    split: Split, images: Sequence[int], seen: Sequence[Mapping[str, float]], classes: Sequence[str]
) -> Image.Image:
    """These ``images`` of the split with the boxes of `nas.proxies.outcome.Outcome.detections` in colours, class and
    score beside them, and the true boxes in white, thin and unnamed."""
    rows = -(-len(images) // COLUMNS)
    size = (COLUMNS * (SIDE + GAP) - GAP, rows * (SIDE + GAP) - GAP)
    sheet = Image.new("RGB", size, "#fff")
    for place, image in enumerate(images):
        boxes = [row for row in seen if row["image"] == image and row["score"] >= LEAST]
        drawn = _picture(split, image, boxes, classes)
        sheet.paste(drawn, (place % COLUMNS * (SIDE + GAP), place // COLUMNS * (SIDE + GAP)))
    return sheet


def _picture(split: Split, image: int, boxes: Sequence[Mapping[str, float]], classes: Sequence[str]) -> Image.Image:
    pixels = split.images[image].permute(1, 2, 0).contiguous().numpy()
    scale, picture = SIDE / pixels.shape[0], Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    pen, font = ImageDraw.Draw(picture), cast(ImageFont.ImageFont, ImageFont.load_default(13))
    for _, *corners in split.boxes[image].tolist():
        pen.rectangle([scale * corner for corner in corners], outline="#fff")
    for row in reversed(boxes):  # the surest on top
        kind, corners = int(row["class"]), [scale * row[key] for key in ("x1", "y1", "x2", "y2")]
        colour, text = COLOURS[kind % len(COLOURS)], f"{classes[kind]} {row['score']:.2f}"
        pen.rectangle(corners, outline=colour, width=2)
        x, y = max(0.0, corners[0]), max(15.0, corners[1])
        pen.rectangle((x, y - 15, x + pen.textlength(text, font) + 4, y), fill=colour)
        pen.text((x + 2, y - 15), text, fill="#000", font=font)
    return picture
