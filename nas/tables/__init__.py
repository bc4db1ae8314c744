"""Latency tables: measured rows of one device and runtime, and what they predict."""

from nas.tables._bundle import Measured, Unpacked, bundle, unpack
from nas.tables._card import Card, Checked, Model, card_from, card_models, card_path, keep_card, load_card, report_card
from nas.tables._list import Listed, list_tables
from nas.tables._mend import differences, kit_command, latency_command
from nas.tables._open import RefusedTableError, check_name, is_here, open_table
from nas.tables._reference import bench
from nas.tables._store import Calibration, Header
from nas.tables._table import AbsentDeviceError, LatencyTable, MissingEntryError, Prediction
from nas.tables._warn import forced_warning, noise_warning

__all__ = [
    "AbsentDeviceError",
    "Calibration",
    "Card",
    "Checked",
    "Header",
    "LatencyTable",
    "Listed",
    "Measured",
    "MissingEntryError",
    "Model",
    "Prediction",
    "RefusedTableError",
    "Unpacked",
    "bench",
    "bundle",
    "card_from",
    "card_models",
    "card_path",
    "check_name",
    "differences",
    "forced_warning",
    "is_here",
    "keep_card",
    "kit_command",
    "latency_command",
    "list_tables",
    "load_card",
    "noise_warning",
    "open_table",
    "report_card",
    "unpack",
]
