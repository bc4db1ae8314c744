"""Rungs of successive halving: on each one, candidates train longer than on the rung below.

Importing this module does not import torch.
"""

from __future__ import annotations

RUNGS = 3
"""Highest number of rungs. The first rung is the proxy itself."""
FACTOR = 2
"""Training steps of a rung, relative to the rung below."""
AP_UNIT = "AP50-95 (proxy)"
"""Unit of the scores on every rung above the first, and of every proxy that trains."""
