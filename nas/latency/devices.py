"""Names of devices."""

from __future__ import annotations

import re

from nas.errors import ConfigError


def is_local(device: str) -> bool:
    """Return True for a device of this machine: ``cpu``, ``cuda`` or ``cuda:N``."""
    return re.fullmatch(r"cpu|cuda(:\d+)?", device) is not None


def check_name(device: str) -> None:
    """Refuse a name that a device of another machine cannot have. The name is part of its table's file name.

    Raises:
        ConfigError: It is a device of this machine, or has other characters than letters, digits, dots and dashes.
    """
    if is_local(device) or not re.fullmatch(r"[A-Za-z0-9][\w.-]*", device):
        problem = "must be letters, digits, dots and dashes, other than cpu and cuda"
        raise ConfigError(problem, field="device", value=device, hint="give another name")
