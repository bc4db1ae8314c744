"""Operators, ours and the stock YOLO blocks, each declared once in a file of its own."""

from nas.operators._base import Call, Cost, KeepingOperator, Operator, Shape, StockOperator, total
from nas.operators._family import Family, Number, Parameter, Row
from nas.operators._registry import FAMILIES, OPERATORS
from nas.operators.detect import BINS, Detect, Predictions, grid

__all__ = [
    "BINS",
    "FAMILIES",
    "OPERATORS",
    "Call",
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
    "StockOperator",
    "grid",
    "total",
]
