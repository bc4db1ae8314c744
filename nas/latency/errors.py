"""Errors of latency tables and measuring kits."""

from __future__ import annotations

from nas.errors import TableError


class DamagedTableError(TableError):
    """A file of a table cannot be read."""


class RefusedTableError(TableError):
    """The table of this device exists, but it is damaged or does not fit."""


class MissingEntryError(TableError):
    """A table lacks a row of a detector, or is not calibrated at the image size."""


class AbsentDeviceError(TableError):
    """Something must be measured, but the table's device is not this machine, or the table does not fit it."""


class NothingToMeasureError(TableError):
    """The table already holds everything that a measuring kit would measure."""
