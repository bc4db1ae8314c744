"""Instructions of this processor that multiply 8-bit integers."""

from __future__ import annotations

import platform
import re
from functools import cache
from pathlib import Path

INT8 = {"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8", "asimddp", "i8mm"}
"""Names of the instruction sets in /proc/cpuinfo: VNNI and AMX of x86, dot product and matrix multiply of Arm."""

CPUINFO = Path("/proc/cpuinfo")


@cache
def has_int8() -> bool | None:
    """True if the processor has instructions for int8; None if the system does not say."""
    if not CPUINFO.is_file():
        return None
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", CPUINFO.read_text(encoding="utf-8"), re.MULTILINE)
    return bool(INT8.intersection(found[1].split())) if found else None


def is_arm() -> bool:
    """True on an Arm processor."""
    return platform.machine().lower() in {"aarch64", "arm64"}


def int8_note() -> str:
    """One line for a processor without instructions for int8; otherwise empty."""
    if has_int8() is not False:
        return ""
    return (
        "this processor has no instructions for int8 (VNNI, AMX or Arm's dot product): int8 may be slower than float32"
    )
