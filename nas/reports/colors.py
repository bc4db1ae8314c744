"""Colors of the figures, and symbols of image sizes."""

from __future__ import annotations

BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, GREY = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#e69f00",
    "#7d8896",
)
"""Colors that are distinct for any kind of color vision (Okabe and Ito, 2008)."""

PARTS = {
    "stem": "#a6b0bd",
    "p2": SKY,
    "p3": BLUE,
    "p4": ORANGE,
    "p5": VERMILION,
    "tail": PURPLE,
    "neck": GREEN,
    "t4": "#00604a",
    "t3": "#3fbf99",
    "b4": "#8a8f00",
    "b5": "#f0e442",
    "head": "#5b6675",
    "call": "#d4dae2",
}
"""Colors of the parts of a detector, see `nas.runs.row_costs`, and of the overhead of a call."""

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "pentagon")
"""Symbols of image sizes, smallest first."""
