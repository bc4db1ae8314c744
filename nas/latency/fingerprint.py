"""What a table is of: the device and how it runs a model. Other fingerprint, other file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from nas.latency.reference import REFERENCE
from nas.latency.runtimes.base import Runtime

FORM = 3
"""Raised whenever an operator's deployed form or the way of measuring changes: older tables then no longer apply."""

Identity = dict[str, str | int]


def identity(runtime: Runtime) -> Identity:
    """Everything that has to be equal for two tables to be of the same thing."""
    return {**runtime.device(), **runtime.fingerprint(), **method()}


def method() -> Identity:
    """The part of an identity that is ours: how rows are deployed and measured."""
    return {"batch": 1, "form": FORM, "reference": REFERENCE}


def digest(of: Mapping[str, str | int]) -> str:
    """8 hex digits of an identity."""
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()[:8]


def file_name(of: Mapping[str, str | int]) -> str:
    """Readable and unique: ``cpu-amd-epyc-7b13-onnxruntime-1.31.1-t1-0a1b2c3d.csv``."""
    processor = str(of.get("gpu", of["cpu"])).lower()
    processor = re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", processor)).strip("-")
    # OpenVINO's version names its branch too; the digest tells versions apart.
    version = re.split(r"[^\w.]", str(of["version"]))[0]
    return f"{of['device']}-{processor}-{of['runtime']}-{version}-t{of['threads']}-{digest(of)}.csv"
