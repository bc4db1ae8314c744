"""Compound scales of the stock YAMLs: letter, depth and width."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from nas.detectors.rows import Notify
from nas.errors import ModelError

EXTENDED = {"m", "l", "x"}
"""Scales at which Ultralytics adds arguments to rows of C3k2 and A2C2f (A2C2f: not at m)."""
_LETTER = re.compile(r"(yolo(?:e-)?v?\d+)([nslmx])")


def letter_of(stem: str) -> str:
    """The scale in a file's name: "s" for yolov8s and my-yolo11s; empty if there is none."""
    found = _LETTER.search(stem)
    return found[2] if found else ""


def without_letter(stem: str) -> str:
    """The name of the family's file: yolov8 for yolov8s. Ultralytics reads it if a scale has no file of its own."""
    return _LETTER.sub(r"\1", stem, count=1)


def scaled_name(stem: str) -> str:
    """A file name for a model whose rows are scaled already: yolo12-l for yolo12l.

    In yolo12l Ultralytics finds the letter l and adds arguments to the rows a second time.
    """
    return _LETTER.sub(r"\1-\2", stem) if letter_of(stem) in EXTENDED else stem


class Scale(NamedTuple):
    """The factors that the stock rows of a YAML are scaled by.

    Attributes:
        letter: The scale's letter, empty if there is none.
        depth: The factor of the repeats.
        width: The factor of the channels.
        max_channels: The channels of a row before scaling are at most so many.
        multiple: Channels are rounded up to a multiple of this.
        fixed: Rows of so many channels are not scaled; None: all are.
    """

    letter: str
    depth: float
    width: float
    max_channels: float
    multiple: int
    fixed: int | None

    def repeats(self, n: int) -> int:
        """Scaled repeats: rounded half to even, at least 1."""
        return max(round(n * self.depth), 1) if n > 1 else n

    def channels(self, c: int) -> int:
        """Scaled channels, rounded up to the multiple."""
        if c == self.fixed:
            return c
        return math.ceil(min(c, self.max_channels) * self.width / self.multiple) * self.multiple


def scale_of(content: Mapping[str, Any], nc: int, letter: str, notify: Notify) -> Scale:
    """The scale of a YAML.

    Args:
        content: The content of the YAML.
        nc: The number of classes.
        letter: The scale's letter in the file's name, empty if there is none.
        notify: Receives a line for each assumption.

    Raises:
        ModelError: With the key that is wrong.
    """
    multiple = content.get("channel_multiple", 8)
    if not isinstance(multiple, int) or multiple < 1:
        raise ModelError(f"must be a number of channels, not {multiple!r}", field="channel_multiple")
    if not content.get("scales"):
        depth, width = _factor(content, "depth_multiple", "gd"), _factor(content, "width_multiple", "gw")
        return Scale(letter, depth, width, math.inf, multiple, _head_channels(content.get("anchors"), nc))
    scales = _scales(content["scales"])
    if not letter:
        letter = _assumed_letter(content, next(iter(scales)), notify)
    if letter not in scales:
        raise ModelError(
            f"has no {letter!r}, only {', '.join(scales)}", field="scales", hint="add it, or rename the file"
        )
    return Scale(letter, *scales[letter], multiple, None)


def _assumed_letter(content: Mapping[str, Any], first: str, notify: Notify) -> str:
    if (key := content.get("scale")) is None:
        notify(f"no scale in the file's name: {first}, the first of scales, is taken; name it like yolov8s.yaml")
        return first
    notify(f"scale {key} is taken from the key scale, which Ultralytics ignores; name it like yolov8s.yaml")
    return str(key)


def _factor(content: Mapping[str, Any], *names: str) -> float:
    for name in names:
        if name in content:
            return _positive(name, content[name])
    return 1.0


def _scales(scales: Any) -> dict[str, tuple[float, float, float]]:
    if not isinstance(scales, dict):
        raise ModelError(f"must map letters to [depth, width, max_channels], not {scales!r}", field="scales")
    found = {}
    for letter, values in scales.items():
        if not isinstance(values, list) or len(values) != 3:
            raise ModelError(f"must be [depth, width, max_channels], not {values!r}", field=f"scales.{letter}")
        depth, width, most = (_positive(f"scales.{letter}", value) for value in values)
        found[str(letter)] = (depth, width, most)
    return found


def _positive(field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ModelError(f"must be a number above 0, not {value!r}", field=field)
    return value


def _head_channels(anchors: Any, nc: int) -> int | None:
    """Outputs per cell of an anchor head; YOLOv5 and YOLOv9 do not scale a row of that many channels."""
    if isinstance(anchors, list) and anchors and isinstance(anchors[0], list):
        anchors = len(anchors[0]) // 2
    return anchors * (nc + 5) if isinstance(anchors, int) else None
