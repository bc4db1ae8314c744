"""Commands of ``python -m nas.latency``: one file a command."""
