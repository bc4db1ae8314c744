"""Draw docs/architecture.svg, the floors of the package, from its imports: python docs/architecture.py.

The order of the floors is that of the import-linter contract in pyproject.toml. The script also writes the imports
between floors to docs/architecture.json; tests/test_architecture.py compares them with the code.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
import tomllib
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import NamedTuple

import grimp

ROOT = Path(__file__).parent.parent
SVG, DATA = ROOT / "docs" / "architecture.svg", ROOT / "docs" / "architecture.json"
TOP, GROUND = "commands", "ground"
PATHS = {TOP: "nas/*.py, nas/*/__main__.py", GROUND: "nas/*.py"}
"""The files of the floors that are no package."""
COMMANDS = "Parse options, call one function, print."
"""The text of the top floor; the floors between show the docstring of their package or module."""

LEFT, TEXT, LANE = 8, 322, 14
"""Units of the drawing: the margin, the width of a floor, the distance of two lines beside the floors."""
LINE, PAD, GAP = 13, 7, 13
"""Height of a line of text, space inside a floor above and below its text, space between floors."""
CHARACTERS = 54
"""Characters in a line of a floor's text."""

Imports = dict[str, list[str]]
"""The floors that each floor imports, both from the top down."""


class Floor(NamedTuple):
    """A floor as it is drawn: its name, its text, and its top and bottom edge."""

    name: str
    lines: list[str]
    top: float
    bottom: float


def floors() -> dict[str, list[str]]:
    """The modules and packages of each floor, from the top down, as the contract in pyproject.toml orders them."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = next(
        contract["layers"]
        for contract in config["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers" and contract["containers"] == ["nas"]
    )
    names = [name.strip("() ") for layer in layers for name in re.split("[|:]", layer)]
    packages = [name for name in names if (ROOT / "nas" / name).is_dir()]
    modules = [name for name in names if (ROOT / "nas" / f"{name}.py").is_file()]
    first, last = names.index(packages[0]), names.index(packages[-1])
    between = [name for name in names if name in packages or (name in modules and first < names.index(name) < last)]
    return {
        TOP: [name for name in modules if names.index(name) < first],
        **{name: [name] for name in between},
        GROUND: [name for name in modules if names.index(name) > last],
    }


def floor_of(module: str, floors: dict[str, list[str]]) -> str | None:
    """The floor of a module such as ``nas.search.pipeline``, None for the package ``nas`` itself."""
    _, *parts = module.split(".")
    if parts and (parts[-1] == "__main__" or parts[1:2] == ["commands"]):
        return TOP
    return next((floor for floor, names in floors.items() if parts and parts[0] in names), None)


def imports(floors: dict[str, list[str]]) -> Imports:
    """The direct imports between floors, as the source says them."""
    graph = grimp.build_graph("nas", cache_dir=None)
    pairs = {
        (floor_of(module, floors), floor_of(imported, floors))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    return {floor: [other for other in floors if other != floor and (floor, other) in pairs] for floor in floors}


def reduced(imports: Imports) -> list[tuple[str, str]]:
    """The imports without those that follow from others: a to c, if a imports b and b imports c."""

    def below(floor: str, seen: frozenset[str] = frozenset()) -> set[str]:
        direct = set(imports[floor]) - seen
        return direct.union(*(below(other, seen | direct | {floor}) for other in direct))

    return [
        (floor, other)
        for floor, others in imports.items()
        for other in others
        if not any(other in below(between) for between in others if between != other)
    ]


def lanes(edges: Iterable[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """The lane of each edge (upper floor, lower floor): the innermost that is free, short edges first."""
    taken: list[list[tuple[int, int]]] = []
    lane: dict[tuple[int, int], int] = {}
    for start, end in sorted(edges, key=lambda edge: (edge[1] - edge[0], edge)):
        free = next((n for n, held in enumerate(taken) if all(end <= a or b <= start for a, b in held)), len(taken))
        if free == len(taken):
            taken.append([])
        taken[free].append((start, end))
        lane[start, end] = free
    return lane


def source_of(name: str) -> Path:
    """The file of a module, or the ``__init__.py`` of a package."""
    module = ROOT / "nas" / f"{name}.py"
    return module if module.is_file() else ROOT / "nas" / name / "__init__.py"


def text_of(name: str, modules: list[str]) -> str:
    """The first paragraph of a floor's docstring; for the ground, the names of its modules."""
    if name == TOP:
        return COMMANDS
    if name == GROUND:
        return ", ".join(f"{module}.py" for module in modules)
    first = (ast.get_docstring(ast.parse(source_of(name).read_text(encoding="utf-8"))) or "").split("\n\n")[0]
    return " ".join(first.replace("`", "").split())


