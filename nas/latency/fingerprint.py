"""Fingerprint of a table: the device, the runtime and the way of measuring. Another fingerprint is another file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from nas.latency.reference import REFERENCE
from nas.latency.runtimes.base import Runtime

FORM = 3
"""Version of deployed forms and of measuring. A change of either raises it, and older tables no longer apply."""

Identity = dict[str, str | int]
"""Names and values of a fingerprint."""


def identity(runtime: Runtime) -> Identity:
    """The fingerprint of a runtime on this machine. Two tables are comparable if theirs are equal."""
    return {**runtime.device(), **runtime.fingerprint(), **method()}


def method() -> Identity:
    """The part of a fingerprint that describes how rows are deployed and measured."""
    return {"batch": 1, "form": FORM, "reference": REFERENCE}


def digest(fingerprint: Mapping[str, str | int]) -> str:
    """8 hex digits of a fingerprint."""
    return hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()[:8]


def file_name(fingerprint: Mapping[str, str | int]) -> str:
    """A readable, unique file name: ``cpu-amd-epyc-7b13-onnxruntime-1.31.1-t1-0a1b2c3d.csv``."""
    processor = str(fingerprint.get("gpu", fingerprint["cpu"])).lower()
    processor = re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", processor)).strip("-")
    # OpenVINO's version contains its branch; the digest tells such versions apart.
    version = re.split(r"[^\w.]", str(fingerprint["version"]))[0]
    parts = (fingerprint["device"], processor, fingerprint["runtime"], version, f"t{fingerprint['threads']}")
    return f"{'-'.join(map(str, parts))}-{digest(fingerprint)}.csv"
