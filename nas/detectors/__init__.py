"""Detectors: rows, their YAML, their torch module and their cost."""

from nas.detectors._cost import cost, row_cost
from nas.detectors._heads import anchor_free
from nas.detectors._network import Network, build_row, fuse
from nas.detectors._rows import Detector, ResolvedRow, Row, resolved
from nas.detectors._templates import TEMPLATES, Stage, Template
from nas.detectors._yaml import from_yaml, to_yaml

__all__ = [
    "TEMPLATES",
    "Detector",
    "Network",
    "ResolvedRow",
    "Row",
    "Stage",
    "Template",
    "anchor_free",
    "build_row",
    "cost",
    "from_yaml",
    "fuse",
    "resolved",
    "row_cost",
    "to_yaml",
]
