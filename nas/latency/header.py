"""Header of a latency table: the JSON file beside its entries."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from reprlib import repr as shortened
from typing import Annotated, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, WrapValidator
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from nas.latency.errors import DamagedTableError
from nas.latency.runtimes.measure import Noise

_MOST = sys.float_info.max


def _must_be(expected: str, accept: Callable[[Any], bool]) -> WrapValidator:
    """A check that takes a value as it is, or refuses it in words."""

    def check(value: Any, _handler: object) -> Any:
        if accept(value):
            return value
        facts = {"expected": expected, "value": shortened(value)}
        raise PydanticCustomError("expected", "must be {expected}, not {value}", facts)

    return WrapValidator(check)


def _number(low: float, high: float = _MOST) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


Positive = Annotated[float, _must_be("a finite number above 0", _number(sys.float_info.min))]
NotNegative = Annotated[float, _must_be("a finite number, at least 0", _number(0))]
Figure = Annotated[float, _must_be("a finite number", _number(-_MOST))]
Count = Annotated[int, _must_be("a whole number, at least 0", lambda value: type(value) is int and value >= 0)]
Text = Annotated[str, _must_be("text", lambda value: isinstance(value, str))]
Name = Annotated[str | int, _must_be("text or a whole number", lambda value: type(value) in {str, int})]

_PROBLEMS = {
    "dict_type": "must hold names and values",
    "dataclass_type": "must hold names and values",
    "missing": "is missing",
    "unexpected_keyword_argument": "is no field of a table",
}
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Calibration:
    """Factor between the latency of detectors and the sum of their rows, at one image size.

    Attributes:
        factor: Geometric mean of the ratio.
        n: Number of detectors that it was fitted on.
        worst: Largest relative error among them.
    """

    factor: Positive
    n: Count
    worst: NotNegative


@dataclass(frozen=True, config=_STRICT)
class Header:
    """Everything that a table holds beside its entries.

    Attributes:
        identity: The fingerprint.
        date: Day on which the table was begun.
        reference_ms: Time of the reference kernel in ms.
        overhead_ms: Time of a call that does nothing, in ms. Entries do not contain it.
        calibrations: Calibrations by image size in pixels.
        cards: Figures of the last report cards by image size in pixels.
        quiet: Lowest share of quiet samples in any session, see `nas.latency.runtimes.measure.Noise`.
        steal: Highest share of time that the host took in any session; None if the system does not say.
        kits: By measuring kit, the number of its rows that were imported.
        noisy: Marks of the entries and calibrations that were measured while the machine was too noisy, see
            `nas.latency.entries.Key.mark` and `calibration_mark`; None if an earlier release did not record them.
    """

    identity: dict[str, Name]
    date: Text
    reference_ms: Positive
    overhead_ms: NotNegative
    calibrations: dict[str, Calibration] = field(default_factory=dict)
    cards: dict[str, dict[str, Figure]] = field(default_factory=dict)
    quiet: Annotated[float, _must_be("a share from 0 to 1", _number(0, 1))] = 1.0
    steal: Annotated[
        float | None, _must_be("a share from 0 to 1", lambda value: value is None or _number(0, 1)(value))
    ] = None
    kits: dict[str, Count] = field(default_factory=dict)
    noisy: tuple[Text, ...] | None = None

    @property
    def noise(self) -> Noise:
        """Noise of the noisiest session."""
        return Noise(self.quiet, self.steal)

    @property
    def too_noisy(self) -> bool:
        """True if something was measured while the machine was too noisy."""
        return self.noise.too_much if self.noisy is None else bool(self.noisy)

    @property
    def sizes(self) -> list[int]:
        """Image sizes in pixels that the table predicts at."""
        return sorted(map(int, self.calibrations))


def calibration_mark(imgsz: int) -> str:
    """The mark of a calibration in `Header.noisy`."""
    return f"calibration {imgsz}"


FIELDS = tuple(Header.__dataclass_fields__)
_HEADER = TypeAdapter(Header)


def parse_header(content: dict[str, Any], path: Path) -> Header:
    """Validate a header.

    Args:
        content: The fields, from JSON.
        path: The file, for messages.

    Raises:
        DamagedTableError: With the first field that is wrong.
    """
    try:
        return _HEADER.validate_python(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        problem = _PROBLEMS.get(fault["type"], fault["msg"])
        raise DamagedTableError(problem, file=path, field=".".join(map(str, fault["loc"]))) from None
