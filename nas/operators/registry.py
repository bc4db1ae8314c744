"""Row kinds by name and searchable families by key, with every built-in operator.

To add a built-in operator, add ``nas/operators/x.py`` (its declaration) and ``nas/operators/modules/x.py`` (its torch
module), and list ``x`` in `FILES`.
"""

from __future__ import annotations

import importlib
from typing import TypeVar

from nas.operators.base import Operator
from nas.operators.family import Family
from nas.operators.registration import BUILT_IN, FAMILIES, OPERATORS, register

__all__ = ["FAMILIES", "FILES", "OPERATORS", "register"]

FILES = (
    *("conv", "dwconv", "c2f", "c3", "c3k2", "a2c2f", "c2fcib", "elan1", "rep", "aconv", "adown", "scdown"),
    *("bottleneck", "cspnet", "c1", "c2", "c3x", "c3tr", "repc3", "c2fpsa", "focus", "spp", "transposed", "cb"),
    *("pools", "activations", "silence", "sppf", "sppelan", "psa", "upsample", "concat"),
    *("detect", "slim_detect", "ddetect", "end2end", "anchor_detect"),
    *("faster", "tconv", "het", "dual", "dsconv", "grouped", "dwsep", "uib", "ghost", "gsconv", "shufflev2", "star"),
    "csp_forms",
)
"""Files of the built-in declarations. Spaces and reports list operators in this order."""

Entry = TypeVar("Entry", Operator, Family)


def _sort(registry: dict[str, Entry]) -> None:
    """Bring a registry into the order of `FILES`: it does not depend on which file was imported first."""
    rank = {f"{BUILT_IN}{file}": place for place, file in enumerate(FILES)}
    entries = sorted(registry.items(), key=lambda item: rank.get(item[1].declared_in, len(FILES)))
    registry.clear()
    registry.update(entries)


for _file in FILES:
    importlib.import_module(f"{BUILT_IN}{_file}")
_sort(OPERATORS)
_sort(FAMILIES)
