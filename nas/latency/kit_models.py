"""Models of a measuring kit: ONNX files in an archive, with weights that compress well."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nas.detectors.rows import ResolvedRow
from nas.latency.entries import Key
from nas.progress import Progress

PERIOD = 251
"""The weights of a convolution repeat their first values with this period. Times do not depend on the values, and
random ones do not compress. The number is prime, so that no two filters of a row are equal."""
EXPORTED = 128
"""Number of rows that are exported at a time."""


class KitModels:
    """Adds models to the archive of a kit.

    Args:
        archive: The archive.
        total: Number of models that will be added.
        progress: Receives the share that was added.
    """

    def __init__(self, archive: zipfile.ZipFile, total: int, progress: Progress):
        self._archive, self._total, self._progress, self._done = archive, total, progress, 0

    def add(self, name: str, model: bytes, shapes: Sequence[Sequence[int]]) -> dict[str, Any]:
        """Add an ONNX model.

        Args:
            name: Its name in the archive, without suffix.
            model: The ONNX file.
            shapes: Shapes of its inputs.

        Returns:
            Its part of the kit's manifest: file and shapes.
        """
        self._archive.writestr(f"{name}.onnx", compressible(model))
        self._done += 1
        self._progress(self._done / self._total)
        return {"file": f"{name}.onnx", "shapes": [list(shape) for shape in shapes]}

    def add_rows(self, rows: Mapping[Key, ResolvedRow]) -> Iterator[dict[str, Any]]:
        """Add the rows of entries.

        Args:
            rows: Rows by the keys of their entries.

        Yields:
            Each row's part of the manifest.
        """
        from nas.latency.modules import ends  # imports torch
        from nas.latency.prepared_rows import exporter

        keys = list(rows)
        with exporter(len(keys)) as make:
            for start in range(0, len(keys), EXPORTED):
                group = keys[start : start + EXPORTED]
                models = make([rows[key] for key in group])
                for n, (key, model) in enumerate(zip(group, models, strict=True), start + 1):
                    shapes = [(1, *shape) for shape in rows[key].inputs]
                    row = self.add(f"rows/{n:04}-{key.operator}", model, shapes)
                    yield {**row, **key._asdict(), "ends": ends(rows[key])}


def compressible(model: bytes) -> bytes:
    """The ONNX model with the first weights of each convolution repeated."""
    import onnx
    from onnx import numpy_helper

    loaded = onnx.load_from_string(model)
    weights = {node.input[1] for node in loaded.graph.node if node.op_type in {"Conv", "ConvTranspose"}}
    for tensor in loaded.graph.initializer:
        if tensor.name in weights:
            values = numpy_helper.to_array(tensor)
            if values.size > PERIOD:
                tensor.CopyFrom(numpy_helper.from_array(np.resize(values.flat[:PERIOD], values.shape), tensor.name))
    return bytes(loaded.SerializeToString())
