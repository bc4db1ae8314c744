"""All row kinds by name, and all operator families that a space may search."""

from __future__ import annotations

from nas.operators._base import Operator
from nas.operators._family import Family
from nas.operators.c2f import C2F_FAMILY, C2fOperator
from nas.operators.concat import ConcatOperator
from nas.operators.conv import ConvOperator
from nas.operators.detect import DetectOperator
from nas.operators.dual import DUAL_FAMILY, CSPDualBlockOperator, DualBlockOperator
from nas.operators.faster import FASTER_FAMILY, CSPFasterOperator, FasterBlockOperator, PConvOperator
from nas.operators.grouped import GROUPED_FAMILY, CSPGroupedOperator, GroupedBlockOperator
from nas.operators.het import HET_FAMILY, CSPHetBlockOperator, HetBlockOperator
from nas.operators.sppf import SPPFOperator
from nas.operators.tconv import TCONV_FAMILY, CSPTBlockOperator, TBlockOperator
from nas.operators.upsample import UpsampleOperator

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        ConvOperator(),
        C2fOperator(),
        SPPFOperator(),
        UpsampleOperator(),
        ConcatOperator(),
        DetectOperator(),
        PConvOperator(),
        FasterBlockOperator(),
        CSPFasterOperator(),
        TBlockOperator(),
        CSPTBlockOperator(),
        HetBlockOperator(),
        CSPHetBlockOperator(),
        DualBlockOperator(),
        CSPDualBlockOperator(),
        GroupedBlockOperator(),
        CSPGroupedOperator(),
    )
}
"""Row kinds by the module string of the YAML."""

FAMILIES: dict[str, Family] = {
    f.key: f for f in (C2F_FAMILY, FASTER_FAMILY, TCONV_FAMILY, HET_FAMILY, DUAL_FAMILY, GROUPED_FAMILY)
}
"""Searchable operator families by their key in space files and architecture strings."""
