"""Reference kernel: every time is measured in units of it. It is read from ONNX files, without torch.

``reference_models.zip`` holds the kernel and a model that does nothing, as `nas.latency.reference_modules` exports
them. Its weights repeat a short sequence, as in a measuring kit, so that the file is small; times do not depend on
their values.
"""

from __future__ import annotations

import zipfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.latency.runtimes.measure import Bench

if TYPE_CHECKING:
    from nas.latency.runtimes.base import Runtime

REFERENCE = "3x3 convolutions 48 to 48 at 40x40, to 128 and to 192 by stride 2, 192 to 192, each with SiLU"
"""Description of the kernel in every fingerprint."""

MODELS = Path(__file__).with_name("reference_models.zip")
SHAPES = {"reference": (1, 48, 40, 40), "nothing": (1, 1, 1, 1)}
"""Input shapes by name: the reference kernel, and a model that does nothing, whose time is the cost of a call."""


@cache
def reference_file(name: str) -> bytes:
    """The ONNX model of a name in `SHAPES`."""
    with zipfile.ZipFile(MODELS) as models:
        return models.read(f"{name}.onnx")


def reference_input(name: str) -> Any:
    """The input of a model: normally distributed float32, the same every time."""
    import numpy as np

    return np.random.default_rng(0).standard_normal(SHAPES[name], dtype=np.float32)


def bench(runtime: Runtime, nominal: float | None = None) -> Bench:
    """A bench on a runtime.

    Args:
        runtime: Runs the reference kernel and the rows.
        nominal: Time of the reference kernel on the quiet machine, in seconds; measured if None.
    """
    return Bench(runtime.prepare_reference(), nominal, runtime.measuring, runtime.timed)


def misfit(bench: Bench) -> str:
    """Compare the reference kernel's time on this machine with the one in a table.

    A processor's name does not identify a machine, but its speed rules out a wrong table.

    Args:
        bench: A bench whose nominal time is the table's.

    Returns:
        The reason why the table does not fit; empty if it fits.
    """
    off = bench.settle(bench.watch(0.3))
    if off is None:
        return ""
    return (
        f"the reference kernel takes {1e3 * off:.3g} ms here and took {1e3 * bench.nominal:.3g} ms when the table was "
        "built: another machine, or a busy one"
    )
