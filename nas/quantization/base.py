"""Conversion: turns the float32 ONNX file of a detector into the file that a runtime deploys in a precision."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nas.errors import InputError
from nas.files import replacing
from nas.latency.runtimes.measure import SESSIONS, Session

Array = NDArray[np.float32]
HEAD = "head"
"""Stands for the last layers of the head in `keep_float`."""


@dataclass(frozen=True)
class Deployed:
    """A detector as a runtime deploys it.

    Attributes:
        runtime: A name in `nas.latency.runtimes.measure.SESSIONS`.
        precision: The precision that it computes in.
        files: Content by suffix. The runtime opens the first one.
        keep_float: Parts that are not quantized, as in `Conversion.convert`.
    """

    runtime: str
    precision: str
    files: Mapping[str, bytes]
    keep_float: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files.values()))

    def write(self, folder: Path, name: str) -> Path:
        """Write the files; returns the path that the runtime opens.

        Args:
            folder: The folder; it is made.
            name: The name of the files without a suffix.
        """
        paths = [folder / f"{name}{suffix}" for suffix in self.files]
        for path, content in zip(paths, self.files.values(), strict=True):
            with replacing(path) as temporary:
                temporary.write_bytes(content)
        return paths[0]

    @classmethod
    def read(cls, path: Path, runtime: str, precision: str) -> Deployed:
        """Read the files of `write`.

        Args:
            path: The path that `write` returned: an .onnx file, or an .xml file with a .bin file beside it.
            runtime: The runtime.
            precision: The precision.

        Raises:
            InputError: A file is missing.
        """
        files = [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]
        for file in files:
            if not file.is_file():
                raise InputError("no such file", file=file, hint="give a file that nas.export wrote")
        return cls(runtime, precision, {file.suffix: file.read_bytes() for file in files})

    def session(self, image: Array, threads: int = 1) -> Session:
        """Open the files in the runtime.

        Args:
            image: The first input (1, 3, S, S), in 0..1.
            threads: Threads of the runtime.
        """
        first, *weights = self.files.values()
        model = (first, weights[0]) if weights else first
        return SESSIONS[self.runtime](model, [image], threads, precision=self.precision)


class Conversion(ABC):
    """Converts detectors for one runtime and precision. `nas.quantization.registry` lists the conversions.

    * The decoding of the head, which makes boxes and scores of its maps, always stays in float: boxes in pixels and
      scores from 0 to 1 do not fit one scale.
    * A package is imported inside `convert`, so that `choose_conversion` names the one that is missing.
    * The same file and images give the same numbers.

    Args:
        precision: One of the precisions that the registry names for the class.

    Attributes:
        runtime: Name of the runtime.
        packages: Packages that must be installed, by their import names.
        extra: The extra of this package that installs them.
        calibrated: True if `convert` needs images.
    """

    runtime: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = "onnx"
    calibrated: ClassVar[bool] = False

    def __init__(self, precision: str):
        self.precision = precision

    @abstractmethod
    def convert(self, model: bytes, images: Sequence[Array] = (), keep_float: Collection[str] = ()) -> Deployed:
        """Convert a detector.

        Args:
            model: Its ONNX file in float32, as `nas.runs.onnx_file.onnx_file` writes it.
            images: Images (1, 3, S, S) in 0..1 that calibrate the ranges of activations.
            keep_float: Parts to leave in float: numbers of rows, and `HEAD` for the last layers of the head.
        """

    @abstractmethod
    def recipe(self) -> str:
        """The method and its options in words, with the version of each package that changes the result."""

    def refusal(self) -> str:
        """The reason why this processor does not compute in the precision; empty if it does."""
        return ""
