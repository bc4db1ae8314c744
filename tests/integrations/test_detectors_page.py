"""docs/detectors.md shows what the code reads."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.mark.skipif(importlib.util.find_spec("ultralytics") is None, reason="the ultralytics extra is not installed")
def test_the_tables_are_those_of_the_code() -> None:
    """That each YAML is exported, the slow tests of `test_detection_yamls` check."""
    spec = importlib.util.spec_from_file_location("detectors", DOCS / "detectors.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    page = script.PAGE.read_text(encoding="utf-8")
    assert page == script.filled(page, script.tables(lambda detector: True)), "run: python docs/detectors.py"
    assert page.count(".yaml | ") >= 28
