"""Reader of model YAMLs: the rules by which YOLOv5, YOLOv9 and Ultralytics turn rows into modules.

The rules were checked against Ultralytics 8.4.190; the tests compare parameter counts with the installed version.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from nas.detectors.rows import BAD_ARGUMENTS, Detector, Row, row_field
from nas.detectors.scales import EXTENDED, Scale
from nas.errors import ModelError
from nas.operators.base import KeepingOperator, StockOperator
from nas.operators.detect import BINS
from nas.operators.registry import OPERATORS

LIGHT = ("C3k2", "A2C2f", "C2fCIB")
"""Modules that give an Ultralytics model the light class branch; every other model gets the legacy one."""
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
    _refuse_unsupported_keys(content)
    backbone, head = content.get("backbone"), content.get("head")
    if not isinstance(backbone, list) or not isinstance(head, list):
        raise ModelError("each must be a list of rows [from, repeats, module, args]", field="backbone, head")
    reader = _Reader(content, nc, scale)
    for index, raw in enumerate([*backbone, *head]):
        match raw:
            case [int() | list() as source, int() as repeats, str() as module, list() as args]:
                try:
                    reader.add(source if isinstance(source, list) else [source], repeats, module, args)
                except BAD_ARGUMENTS as error:
                    raise ModelError(str(error), field=row_field(index, module)) from error
            case _:
                raise ModelError(f"expected [from, repeats, module, args], got {raw!r}", field=f"row {index}")
    return Detector(tuple(reader.rows), nc, len(backbone))


class _Reader:
    """Reads rows one after another: some words and heads depend on the rows before."""

    def __init__(self, content: Mapping[str, Any], nc: int, scale: Scale):
        self.rows: list[Row] = []
        self._nc, self._scale, self._anchors = nc, scale, content.get("anchors")
        self._bins, self._end2end = content.get("reg_max", BINS), bool(content.get("end2end"))
        if not isinstance(self._bins, int) or self._bins < 1:
            raise ModelError(f"must be a number of bins, not {self._bins!r}", field="reg_max")

    def add(self, sources: list[Any], repeats: int, module: str, raw: list[Any]) -> None:
        """Read one row; raises ValueError if no trainer would build it."""
        module = _IMPORTED.sub(r"\1", module)
        operator, args = OPERATORS.get(module), [self._value(arg) for arg in raw]
        if repeats < 1:
            raise ValueError(f"repeats must be 1 or more, not {repeats}")
        if isinstance(operator, StockOperator | KeepingOperator) and len(sources) != 1:
            raise ValueError(f"reads one row, not {sources}; join them with Concat")
        if isinstance(operator, StockOperator):
            if not args or not isinstance(args[0], int):
                raise ValueError(f"the first argument must be the output channels, not {args[:1]}")
            if words := [arg for arg in args if isinstance(arg, str)]:
                raise ValueError(f"takes numbers, not the word {words[0]!r}")
            args[0] = self._scale.channels(args[0])
        if module == "C3k2" and self._scale.letter in EXTENDED:
            args[1:2] = [True]
        if module == "A2C2f" and self._scale.letter in EXTENDED - {"m"}:
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
        """The head that Detect stands for: other keys and rows of the YAML decide between several."""
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


def _refuse_unsupported_keys(content: Mapping[str, Any]) -> None:
    """Refuse keys that make a trainer build another network than ours."""
    for key in ("ch", "channels"):
        if content.get(key, 3) != 3:
            raise ModelError(f"images have 3 channels here, not {content[key]!r}", field=key, hint="drop the key")
    activation = content.get("activation")
    if activation not in {None, "nn.SiLU()", "torch.nn.SiLU()"}:
        problem = f"{activation!r} is not built here"
        raise ModelError(problem, field="activation", hint="give nn.SiLU(), or drop the key")
