"""``python -m nas.report`` on the command line."""

from __future__ import annotations

import json
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from nas import cli
from nas.report import app
from tests.reports.made import make


def report(*options: str, cwd: Path) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        cli.run(lambda: app(options, standalone_mode=False))
    assert isinstance(ended.value.code, int)
    return ended.value.code, out.getvalue(), err.getvalue()


def test_one_run(tmp_path: Path) -> None:
    make(tmp_path / "a")
    assert report("a", cwd=tmp_path) == (0, "a/report.html\n", "")
    assert {"report.html", "pareto.png"} <= {path.name for path in (tmp_path / "a").iterdir()}


def test_two_runs(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make(tmp_path / name, slowness=3.0 if name == "b" else 1.0)
    code, out, _ = report("a", "b", cwd=tmp_path)
    assert code == 0
    assert "Models trained in both runs" in out
    assert "of the hypervolume of A's" in out
    assert out.endswith("compare.html\n")
    assert "B&#39;s front on A" in (tmp_path / "compare.html").read_text()
    code, out, _ = report("a", "b", "--json", "--out", "other.html", cwd=tmp_path)
    facts = json.loads(out)  # JSON and nothing else
    assert (code, facts["page"], facts["scores_compare"]) == (0, "other.html", True)
    assert (tmp_path / "other.html").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere"], "nowhere: has no run.json; give a run directory"),
        (["a", "nowhere"], "nowhere: has no run.json"),
        (["a", "--json"], "--json: is only for the comparison of two runs; name a second run, or drop --json"),
        (
            ["a", "--out", "x.html"],
            "--out x.html: is only for the comparison of two runs",
        ),
    ],
)
def test_refused_options(options: list[str], message: str, tmp_path: Path) -> None:
    make(tmp_path / "a")
    code, _, err = report(*options, cwd=tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(f"error: {message}")
    assert not list(tmp_path.glob("*.html"))
