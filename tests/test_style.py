"""Rules of CONTRIBUTING.md that no linter knows: sizes of functions, and the first word of a docstring.

``python tests/test_style.py [ROOT]`` prints the largest of each.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
CODE = ("nas", "experiments", "docs")
QUESTIONS = {"What", "Whether", "Who", "How", "Where", "Which"}
MAX_LINES, MAX_PARAMETERS = 60, 8


class Function(NamedTuple):
    """A function or method with its size."""

    place: str
    lines: int
    parameters: int


def trees(root: Path, *folders: str) -> Iterator[tuple[str, ast.Module]]:
    """The path, from the root, and the syntax tree of each Python file in these folders."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            yield str(path.relative_to(root)), ast.parse(path.read_text(encoding="utf-8"))


def functions(root: Path, *folders: str) -> list[Function]:
    """The functions and methods of these folders; ``self`` and ``cls`` are no parameters."""
    found = []
    for path, tree in trees(root, *folders):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                arguments = node.args
                names = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
                parameters = len(names) - bool(names and names[0].arg in {"self", "cls"})
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                found.append(Function(f"{path}:{node.lineno} {node.name}", lines, parameters))
    return found


def docstrings(root: Path, *folders: str) -> Iterator[tuple[str, str]]:
    """The place and the first line of every docstring, those after an attribute included."""
    for path, tree in trees(root, *folders):
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                yield f"{path}:{node.lineno}", node.value.value.strip().partition("\n")[0]


def questions(root: Path, *folders: str) -> list[str]:
    """Docstrings that begin with a question word."""
    found = docstrings(root, *folders)
    return [f"{place}: {line}" for place, line in found if line.split() and line.split()[0].strip(",.:") in QUESTIONS]


def test_functions_are_short() -> None:
    assert [function for function in functions(ROOT, *CODE) if function.lines > MAX_LINES] == []


def test_docstrings_are_no_questions() -> None:
    assert questions(ROOT, *CODE, "tests") == []


def main(root: Path) -> None:
    """Print the figures."""
    found = functions(root, "nas")
    print(f"docstrings that begin with a question word: nas {len(questions(root, 'nas'))}, all", end=" ")
    print(len(questions(root, *CODE, "tests")))
    for size in ("lines", "parameters"):
        print(f"most {size}:")
        for function in sorted(found, key=lambda function: -getattr(function, size))[:10]:
            print(f"  {getattr(function, size):4} {function.place}")
    print(f"over {MAX_LINES} lines: {sum(function.lines > MAX_LINES for function in found)}", end="; ")
    print(f"over {MAX_PARAMETERS} parameters: {sum(function.parameters > MAX_PARAMETERS for function in found)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
