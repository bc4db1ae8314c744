"""The record of a run as the dictionary of version 1. Transitional: the reports will read `RunRecord` directly."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nas.runs.record import RunRecord


def facts_of(record: RunRecord) -> dict[str, Any]:
    """Content of run.json in the layout of version 1."""
    config = record.config
    options = {name: getattr(config, name) for name in type(config).model_fields}
    options |= {"minimise": list(config.minimize), "imgsz": list(config.imgsz), "space": record.space}
    facts: dict[str, Any] = {
        "status": record.status.value,
        "options": options,
        "latency": record.fingerprint,
        "hashes": record.hashes.model_dump(),
        "data": record.data_note,
        "forced": record.forced,
        "study": record.study,
        "versions": record.versions,
        "git": record.git,
        "seconds": record.seconds,
    }
    if record.result is not None:
        result = record.result
        noise = result.score_noise
        facts |= {
            "nc": result.nc,
            "unit": result.unit,
            "finalists": [asdict(finalist) for finalist in result.finalists],
            "stock": asdict(result.stock),
            "baselines": result.baselines.model_dump(),
            "table": {"path": result.table.path, **result.table.header},
            "signal": {**asdict(noise), "tells_apart": noise.tells_apart, "text": result.trust},
        }
    return facts
