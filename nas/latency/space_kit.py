"""Measuring kit for the table of a device: rows of search spaces, a calibration, and models to check the table with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from nas.errors import TableError
from nas.latency.checking import held_out_models, make_card
from nas.latency.hints import kit_hint
from nas.latency.kit_results import KitResults
from nas.latency.models import Model
from nas.latency.report_card import ReportCard
from nas.plurals import counted
from nas.spaces.space import Space


def kit_contents(
    spaces: Sequence[Space], imgsz: int, nc: int, count: int, seed: int, others: Sequence[Model] = ()
) -> dict[str, Any]:
    """Fields of a `nas.latency.kit.KitSpec` for search spaces.

    Args:
        spaces: The search spaces. Calibration and check use members of the first.
        imgsz: The image size in pixels.
        nc: Number of classes.
        count: Number of random members to check the table with; 0 for no check.
        seed: Seed of the random members.
        others: Further models to measure end-to-end.

    Raises:
        ConfigError: The space has too few members.
    """
    calibration = spaces[0].calibration(nc)
    models = held_out_models(spaces[0], count, seed, nc, calibration, others) if count else list(others)
    complete = [*calibration, *(model.detector for model in models)]
    rows = chain(
        *(space.rows(nc, imgsz) for space in spaces),
        *(detector.resolve(imgsz) for detector in complete),
    )
    note = {"space": spaces[0].name, "seed": seed} if count else {}
    return {"imgsz": imgsz, "rows": tuple(rows), "calibration": calibration, "models": models, "note": note}


def card_of_kit(results: KitResults) -> ReportCard:
    """The report card of the models that a kit measured twice.

    Raises:
        TableError: The table lacks entries that the table of the kit's maker had.
    """
    table, models, imgsz = results.table, [m.model for m in results.models], results.imgsz
    if missing := table.missing(row for model in models for row in model.detector.resolve(imgsz)):
        raise TableError(
            f"lacks {counted(len(missing), 'entry', 'entries')} that were in another table when the kit was made; was "
            "the runtime changed on the device?",
            file=table.path,
            hint=kit_hint(table.fingerprint, "--imgsz", str(imgsz), "--rebuild"),
        )
    first, second = ([m.measured[turn] for m in results.models] for turn in range(2))
    return make_card(table, models, imgsz, first, second, results.noise, **results.note)
