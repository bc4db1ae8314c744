"""Detectors: rows, their YAML, their torch module and their cost."""

from nas.detectors._cost import cost, row_cost
from nas.detectors._dialects import as_written
from nas.detectors._heads import DIALECTS, anchor_free, in_dialect
from nas.detectors._network import Network, build_row, fuse, with_trainers_norms
from nas.detectors._rows import Detector, ResolvedRow, Row, resolved
from nas.detectors._templates import BACKBONE, NECK, TEMPLATES, TOP_DOWN, Stage, Template
from nas.detectors._yaml import from_content, from_yaml, to_yaml

__all__ = [
    "BACKBONE",
    "DIALECTS",
    "NECK",
    "TEMPLATES",
    "TOP_DOWN",
    "Detector",
    "Network",
    "ResolvedRow",
    "Row",
    "Stage",
    "Template",
    "anchor_free",
    "as_written",
    "build_row",
    "cost",
    "from_content",
    "from_yaml",
    "fuse",
    "in_dialect",
    "resolved",
    "row_cost",
    "to_yaml",
    "with_trainers_norms",
]
