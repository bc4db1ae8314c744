"""Operators, ours and the stock YOLO blocks, each declared once in a file of its own."""

from nas.operators._base import (
    BlockOperator,
    Call,
    Cost,
    KeepingOperator,
    Operator,
    Shape,
    StockOperator,
    conv_cost,
    total,
)
from nas.operators._family import Family, Number, Parameter, Row, block_row
from nas.operators._own import load_own
from nas.operators._registry import FAMILIES, OPERATORS
from nas.operators._shell import CSPOperator, Shell
from nas.operators.conv import Conv
from nas.operators.detect import BINS, Detect, Predictions, grid

__all__ = [
    "BINS",
    "FAMILIES",
    "OPERATORS",
    "BlockOperator",
    "CSPOperator",
    "Call",
    "Conv",
    "Cost",
    "Detect",
    "Family",
    "KeepingOperator",
    "Number",
    "Operator",
    "Parameter",
    "Predictions",
    "Row",
    "Shape",
    "Shell",
    "StockOperator",
    "block_row",
    "conv_cost",
    "grid",
    "load_own",
    "total",
]
