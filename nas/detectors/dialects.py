"""How YOLOv5, YOLOv9 and Ultralytics turn the rows of a model YAML into what they build.

Facts: blocks.md, sections 1 and 6; operators.md, sections 6.1 and 6.2; checked against Ultralytics 8.4.190 as it runs.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from nas.detectors.rows import Detector, Row
from nas.operators.base import KeepingOperator, StockOperator
from nas.operators.detect import BINS
from nas.operators.registry import OPERATORS

Tell = Callable[[str], object]
"""Takes a line about what was assumed."""

LIGHT = ("C3k2", "A2C2f", "C2fCIB")
"""Kinds that give an Ultralytics model the light class branch; any other model gets the legacy one."""
ADDING = {"m", "l", "x"}
"""Scales that add to rows of C3k2, and but for m of A2C2f."""
_OURS = re.compile(r"__import__\('[\w.]+', fromlist=\['(\w+)'\]\)\.\1")
"""A module of ours, or of a person's own, as it stands in a YAML for YOLOv5 or YOLOv9."""
_LETTER = re.compile(r"(yolo(?:e-)?v?\d+)([nslmx])")


def letter_of(stem: str) -> str:
    """The scale in a file's name: "s" of yolov8s and my-yolo11s; empty where there is none."""
    found = _LETTER.search(stem)
    return found[2] if found else ""


def without_letter(stem: str) -> str:
    """yolov8 of yolov8s: the file that Ultralytics reads for a scale that has no file of its own."""
    return _LETTER.sub(r"\1", stem, count=1)


def as_written(stem: str) -> str:
    """A name for the file of a model whose scale is in its rows: of letters by which Ultralytics adds to rows, as l in
    yolo12l, it finds none in yolo12-l."""
    return _LETTER.sub(r"\1-\2", stem) if letter_of(stem) in ADDING else stem


class Scale(NamedTuple):
    """What the stock kinds of a YAML are scaled by. A ``fixed`` number of channels is left as it is."""

    letter: str
    depth: float
    width: float
    most_channels: float
    multiple: int
    fixed: int | None

    def repeats(self, n: int) -> int:
        """Rounded half to even, at least one."""
        return max(round(n * self.depth), 1) if n > 1 else n

    def channels(self, c: int) -> int:
        """Rounded up to the multiple."""
        if c == self.fixed:
            return c
        return math.ceil(min(c, self.most_channels) * self.width / self.multiple) * self.multiple


def scale_of(content: Mapping[str, Any], nc: int, letter: str, tell: Tell) -> Scale:
    """The scale of a YAML whose file name holds this letter; raises ValueError naming the field."""
    multiple = content.get("channel_multiple", 8)
    if not isinstance(multiple, int) or multiple < 1:
        raise ValueError(f"channel_multiple: must be a number of channels, not {multiple!r}")
    if not content.get("scales"):
        depth, width = _factor(content, "depth_multiple", "gd"), _factor(content, "width_multiple", "gw")
        return Scale(letter, depth, width, math.inf, multiple, _outputs(content.get("anchors"), nc))
    scales = _scales(content["scales"])
    if not letter:
        first, key = next(iter(scales)), content.get("scale")
        if key is None:
            letter = first
            tell(f"no scale in the file's name: {first}, the first of scales, is taken; name it like yolov8s.yaml")
        else:
            letter = str(key)
            tell(f"scale {letter} is taken from the key scale, which Ultralytics ignores; name it like yolov8s.yaml")
    if letter not in scales:
        raise ValueError(f"scales: has no {letter!r}, only {', '.join(scales)}; add it, or rename the file")
    return Scale(letter, *scales[letter], multiple, None)


def read(content: Mapping[str, Any], nc: int, scale: Scale) -> Detector:
    """The detector of a YAML's content, all channels and repeats resolved; raises ValueError naming row or field."""
    _refuse_other_networks(content)
    backbone, head = content.get("backbone"), content.get("head")
    if not isinstance(backbone, list) or not isinstance(head, list):
        raise ValueError("backbone, head: each must be a list of rows [from, repeats, module, args]")
    reader = _Reader(content, nc, scale)
    for index, raw in enumerate([*backbone, *head]):
        match raw:
            case [int() | list() as source, int() as repeats, str() as module, list() as args]:
                try:
                    reader.add(source if isinstance(source, list) else [source], repeats, module, args)
                except (ValueError, ArithmeticError) as error:
                    raise ValueError(f"row {index} ({module}): {error}") from error
            case _:
                raise ValueError(f"row {index}: expected [from, repeats, module, args], got {raw!r}")
    return Detector(tuple(reader.rows), nc, len(backbone))


