"""What a table is of: the device and how it runs a model. Other fingerprint, other file."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from pathlib import Path

import platformdirs

from nas.runtimes import Runtime
from nas.tables._bench import REFERENCE

FORM = 2
"""Raised whenever an operator's deployed form or the way of measuring changes: older tables then no longer apply."""

Identity = dict[str, str | int]


def identity(runtime: Runtime) -> Identity:
    """Everything that has to be equal for two tables to be of the same thing."""
    return {
        "device": "cpu",
        "cpu": _cpu(),
        "system": f"{platform.system()} {platform.machine()}",
        **runtime.fingerprint(),
        "batch": 1,
        "form": FORM,
        "reference": REFERENCE,
    }


def digest(of: Identity) -> str:
    """8 hex digits of an identity."""
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:8]


def file_name(of: Identity) -> str:
    """Readable and unique: ``cpu-amd-epyc-7b13-onnxruntime-1.31.1-t1-0a1b2c3d.csv``."""
    cpu = re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", str(of["cpu"]).lower())).strip("-")
    return f"{of['device']}-{cpu}-{of['runtime']}-{of['version']}-t{of['threads']}-{digest(of)}.csv"


def home() -> Path:
    """The user's folder of latency tables; ``PARETO_YOLO_HOME`` moves the folder above it."""
    moved = os.environ.get("PARETO_YOLO_HOME")
    return (Path(moved) if moved else platformdirs.user_data_path("pareto-yolo")) / "latency_tables"


def _cpu() -> str:
    """The processor's model name; where the system does not tell, its architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return " ".join(found[1].split())
    return platform.processor() or platform.machine()
