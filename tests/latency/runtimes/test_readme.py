"""The page's example is a runtime: it passes the suite that ours pass, and a table is built with it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nas.detectors.templates import TEMPLATES
from nas.latency.opening import builder_for
from nas.latency.runtimes.registry import choose

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "nas" / "latency" / "runtimes" / "README.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the page's Python as my_ncnn.py."""
    for package in ("ncnn", "pnnx"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "my_ncnn.py").write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_ncnn", raising=False)
    return tmp_path


def conform(folder: Path, *chosen: str) -> None:
    """Run the suite as the page says; every test of it that is chosen has to pass, none to be skipped."""
    environment = {
        **os.environ,
        "NAS_RUNTIME": "my_ncnn:NcnnRuntime",
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }
    suite = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        str(ROOT / "tests/latency/runtimes/test_conformance.py"),
    ]
    done = subprocess.run([*suite, *chosen], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE), done.stdout[-500:]
    assert "failed" not in done.stdout and done.stdout.count("skipped") <= 1  # Only what is about our own is skipped.


def test_example_keeps_the_contract(folder: Path) -> None:
    conform(folder, "-k", "not searched")


@pytest.mark.slow
def test_example_runs_every_searched_row(folder: Path) -> None:
    conform(folder, "-k", "searched")


def test_a_table_is_built_with_it(folder: Path) -> None:
    runtime = choose("my_ncnn:NcnnRuntime")
    table = builder_for(runtime, folder / "table.csv")
    rows = [row for row in TEMPLATES["yolov8n"].stock(3).resolve(64) if row.row.module in {"Conv", "Concat"}][:3]
    table.ensure(rows)
    again = builder_for(runtime, folder / "table.csv", force=True)  # Whatever else this machine does by now.
    assert not again.table.missing(rows)
    assert again.table.fingerprint["runtime"] == "my_ncnn:NcnnRuntime"
