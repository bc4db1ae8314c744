"""docs/architecture.svg shows the imports of the package."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """docs/architecture.py, which draws the figure."""
    pytest.importorskip("grimp", reason="the dev extra is not installed: no import-linter")
    spec = importlib.util.spec_from_file_location("architecture", DOCS / "architecture.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_figure_is_of_these_imports(script: ModuleType) -> None:
    floors = script.floors()
    committed = json.loads(script.DATA.read_text(encoding="utf-8"))
    assert committed == {"floors": floors, "imports": script.imports(floors)}, "run: python docs/architecture.py"


def test_the_figure_has_every_floor(script: ModuleType) -> None:
    svg = script.SVG.read_text(encoding="utf-8")
    assert all(f">{floor}</text>" in svg for floor in script.floors())


def test_each_module_has_a_floor(script: ModuleType) -> None:
    """A new package belongs into the contract of pyproject.toml."""
    modules = {
        path.stem
        for path in (DOCS.parent / "nas").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    floors = script.floors()
    assert [name for name in modules - {"__init__"} if script.floor_of(f"nas.{name}", floors) is None] == []


def test_implied_arrows_are_left_out(script: ModuleType) -> None:
    imports = {"a": ["b", "c", "d"], "b": ["c"], "c": ["d"], "d": []}
    assert script.reduced(imports) == [("a", "b"), ("b", "c"), ("c", "d")]


def test_lines_do_not_share_a_lane(script: ModuleType) -> None:
    lane = script.lanes([(0, 2), (1, 3), (2, 4), (0, 5)])
    assert lane == {(0, 2): 0, (2, 4): 0, (1, 3): 1, (0, 5): 2}
