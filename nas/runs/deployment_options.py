"""Options of a deployment, and their check, without torch."""

from __future__ import annotations

import os
from typing import NamedTuple

from nas.errors import ConfigError
from nas.quantization.base import Conversion
from nas.quantization.registry import choose_conversion

NOTHING, WORST = "none", "worst:"
"""Values of `keep_float`: quantize all rows; leave the most sensitive rows in float, as in ``worst:3``."""


class DeployOptions(NamedTuple):
    """Options of a deployment.

    Attributes:
        runtime: The runtime.
        precision: The precision.
        data: The data.yaml: its training images calibrate, its validation images give the AP. None: no AP.
        keep_float: Parts to leave in float: ``head`` for its last layers, numbers of rows, or ``worst:K``; ``none`` for
            no part. Empty: the last layers of the head if that saves AP, see `nas.runs.deployment.LOSS`.
        threads: Threads of the runtime when it is measured.
    """

    runtime: str
    precision: str
    data: str | None = None
    keep_float: tuple[str, ...] = ()
    threads: int = 1


def check_options(options: DeployOptions) -> Conversion:
    """Check the options before anything is read; returns the conversion.

    Raises:
        ConfigError: An option cannot be used.
    """
    conversion = choose_conversion(options.runtime, options.precision)
    if conversion.calibrated and options.data is None:
        problem = f"{options.precision} is calibrated with images of your training split"
        raise ConfigError(problem, field="data", hint="give the data.yaml of the training")
    if options.keep_float and not conversion.calibrated:
        problem = f"{options.precision} quantizes nothing"
        raise ConfigError(problem, field="keep_float", value=options.keep_float[0], hint="drop it")
    for given in options.keep_float:
        worst_count(given)
    cores = len(os.sched_getaffinity(0))
    if not 1 <= options.threads <= cores:
        raise ConfigError("no such number of cores", field="threads", value=options.threads, hint=f"give 1 to {cores}")
    return conversion


def worst_count(given: str) -> int:
    """The number of rows in ``worst:K``; 0 for another value."""
    if not given.startswith(WORST):
        return 0
    count = given.removeprefix(WORST)
    if not count.isdecimal() or not int(count):
        raise ConfigError("names no number of rows", field="keep_float", value=given, hint="give one such as worst:3")
    return int(count)
