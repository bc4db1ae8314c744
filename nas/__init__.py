"""ParetoYOLO: finds YOLO detectors that are Pareto-optimal on your device."""

from __future__ import annotations

__version__ = "0.1.0"
