"""Detection data in memory: the built-in `shapes` set, or any Ultralytics-format data.yaml."""
