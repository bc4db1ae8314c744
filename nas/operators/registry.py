"""All row kinds by name, and all operator families that a space may search."""

from __future__ import annotations

from nas.operators.a2c2f import A2C2fOperator
from nas.operators.aconv import AConvOperator
from nas.operators.adown import ADownOperator
from nas.operators.anchor_detect import AnchorDetectOperator
from nas.operators.base import Operator
from nas.operators.c2f import C2F_FAMILY, C2fOperator
from nas.operators.c2fcib import C2fCIBOperator
from nas.operators.c3 import C3_FAMILY, C3Operator
from nas.operators.c3k2 import C3K2_FAMILY, C3k2Operator
from nas.operators.concat import ConcatOperator
from nas.operators.conv import ConvOperator
from nas.operators.csp_forms import CSP_FORMS
from nas.operators.ddetect import DDetectOperator
from nas.operators.detect import DetectOperator
from nas.operators.dsconv import DS_FAMILY, CSPDSBlockOperator, DSBlockOperator
from nas.operators.dual import DUAL_FAMILY, CSPDualBlockOperator, DualBlockOperator
from nas.operators.dwconv import DWConvOperator
from nas.operators.dwsep import DWSEP_FAMILY, CSPDWBlockOperator, DWBlockOperator
from nas.operators.elan1 import ELAN1_FAMILY, ELAN1Operator
from nas.operators.end2end import EndToEndDetectOperator
from nas.operators.family import Family
from nas.operators.faster import FASTER_FAMILY, CSPFasterOperator, FasterBlockOperator, PConvOperator
from nas.operators.ghost import (
    GHOST_FAMILY,
    C3GhostOperator,
    CSPGhostBlockOperator,
    GhostBlockOperator,
    GhostConvOperator,
)
from nas.operators.grouped import GROUPED_FAMILY, CSPGroupedOperator, GroupedBlockOperator
from nas.operators.gsconv import GSCONV_FAMILY, CSPGSBlockOperator, GSBlockOperator, GSConvOperator
from nas.operators.het import HET_FAMILY, CSPHetBlockOperator, HetBlockOperator
from nas.operators.psa import C2PSAOperator, PSAOperator
from nas.operators.rep import REPELAN_FAMILY, RepNCSPELAN4Operator
from nas.operators.scdown import SCDownOperator
from nas.operators.shufflev2 import (
    SHUFFLEV2_FAMILY,
    CSPShuffleV2BlockOperator,
    ShuffleV2BlockOperator,
    ShuffleV2DownOperator,
)
from nas.operators.sppelan import SPPELANOperator
from nas.operators.sppf import SPPFOperator
from nas.operators.star import STAR_FAMILY, CSPStarBlockOperator, StarBlockOperator
from nas.operators.tconv import TCONV_FAMILY, CSPTBlockOperator, TBlockOperator
from nas.operators.uib import UIB_FAMILY, CSPUIBBlockOperator, UIBBlockOperator
from nas.operators.upsample import UpsampleOperator

OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        ConvOperator(),
        DWConvOperator(),
        C3Operator(),
        C2fOperator(),
        C3k2Operator(),
        A2C2fOperator(),
        C2fCIBOperator(),
        ELAN1Operator(),
        RepNCSPELAN4Operator(),
        AConvOperator(),
        ADownOperator(),
        SCDownOperator(),
        SPPFOperator(),
        SPPELANOperator(),
        C2PSAOperator(),
        PSAOperator(),
        UpsampleOperator(),
        ConcatOperator(),
        DetectOperator(),
        DDetectOperator(),
        EndToEndDetectOperator(),
        AnchorDetectOperator(),
        PConvOperator(),
        FasterBlockOperator(),
        CSPFasterOperator(),
        TBlockOperator(),
        CSPTBlockOperator(),
        HetBlockOperator(),
        CSPHetBlockOperator(),
        DualBlockOperator(),
        CSPDualBlockOperator(),
        DSBlockOperator(),
        CSPDSBlockOperator(),
        GroupedBlockOperator(),
        CSPGroupedOperator(),
        DWBlockOperator(),
        CSPDWBlockOperator(),
        UIBBlockOperator(),
        CSPUIBBlockOperator(),
        GhostConvOperator(),
        C3GhostOperator(),
        GhostBlockOperator(),
        CSPGhostBlockOperator(),
        GSConvOperator(),
        GSBlockOperator(),
        CSPGSBlockOperator(),
        ShuffleV2BlockOperator(),
        CSPShuffleV2BlockOperator(),
        ShuffleV2DownOperator(),
        StarBlockOperator(),
        CSPStarBlockOperator(),
        *CSP_FORMS,
    )
}
"""Row kinds by the module string of the YAML."""

FAMILIES: dict[str, Family] = {
    f.key: f
    for f in (
        C2F_FAMILY,
        C3_FAMILY,
        C3K2_FAMILY,
        ELAN1_FAMILY,
        REPELAN_FAMILY,
        FASTER_FAMILY,
        TCONV_FAMILY,
        HET_FAMILY,
        DUAL_FAMILY,
        DS_FAMILY,
        GROUPED_FAMILY,
        DWSEP_FAMILY,
        UIB_FAMILY,
        GHOST_FAMILY,
        GSCONV_FAMILY,
        SHUFFLEV2_FAMILY,
        STAR_FAMILY,
    )
}
"""Searchable operator families by their key in space files and architecture strings."""