def placed(floors: dict[str, list[str]]) -> list[Floor]:
    """The floors with their texts and places."""
    top, found = float(GAP), []
    for name, modules in floors.items():
        lines = textwrap.wrap(text_of(name, modules), CHARACTERS, break_long_words=False)
        bottom = top + 2 * PAD + LINE * (len(lines) + 1) + 2
        found.append(Floor(name, lines, top, bottom))
        top = bottom + GAP
    return found


def drawn(floors: dict[str, list[str]], edges: list[tuple[str, str]]) -> str:
    """The SVG: a box for each floor, an arrow for each edge."""
    boxes = placed(floors)
    number = {box.name: index for index, box in enumerate(boxes)}
    numbered = [(number[a], number[b]) for a, b in edges]
    parts = [part for box in boxes for part in box_parts(box)]
    beside = lanes(edge for edge in numbered if edge[1] != edge[0] + 1)
    for start, end in numbered:
        if end == start + 1:
            x = LEFT + TEXT / 2
            parts.append(f'<path class="line" d="M{x} {boxes[start].bottom}V{boxes[end].top - 1}"/>')
    right, count = LEFT + TEXT, max(beside.values(), default=-1) + 1
    for (start, end), lane in beside.items():
        x = right + LANE * (lane + 1)
        leave = middle(boxes[start], lane, count, upper=False)
        enter = middle(boxes[end], lane, count, upper=True)
        parts.append(f'<path class="line" d="M{right} {leave:g}H{x}V{enter:g}H{right + 1}"/>')
    width, height = right + LANE * (count + 1), boxes[-1].bottom + GAP
    return "\n".join([HEAD.format(width=width, height=height), *parts, "</svg>", ""])


def middle(box: Floor, lane: int, count: int, *, upper: bool) -> float:
    """The height at which a line leaves (lower half) or enters (upper half) a box; inner lanes lie at the edge."""
    half = (box.bottom - box.top) / 2 - 3
    step = half * (lane + 1) / (count + 1)
    return box.top + 3 + step if upper else box.bottom - 3 - step


def box_parts(box: Floor) -> list[str]:
    """A floor's rectangle and its texts."""
    x, y, kind = LEFT + 9, box.top + PAD + 11, "end" if box.name in PATHS else "floor"
    path = PATHS.get(box.name) or str(source_of(box.name).relative_to(ROOT)).removesuffix("__init__.py")
    height = box.bottom - box.top
    parts = [
        f'<rect class="{kind}" x="{LEFT}" y="{box.top}" width="{TEXT}" height="{height}" rx="4"/>',
        f'<text class="name" x="{x}" y="{y}">{escape(box.name)}</text>',
        f'<text class="path" x="{LEFT + TEXT - 9}" y="{y}">{escape(path)}</text>',
    ]
    for index, line in enumerate(box.lines):
        parts.append(f'<text class="text" x="{x}" y="{y + 2 + LINE * (index + 1)}">{escape(line)}</text>')
    return parts


HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" role="img" \
aria-label="The packages of nas, stacked in floors; arrows lead down, from a package to what it imports">
<style>
.page {{ fill: #fff }}
.floor {{ fill: #eef3f8; stroke: #7a8ca0 }}
.end {{ fill: #f7f2e6; stroke: #a08f6a }}
text {{ font-family: "DejaVu Sans", Verdana, sans-serif; fill: #1a1a1a }}
.name {{ font-size: 13px; font-weight: bold }}
.path {{ font-size: 10px; text-anchor: end; fill: #4a5563 }}
.text {{ font-size: 10px }}
.line {{ fill: none; stroke: #4a5563; stroke-width: 1.2; marker-end: url(#head) }}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">\
<path d="M0 0L8 4L0 8Z" fill="#4a5563"/></marker></defs>
<rect class="page" width="{width}" height="{height:g}"/>"""


def main() -> None:
    """Write the figure and its data."""
    stack = floors()
    found = imports(stack)
    upward = [(a, b) for a, others in found.items() for b in others if [*stack].index(b) < [*stack].index(a)]
    edges = reduced({a: [b for b in others if (a, b) not in upward] for a, others in found.items()})
    SVG.write_text(drawn(stack, edges), encoding="utf-8")
    DATA.write_text(json.dumps({"floors": stack, "imports": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
