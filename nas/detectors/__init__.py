"""Detectors: rows, their YAML dialects, their torch module, shapes and cost."""
