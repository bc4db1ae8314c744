"""Reader of model YAMLs: the rules by which YOLOv5, YOLOv9 and Ultralytics turn rows into modules.

The rules were checked against Ultralytics 8.4.190; the tests compare parameter counts with the installed version.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from nas.detectors.activations import read_activation
from nas.detectors.rows import Detector, Row, row_field
from nas.detectors.scales import EXTENDED, Scale
from nas.errors import ModelError
from nas.operators.arguments import written
from nas.operators.base import StockOperator
from nas.operators.detect import BINS

LIGHT = ("C3k2", "A2C2f", "C2fCIB")
"""Modules that give an Ultralytics model the light class branch; every other model gets the legacy one."""
YOLOV5_KERNELS = (1, 3)
"""Kernels of the bottleneck that is a row of YOLOv5; those of the others are 3 and 3."""
_TASK = "is the head of another task, {}; only heads that detect boxes are searched, measured and exported"
REFUSED = {
    "RTDETRDecoder": "is a transformer decoder, no head of a YOLO: it gives 300 queries, not boxes of each cell",
    **dict.fromkeys(
        (
            "Segment",
            "DSegment",
            "DualDSegment",
            "Panoptic",
            "Segment26",
            "SemanticSegment",
            "YOLOESegment",
            "YOLOESegment26",
        ),
        _TASK.format("masks"),
    ),
    **dict.fromkeys(("Pose", "Pose26"), _TASK.format("key points")),
    **dict.fromkeys(("OBB", "OBB26"), _TASK.format("rotated boxes")),
    "Classify": _TASK.format("classes of images"),
    "Depth": _TASK.format("depth"),
    **dict.fromkeys(("WorldDetect", "YOLOEDetect", "C2fAttn", "ImagePoolingAttn"), "takes text beside the image"),
    **dict.fromkeys(("TorchVision", "Index"), "is a model of torchvision, whose rows are not in the file"),
    **dict.fromkeys(
        ("DualDetect", "DualDDetect", "TripleDetect", "TripleDDetect"),
        "trains with branches that are not deployed; give the file of the deployed model, such as gelan-c.yaml",
    ),
}
"""Modules of the trainers' detectors and of other tasks that are not built here, and the reason."""
TORCH = ("nn.ConvTranspose2d",)
_SOURCES = {
    True: "from must be a list of rows, such as [-1, 6], not {}",
    False: "reads one row: from must be a number, not {}; join rows with Concat",
}
_IMPORTED = re.compile(r"__import__\('[\w.]+', fromlist=\['(\w+)'\]\)\.\1")
"""One of our modules, or a user's, as it stands in a YAML for YOLOv5 or YOLOv9."""


def read(content: Mapping[str, Any], nc: int, scale: Scale) -> Detector:
    """The detector of a YAML, all channels and repeats resolved.

    Args:
        content: The content of the YAML.
        nc: The number of classes.
        scale: The scale, from `scale_of`.

    Raises:
        ModelError: With the row or key that is wrong.
    """
    for key in ("ch", "channels"):
        if content.get(key, 3) != 3:
            raise ModelError(f"images have 3 channels here, not {content[key]!r}", field=key, hint="drop the key")
    backbone, head = content.get("backbone"), content.get("head")
    if not isinstance(backbone, list) or not isinstance(head, list) or not backbone + head:
        raise ModelError("each must be a list of rows [from, repeats, module, args]", field="backbone, head")
    _refuse_modules([*backbone, *head])
    reader = _Reader(content, nc, scale)
    for index, raw in enumerate([*backbone, *head]):
        match raw:
            case [int() | list() as source, int() as repeats, str() as module, list() as args]:
                try:
                    reader.add(source, repeats, module, args)
                except ValueError as error:
                    raise ModelError(" ".join(str(error).split()), field=row_field(index, module)) from error
                except ModelError as error:
                    error.field = row_field(index, module)
                    raise
            case _:
                named = [one for one in raw[2:3] if isinstance(one, str)] if isinstance(raw, list) else []
                field = row_field(index, named[0]) if named else f"row {index}"
                raise ModelError(f"expected [from, repeats, module, args], got {raw!r}", field=field)
    last = reader.rows[-1]
    if not last.operator.is_head:
        problem = "the last row must be a detection head: Detect, SlimDetect, v10Detect or DDetect"
        raise ModelError(problem, field=row_field(len(reader.rows) - 1, last.module))
    return Detector(tuple(reader.rows), nc, len(backbone), read_activation(content.get("activation")))


