"""Nodes of a detector's ONNX file by row, and those of the head that decode its maps.

The exporter names a node after its module: ``/model.22/cv2.0/cv2.0.2/Conv`` belongs to row 22.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from nas.errors import ConfigError
from nas.quantization.base import HEAD

MULTIPLIES = {"Conv", "ConvTranspose", "MatMul", "Gemm"}
"""Operations whose weights are quantized."""


@dataclass(frozen=True)
class DetectorGraph:
    """Names of nodes.

    Attributes:
        rows: Names by row that multiplies, in order.
        last_layers: The last convolutions of the head.
        decoding: The nodes of the head behind them.
    """

    rows: dict[int, tuple[str, ...]]
    last_layers: tuple[str, ...]
    decoding: tuple[str, ...]

    def float_nodes(self, keep_float: Collection[str] = ()) -> set[str]:
        """The decoding, and the nodes of some parts.

        Args:
            keep_float: Parts as in `nas.quantization.base.Conversion.convert`.

        Raises:
            ConfigError: There is no such part.
        """
        found = set(self.decoding)
        for part in keep_float:
            found.update(self._nodes(part))
        return found

    def _nodes(self, part: str) -> tuple[str, ...]:
        if part == HEAD:
            return self.last_layers
        if part.isdecimal() and int(part) in self.rows:
            return self.rows[int(part)]
        hint = f"give {HEAD}, or the number of a row from {min(self.rows)} to {max(self.rows)}"
        raise ConfigError("no such row, or it has no weights", field="keep_float", value=part, hint=hint)


def read_graph(model: Any) -> DetectorGraph:
    """The nodes of a detector.

    Args:
        model: The ``onnx.ModelProto``.
    """
    nodes = list(model.graph.node)
    rows: dict[int, list[Any]] = {}
    for node in nodes:
        if (row := _row(node)) is not None:
            rows.setdefault(row, []).append(node)
    head = rows[max(rows)]
    # A head reshapes its maps to decode them. A convolution behind that, as in the distribution of a box side, decodes.
    reshaped = _behind(head, (node for node in head if node.op_type == "Reshape"))
    convolutions = [node for node in head if node.op_type == "Conv" and node.name not in reshaped]
    names = {node.name for node in convolutions}
    last = [node for node in convolutions if not _behind(head, [node]) & (names - {node.name})]
    decoding = _behind(head, last) - names
    return DetectorGraph(
        {row: _names(found) for row, found in rows.items() if any(node.op_type in MULTIPLIES for node in found)},
        _names(last),
        _names(node for node in head if node.name in decoding),
    )


def _names(nodes: Iterable[Any]) -> tuple[str, ...]:
    return tuple(node.name for node in nodes)


def _row(node: Any) -> int | None:
    found = re.match(r"/model\.(\d+)/", node.name)
    return int(found[1]) if found else None


def _behind(nodes: Iterable[Any], first: Iterable[Any]) -> set[str]:
    """Names of some nodes and of those that read their outputs, in a list that is sorted topologically."""
    names = {node.name for node in first}
    outputs: set[str] = set()
    for node in nodes:
        if node.name in names or outputs.intersection(node.input):
            names.add(node.name)
            outputs.update(node.output)
    return names
