"""Reports of a run: figures as data first, then drawn."""