class _Reader:
    """Reads rows one after another: some words and heads depend on the rows before."""

    def __init__(self, content: Mapping[str, Any], nc: int, scale: Scale):
        self.rows: list[Row] = []
        self._nc, self._scale, self._anchors = nc, scale, content.get("anchors")
        self._bins, self._end2end = content.get("reg_max", BINS), bool(content.get("end2end"))
        if not isinstance(self._bins, int) or isinstance(self._bins, bool) or self._bins < 1:
            raise ModelError(f"must be a number of bins, not {self._bins!r}", field="reg_max")
        # Its parser has other bottlenecks than that of Ultralytics and YOLOv9.
        self._yolov5 = any("anchors" in row[3] for row in content["head"] if _is_head(row))

    def add(self, source: int | list[Any], repeats: int, module: str, raw: list[Any]) -> None:
        """Read one row; raises ValueError if no trainer would build it."""
        module = _IMPORTED.sub(r"\1", module)
        operator, args = Row((), 1, module, ()).operator, [self._value(arg) for arg in raw]
        if repeats < 1:
            raise ValueError(f"repeats must be 1 or more, not {repeats}")
        if operator.many != isinstance(source, list):
            raise ValueError(_SOURCES[operator.many].format(source))
        absolute = tuple(self._absolute(wanted) for wanted in (source if isinstance(source, list) else [source]))
        if isinstance(operator, StockOperator):
            args = self._stock(module, args)
        if module in {"Detect", "SlimDetect", "DDetect", "v10Detect"}:
            module, args = self._head(module, args)
        if module == "CBFuse":
            args = [*args, tuple(self._pieces(one) for one in absolute[:-1])]
        elif any(self.rows[one].module == "CBLinear" for one in absolute if self.rows):
            raise ValueError("reads pieces of CBLinear, which only CBFuse can")
        self.rows.append(Row(absolute, self._scale.repeats(repeats), module, tuple(args)))

    def _absolute(self, source: Any) -> int:
        """A row number, or -1 for the row before; the trainers count other negative numbers from the row itself."""
        here = len(self.rows)
        if not isinstance(source, int) or isinstance(source, bool):
            raise ValueError(f"from must hold row numbers, not {source!r}")
        wanted = source + here if source < -1 else source
        if wanted != -1 and not 0 <= wanted < here:
            raise ValueError(f"from {source} is no row before this one")
        if self.rows and self.rows[wanted].operator.is_head:
            raise ValueError(f"from {source} is a detection head, which must be the last row")
        return wanted

    def _pieces(self, absolute: int) -> Any:
        """The channels of each piece that a row of CBLinear gives."""
        if not self.rows or self.rows[absolute].module != "CBLinear":
            raise ValueError("reads rows of CBLinear, and last a map of the size that it gives")
        return self.rows[absolute].args[0]

    def _stock(self, module: str, args: list[Any]) -> list[Any]:
        """The arguments of a row whose first argument is scaled."""
        if not args or not isinstance(args[0], int) or isinstance(args[0], bool) or args[0] < 1:
            raise ValueError(f"the first argument must be the output channels, not {written(args[:1])}")
        if words := [arg for arg in args if isinstance(arg, str) and not (module in TORCH and arg == "zeros")]:
            hint = " (for an activation, write the key activation, or False for none)" if "nn." in words[0] else ""
            raise ValueError(f"takes numbers, not the word {words[0]!r}{hint}")
        args[0] = self._scale.channels(args[0])
        if module == "C3k2" and self._scale.letter in EXTENDED:
            args[1:2] = [True]
        if module == "A2C2f" and self._scale.letter in EXTENDED - {"m"}:
            args += [True, 1.2]
        if module == "Bottleneck" and self._yolov5:
            return [*args[:3], *[True, 1][len(args) - 1 :], YOLOV5_KERNELS, *args[3:]]
        return args

    def _head(self, module: str, args: list[Any]) -> tuple[str, list[Any]]:
        """The head that Detect stands for: other keys and rows of the YAML decide between several."""
        nc, *rest = args or [None]
        if nc != self._nc:
            raise ValueError(f"{nc} classes, but nc is {self._nc}; write nc for them")
        if module == "Detect" and len(rest) == 1 and self._anchors is not None and rest[0] == self._value("anchors"):
            return "AnchorDetect", args
        if module == "SlimDetect":
            if self._end2end or self._bins != BINS:
                raise ValueError("takes neither the key end2end nor reg_max; drop them")
            return module, args
        if rest:
            raise ValueError(f"takes [nc], or Detect in YOLOv5 [nc, anchors], not {written(args)}")
        if module != "Detect":
            return module, args
        light, stock_bins = any(row.module in LIGHT for row in self.rows), self._bins == BINS
        if self._end2end:
            if light:
                return "v10Detect", [nc] if stock_bins else [nc, self._bins]
            return "v10Detect", [nc, self._bins, True]
        if stock_bins:
            return module, [nc, False] if light else [nc]
        return module, [nc, not light, self._bins]

    def _value(self, word: Any) -> Any:
        """An argument with its words replaced: nc, anchors, c2 (the channels of the row before), Python's literals."""
        if isinstance(word, list | tuple):
            return tuple(map(self._value, word))
        if word is not None and not isinstance(word, str | bool | int | float):
            raise ValueError(f"an argument must be a number, a word or a list of them, not {word}")
        if not isinstance(word, str):
            return word
        match word:
            case "nc":
                return self._nc
            case "c2":
                return list(Detector(tuple(self.rows), self._nc, 0).resolve())[-1].call.output[0] if self.rows else 3
            case "anchors":
                if not isinstance(self._anchors, list | int) or not self._anchors:
                    problem = "must be their number, or list width, height, ... in pixels by level"
                    raise ValueError(f"anchors: {problem}, not {self._anchors!r}")
                return self._value(self._anchors)
        try:
            literal = ast.literal_eval(word)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return word
        return literal if isinstance(literal, str) else self._value(literal)


def _refuse_modules(rows: list[Any]) -> None:
    """Raise ModelError for the last module that is not built here: a head tells best what the model is."""
    for index, raw in reversed(list(enumerate(rows))):
        match raw:
            case [_, _, str() as module, _] if module in REFUSED:
                raise ModelError(REFUSED[module], field=row_field(index, module))


def _is_head(row: Any) -> bool:
    return isinstance(row, list) and len(row) == 4 and row[2] == "Detect" and isinstance(row[3], list)
