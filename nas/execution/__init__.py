"""Execution: where candidates are evaluated: local processes, Dask workers, a remote device, the machine lock."""
