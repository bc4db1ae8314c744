"""Declarations import no torch, agree with their torch modules, and serve the class paths of earlier checkpoints."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys

import pytest
from torch import nn

from nas.operators.registry import FAMILIES, FILES, OPERATORS

EARLIER = {
    "a2c2f": "AAttn ABlock A2C2f",
    "aconv": "AConv",
    "adown": "ADown",
    "anchor_detect": "AnchorDetect",
    "bottleneck": "Bottleneck",
    "c2f": "C2f",
    "c2fcib": "RepVGGDW CIB C2fCIB",
    "c3": "C3Shell C3",
    "c3k2": "C3k C3k2",
    "concat": "Concat",
    "conv": "Conv",
    "csp_forms": "DualBottleneck C2fFaster CSPHet CSPPC C2fDual C3Faster C3Het C3PC C3Dual C3k2Faster C3k2Het C3k2PC "
    "C3k2Dual",
    "ddetect": "DDetect",
    "detect": "DFL Detect",
    "dsconv": "QuantisedConv2d DSConv DSBlock CSPDSBlock",
    "dual": "DualConv DualBlock CSPDualBlock",
    "dwconv": "DWConv",
    "dwsep": "DWBlock CSPDWBlock",
    "elan1": "ELAN1",
    "end2end": "EndToEndDetect",
    "faster": "PConv FasterBlock CSPFaster",
    "ghost": "GhostConv GhostBlock CSPGhostBlock C3Ghost",
    "grouped": "GroupedBlock CSPGrouped",
    "gsconv": "GSConv GSBlock CSPGSBlock",
    "het": "HetConv HetBlock CSPHetBlock",
    "psa": "Attention PSABlock C2PSA PSA",
    "rep": "RepConvN RepNBottleneck RepNCSP RepNCSPELAN4",
    "scdown": "SCDown",
    "shufflev2": "ShuffleV2Block CSPShuffleV2Block ShuffleV2Down",
    "sppelan": "SPPELAN",
    "sppf": "SPPF",
    "star": "StarBlock CSPStarBlock",
    "tconv": "TConv TBlock CSPTBlock",
    "uib": "UIBBlock CSPUIBBlock",
}
"""Classes of parts of networks by file, as checkpoints of the version before the declarations were split name them."""
PATHS = [(f"nas.operators.{file}", name) for file, names in EARLIER.items() for name in names.split()]


@pytest.mark.parametrize(("file", "name"), PATHS)
def test_checkpoints_of_the_earlier_version_find_their_classes(file: str, name: str) -> None:
    found = pickle.loads(f"c{file}\n{name}\n.".encode())
    assert issubclass(found, nn.Module)
    if name != "QuantisedConv2d":
        assert found.__name__ == name
    assert pickle.loads(pickle.dumps(found)) is found


def test_a_fresh_process_finds_them_too_and_keeps_the_order() -> None:
    """Unpickling imports single declarations; the order of the registry does not depend on that."""
    program = (
        "import pickle, sys\n"
        "import nas.operators.star, nas.operators.csp_forms, nas.operators.gsconv\n"
        "assert 'torch' not in sys.modules and 'nas.operators.registry' not in sys.modules\n"
        "for file, name in (('star', 'CSPStarBlock'), ('csp_forms', 'C3k2Dual'), ('bottleneck', 'Bottleneck')):\n"
        "    pickle.loads(f'cnas.operators.{file}\\n{name}\\n.'.encode())\n"
        "from nas.operators.registry import FAMILIES, OPERATORS\n"
        "print(*OPERATORS, *FAMILIES)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    built_in = [name for name, operator in OPERATORS.items() if not operator.source]
    families = [key for key, family in FAMILIES.items() if family.declared_in.startswith("nas.operators.")]
    assert done.stdout.split() == [*built_in, *families]


def test_costs_need_no_torch() -> None:
    program = (
        "import sys\n"
        "from nas.operators.registry import OPERATORS\n"
        "from nas.operators import Cost, Parameter, conv_cost, register\n"
        "for operator in OPERATORS.values():\n"
        "    if not operator.many:\n"
        "        call = operator.resolve([(16, 64, 64)], 1, operator.example)\n"
        "        operator.row_costs([(16, 64, 64)], *call.arguments)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("name", OPERATORS)
def test_the_declared_arguments_are_the_constructors(name: str) -> None:
    operator = OPERATORS[name]
    declared, built = (
        [(p.name, repr(p.default)) for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        for signature in (operator.signature, inspect.signature(operator.module))
    )
    assert declared == built
    assert operator.module.__name__ == operator.class_name


@pytest.mark.parametrize("name", OPERATORS)
def test_the_declaring_module_serves_the_class(name: str) -> None:
    """Exported YAMLs for YOLOv5 and YOLOv9 import it from there."""
    operator = OPERATORS[name]
    assert getattr(sys.modules[operator.declared_in], operator.class_name) is operator.module


def test_heads_say_so() -> None:
    assert {name for name, operator in OPERATORS.items() if operator.is_head} == {
        "Detect",
        "SlimDetect",
        "DDetect",
        "v10Detect",
        "AnchorDetect",
    }


def test_a_missing_name_of_a_declaration_is_an_attribute_error() -> None:
    for file in FILES:
        with pytest.raises(AttributeError, match="has no attribute"):
            _ = sys.modules[f"nas.operators.{file}"].Missing
