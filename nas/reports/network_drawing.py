"""Drawing of a detector: a box for each row, and an arrow from each row that it reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape
from itertools import groupby, pairwise
from typing import NamedTuple

from nas.detectors.rows import Detector, ResolvedRow, resolved
from nas.operators.registry import FAMILIES, OPERATORS

WIDTH, HEIGHT, GAP, BETWEEN, MARGIN = 176, 40, 8, 56, 16
"""Size of a box, gaps between boxes of a column and between columns, and margin of the drawing; in pixels."""
_TIMES = "\N{MULTIPLICATION SIGN}"
_FONT = "font-family='system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif'"
_PLAIN, _HEAD = ("#f1f4f8", "#8b95a3"), ("#1b2430", "#1b2430")
"""Fill and edge of rows without an operator family, and of the head. Each family has a hue."""


class Box(NamedTuple):
    """A row and its place: column, and left and top edge in pixels."""

    row: ResolvedRow
    column: int
    x: float
    y: float


def draw_network(detector: Detector, imgsz: int) -> str:
    """The network as an SVG file.

    Smaller feature maps are lower: the backbone goes down, the neck goes up and down again. A box shows the module, its
    depth, the shape of its output and its other arguments.

    Args:
        detector: The detector.
        imgsz: Image size in pixels.
    """
    boxes = list(_placed(resolved(detector, imgsz), imgsz))
    width = max(box.x for box in boxes) + WIDTH + MARGIN
    height = max(box.y for box in boxes) + HEIGHT + MARGIN
    links = "".join(_link(boxes[source], box) for box in boxes for source in _sources(box.row))
    drawn = "".join(_box(box) for box in boxes)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' "
        f"{_FONT} role='img'><title>{len(boxes)} rows at {imgsz} px</title>"
        "<defs><marker id='tip' viewBox='0 0 6 6' refX='5' refY='3' markerWidth='6' markerHeight='6' orient='auto'>"
        "<path d='M0 0L6 3L0 6z' fill='#8b95a3'/></marker></defs>"
        f"<rect width='{width}' height='{height}' fill='#fff'/>{links}{drawn}</svg>\n"
    )


def _placed(rows: Sequence[ResolvedRow], imgsz: int) -> Iterator[Box]:
    """Place the rows: a column for each way down or up, and a band for each size of a feature map."""
    groups = [(height, list(group)) for height, group in groupby(rows[:-1], lambda row: row.call.output[1])]
    columns, down = [0], True
    for (before, _), (after, _) in pairwise(groups):
        columns.append(columns[-1] + ((after < before) != down))
        down = after < before
    tallest = {height: max(len(group) for size, group in groups if size == height) for height, _ in groups}
    tops, top = {}, float(MARGIN)
    for height in sorted(tallest, reverse=True):
        tops[height] = top
        top += tallest[height] * (HEIGHT + GAP) + GAP
    for (height, group), column in zip(groups, columns, strict=True):
        for index, row in enumerate(group):
            place = tallest[height] - 1 - index if column % 2 else index  # a column that goes up starts at the bottom
            yield Box(row, column, _left(column), tops[height] + place * (HEIGHT + GAP))
    head = rows[-1]
    yield Box(head, columns[-1] + 1, _left(columns[-1] + 1), tops[min(size[1] for size in head.inputs)])


def _left(column: int) -> float:
    return float(MARGIN + column * (WIDTH + BETWEEN))


def _sources(row: ResolvedRow) -> list[int]:
    """Numbers of the rows that a row reads. The first row reads the image."""
    return [row.index + source if source < 0 else source for source in row.row.source] if row.index else []


def _box(box: Box) -> str:
    row = box.row
    module, depth = row.row.module.removeprefix("nn."), row.row.operator.depth(row.call)
    fill, edge = _colors(row.row.module)
    ink, pale = ("#fff", "#c3cad3") if row.row.operator.is_head else ("#1b2430", "#4b5666")
    title = f"{module} {_TIMES}{depth}" if depth > 1 else module
    middle = box.x + WIDTH / 2
    return (
        f"<rect x='{box.x}' y='{box.y}' width='{WIDTH}' height='{HEIGHT}' rx='6' fill='{fill}' stroke='{edge}'/>"
        f"<text x='{box.x + 7}' y='{box.y + 15}' font-size='10' fill='{pale}'>{row.index}</text>"
        f"<text x='{middle}' y='{box.y + 17}' font-size='13' font-weight='600' text-anchor='middle' fill='{ink}'>"
        f"{escape(title)}</text><text x='{middle}' y='{box.y + 32}' font-size='11' text-anchor='middle' "
        f"fill='{pale}'>{escape(_details(row))}</text>"
    )


def _details(row: ResolvedRow) -> str:
    if row.row.operator.is_head:
        widths = f"  ({', '.join(map(str, row.row.args[1:]))})" if row.row.module == "SlimDetect" else ""
        return f"{row.row.args[0]} classes{widths}"
    size = f" {_TIMES} ".join(map(str, row.call.output))
    if row.row.module in {"Concat", "nn.Upsample"} or len(row.row.args) < 2:
        return size
    return f"{size}  ({', '.join(map(str, row.row.args[1:]))})"


def _link(source: Box, target: Box) -> str:
    look = "fill='none' stroke='#8b95a3' stroke-width='1.3' marker-end='url(#tip)'"
    if source.column == target.column and abs(source.row.index - target.row.index) == 1:
        x, down = source.x + WIDTH / 2, target.y > source.y
        start, end = (source.y + HEIGHT, target.y) if down else (source.y, target.y + HEIGHT)
        return f"<path d='M{x} {start}V{end}' {look}/>"
    y1, y2 = source.y + HEIGHT / 2, target.y + HEIGHT / 2
    if source.column == target.column:  # around the rows between them
        x = source.x + WIDTH
        return f"<path d='M{x} {y1}C{x + 40} {y1} {x + 40} {y2} {x + 2} {y2}' {look}/>"
    x1, x2 = source.x + WIDTH, target.x
    bend = x2 - BETWEEN  # horizontal past the columns between them, then to the target
    middle = x2 - BETWEEN / 2
    return f"<path d='M{x1} {y1}H{bend}C{middle} {y1} {middle} {y2} {x2} {y2}' {look}/>"


def _colors(module: str) -> tuple[str, str]:
    if OPERATORS[module].is_head:
        return _HEAD
    family = _families().get(module)
    if family is None:
        return _PLAIN
    hue = round(list(FAMILIES).index(family) * 137.5 + 210) % 360  # the golden angle separates the hues of neighbors
    return f"hsl({hue} 70% 90%)", f"hsl({hue} 50% 45%)"


@lru_cache(maxsize=1)
def _families() -> dict[str, str]:
    """Operator families by the module of their rows."""
    found = {}
    for key, family in FAMILIES.items():
        least = {name: parameter.low for name, parameter in family.parameters.items()}
        for shell in family.shells:
            found[family.row(shell, 64, 1, family.canonical(shell, 64, least))[1]] = key
    return found
