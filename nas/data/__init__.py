"""Detection data in memory: the built-in `shapes` set, or any Ultralytics-format data.yaml."""

from nas.data.loading import load

__all__ = ["load"]
