"""Experiments follow the package: their scripts import, and the parts that need no data run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import fmean

import pytest

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
AFTER = EXPERIMENTS / "refactoring/results/after"


def test_scripts_import_and_show_their_help():
    script = Path(__file__).with_name("import_scripts.py")
    done = subprocess.run([sys.executable, str(script), str(EXPERIMENTS)], capture_output=True, text=True, check=False)

    assert (done.stdout, done.returncode) == ("", 0), done.stderr


@pytest.fixture
def scripts(monkeypatch):
    """Put a folder of experiments on the path, and forget its modules afterwards."""
    known = set(sys.modules)

    def use(name: str) -> None:
        monkeypatch.syspath_prepend(str(EXPERIMENTS / name))

    yield use
    for name in set(sys.modules) - known:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(EXPERIMENTS):
            del sys.modules[name]


@pytest.mark.parametrize("rungs", [1, 3])
def test_halving_of_all_members_gives_the_committed_regret(scripts, rungs):
    scripts("search")
    from rungs import RESULTS, SEEDS, Members, handed_over

    members = Members()
    committed = json.loads((RESULTS / "rungs.json").read_text())
    row = next(row for row in committed if (row["candidates"], row["rungs"]) == (len(members.archs), rungs))

    regrets, costs = zip(*(handed_over(members, members.archs, seed, rungs) for seed in range(SEEDS)), strict=True)

    assert (round(fmean(regrets), 4), round(fmean(costs), 1)) == (row["regret_mean"], row["cost"])


def test_the_driver_is_timed_without_training(scripts):
    scripts("scale")
    import run

    rows = run.driver_times("random", "sqlite", budget=2)

    assert [row["number"] for row in rows] == [0, 1]


@pytest.mark.parametrize("name", [file.name.removesuffix("-trials.csv") for file in AFTER.glob("*-trials.csv")])
def test_the_committed_searches_agree_before_and_after_the_refactoring(scripts, name):
    scripts("refactoring")
    from tables import Table, differences

    for part in ("trials", "front"):
        before, after = (AFTER.parent / when / f"{name}-{part}.csv" for when in ("before", "after"))
        assert differences(Table.read(before), Table.read(after)) == []
