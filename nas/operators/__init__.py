"""Operators, ours and the stock YOLO blocks, each declared once in a file of its own."""

from nas.operators.base import (
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
from nas.operators.conv import Conv
from nas.operators.detect import BINS, Detect, Predictions, grid
from nas.operators.family import Family, Number, Parameter, Row, block_row
from nas.operators.registry import FAMILIES, OPERATORS
from nas.operators.shell import CSPOperator, Shell
from nas.operators.user_operators import load_own

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
