"""ParetoYOLO: finds YOLO detectors that are Pareto-optimal on your device."""

from __future__ import annotations

import os

# Before torch is imported: its OpenMP threads then sleep while they wait for each other. Where another process has one
# of the cores, threads that spin instead make a training step twenty times as slow (measured on 2 cores).
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"