class _Reader:
    """Reads rows one after another: some words and heads depend on the rows before."""

    def __init__(self, content: Mapping[str, Any], nc: int, scale: Scale):
        self.rows: list[Row] = []
        self._nc, self._scale, self._anchors = nc, scale, content.get("anchors")
        self._bins, self._end2end = content.get("reg_max", BINS), bool(content.get("end2end"))
        if not isinstance(self._bins, int) or self._bins < 1:
            raise ValueError(f"reg_max: must be a number of bins, not {self._bins!r}")

    def add(self, sources: list[Any], repeats: int, module: str, raw: list[Any]) -> None:
        """Read one row; raises ValueError for one that no trainer would build."""
        module = _OURS.sub(r"\1", module)
        operator, args = OPERATORS.get(module), [self._value(arg) for arg in raw]
        if repeats < 1:
            raise ValueError(f"repeats must be 1 or more, not {repeats}")
        if isinstance(operator, StockOperator | KeepingOperator) and len(sources) != 1:
            raise ValueError(f"reads one row, not {sources}; join them with Concat")
        if isinstance(operator, StockOperator):
            if not args or not isinstance(args[0], int):
                raise ValueError(f"the first argument must be the output channels, not {args[:1]}")
            args[0] = self._scale.channels(args[0])
        if module == "C3k2" and self._scale.letter in ADDING:
            args[1:2] = [True]
        if module == "A2C2f" and self._scale.letter in {"l", "x"}:
            args += [True, 1.2]
        if module in {"Detect", "DDetect", "v10Detect"}:
            module, args = self._head(module, args)
        source = tuple(self._absolute(wanted) for wanted in sources)
        self.rows.append(Row(source, self._scale.repeats(repeats), module, tuple(args)))

    def _absolute(self, source: Any) -> int:
        """A row number, or -1 for the row before; the trainers count other negative numbers from the row itself."""
        here = len(self.rows)
        if not isinstance(source, int):
            raise ValueError(f"from must hold row numbers, not {source!r}")
        wanted = source + here if source < -1 else source
        if wanted != -1 and not 0 <= wanted < here:
            raise ValueError(f"from {source} is no row before this one")
        return wanted

    def _head(self, module: str, args: list[Any]) -> tuple[str, list[Any]]:
        """The trainers have several heads named Detect; keys and rows elsewhere in the YAML tell which."""
        nc, *rest = args or [None]
        if nc != self._nc:
            raise ValueError(f"{nc} classes, but nc is {self._nc}; write nc for them")
        if module == "Detect" and len(rest) == 1 and isinstance(rest[0], tuple):
            return "AnchorDetect", args
        if rest:
            raise ValueError(f"takes [nc], or Detect in YOLOv5 [nc, anchors], not {args}")
        if module != "Detect":
            return module, args
        light, stock_bins = any(row.module in LIGHT for row in self.rows), self._bins == BINS
        if self._end2end:
            if not light:
                raise ValueError(f"end2end is built here with the light class branch only, that of {', '.join(LIGHT)}")
            return "v10Detect", [nc] if stock_bins else [nc, self._bins]
        if stock_bins:
            return module, [nc, False] if light else [nc]
        return module, [nc, not light, self._bins]

    def _value(self, word: Any) -> Any:
        """An argument with its words replaced: nc, anchors, c2 (the channels of the row before), Python's literals."""
        if isinstance(word, list | tuple):
            return tuple(map(self._value, word))
        if isinstance(word, dict | set):
            raise ValueError(f"an argument must be a number, a word or a list of them, not {word}")
        if not isinstance(word, str):
            return word
        match word:
            case "nc":
                return self._nc
            case "c2":
                return list(Detector(tuple(self.rows), self._nc, 0).resolve())[-1].call.output[0] if self.rows else 3
            case "anchors":
                if not isinstance(self._anchors, list):
                    raise ValueError(f"anchors: must list width, height, ... in pixels by level, not {self._anchors!r}")
                return self._value(self._anchors)
        try:
            literal = ast.literal_eval(word)
        except (ValueError, SyntaxError):
            return word
        return literal if isinstance(literal, str) else self._value(literal)


def _factor(content: Mapping[str, Any], *names: str) -> float:
    for name in names:
        if name in content:
            return _positive(name, content[name])
    return 1.0


def _scales(scales: Any) -> dict[str, tuple[float, float, float]]:
    if not isinstance(scales, dict):
        raise ValueError(f"scales: must map letters to [depth, width, max_channels], not {scales!r}")
    found = {}
    for letter, values in scales.items():
        if not isinstance(values, list) or len(values) != 3:
            raise ValueError(f"scales.{letter}: must be [depth, width, max_channels], not {values!r}")
        depth, width, most = (_positive(f"scales.{letter}", value) for value in values)
        found[str(letter)] = (depth, width, most)
    return found


def _positive(field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ValueError(f"{field}: must be a number above 0, not {value!r}")
    return value


def _outputs(anchors: Any, nc: int) -> int | None:
    """Outputs of a cell of an anchor head: YOLOv5 and YOLOv9 do not scale a row of that many channels."""
    if isinstance(anchors, list) and anchors and isinstance(anchors[0], list):
        anchors = len(anchors[0]) // 2
    return anchors * (nc + 5) if isinstance(anchors, int) else None


def _refuse_other_networks(content: Mapping[str, Any]) -> None:
    """Keys that change what is built, in a way that ours cannot follow."""
    for key in ("ch", "channels"):
        if content.get(key, 3) != 3:
            raise ValueError(f"{key}: images have 3 channels here, not {content[key]!r}; drop the key")
    activation = content.get("activation")
    if activation not in {None, "nn.SiLU()", "torch.nn.SiLU()"}:
        raise ValueError(f"activation: {activation!r} is not built here; give nn.SiLU(), or drop the key")
