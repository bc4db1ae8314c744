"""File of a report card, beside its table."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, get_args

from nas.errors import TableError
from nas.files import shipped, write
from nas.latency.hints import kit_hint, latency_command
from nas.latency.models import Kind
from nas.latency.report_card import CheckedModel, ReportCard
from nas.latency.runtimes.measure import Noise
from nas.latency.table import LatencyTable
from nas.latency.table_file import TableFile


def card_path(table: LatencyTable, imgsz: int) -> Path:
    """The file of a table's report card."""
    return table.path.with_suffix(f".card-{imgsz}.json")


def save_card(table: LatencyTable, card: ReportCard) -> None:
    """Write a card beside its table, and its figures into the table's header.

    Raises:
        TableError: The table was opened by force.
    """
    TableFile(table).record(card.imgsz, card.recorded)
    write(card_path(table, card.imgsz), json.dumps(card.facts(), indent=2) + "\n")


def load_card(table: LatencyTable, imgsz: int) -> ReportCard:
    """Read the card beside a table.

    The figures are computed again from the models. They must be those of the file and of the table's header.

    Args:
        table: The table.
        imgsz: The image size in pixels.

    Raises:
        TableError: There is no card, it is damaged, or it belongs to another table.
    """
    path = card_path(table, imgsz)
    if not table.path.exists():
        path = shipped("latency_tables") / path.name
    fingerprint, size = table.header.identity, ("--imgsz", str(imgsz))
    check = latency_command("check", *size, fingerprint=fingerprint)
    hint = f"make it with {check}" if table.local else kit_hint(fingerprint, *size)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        card = _parse(content)
        consistent = _same(card.facts() | {"verdict": content["verdict"]}, content)
    except FileNotFoundError:
        raise TableError(f"there is no report card at {imgsz} pixels", file=path, hint=hint) from None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        problem = f"not readable as a report card: {type(error).__name__}: {error}"
        raise TableError(problem, file=path, hint=hint) from None
    if not consistent or not {model.kind for model in card.models} <= set(get_args(Kind)):
        raise TableError("the figures do not belong to the models in it", file=path, hint=hint)
    if card.identity != fingerprint or not _same(table.header.cards.get(str(imgsz)), card.recorded):
        raise TableError(f"does not belong to the table {table.path} as it is now", file=path, hint=hint)
    return card


def _parse(content: dict[str, Any]) -> ReportCard:
    fields = CheckedModel.__dataclass_fields__
    models = tuple(CheckedModel(**{name: model[name] for name in fields}) for model in content["models"])
    taken = {name: content[name] for name in ("identity", "imgsz", "space", "seed", "date", "forced")}
    return ReportCard(noise=Noise(**content["noise"]), built=Noise(**content["built"]), models=models, **taken)


def _same(one: Any, other: Any) -> bool:
    """Compare JSON values. Floats may differ by rounding, because another release may sum in another order."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return type(one) is type(other) and bool(one == other)
