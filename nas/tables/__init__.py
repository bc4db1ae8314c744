"""Latency tables: measured rows of one device and runtime, and what they predict."""

from nas.tables._bench import Bench, Measurement
from nas.tables._identity import home
from nas.tables._store import Calibration, Header
from nas.tables._table import LatencyTable, MissingEntryError, Prediction

__all__ = ["Bench", "Calibration", "Header", "LatencyTable", "Measurement", "MissingEntryError", "Prediction", "home"]
