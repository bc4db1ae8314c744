"""User operators: the example of the page is searched and exported, and wrong declarations are refused."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from nas.detectors.rows import Detector, Row
from nas.detectors.templates import TEMPLATES
from nas.detectors.yaml_files import from_yaml
from nas.errors import InputError, ModelError
from nas.execution.score_cache import ScoreCache
from nas.latency.entries import Part, _key
from nas.operators.registry import FAMILIES, OPERATORS
from nas.operators.user_operators import load_own
from nas.proxies.outcome import Outcome
from nas.spaces.space import load_space

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "own-operator.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with the page's two files in it; the registry is put back afterwards."""
    page = PAGE.read_text(encoding="utf-8")
    for fence, file in (("python", "se_block.py"), ("yaml", "mine.yaml")):
        first = re.findall(rf"^```{fence}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0]
        (tmp_path / file).write_text(first, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PARETO_YOLO_OPERATORS", "se_block")
    kept = dict(OPERATORS), dict(FAMILIES), set(sys.modules)
    yield tmp_path
    for registry, held in ((OPERATORS, kept[0]), (FAMILIES, kept[1])):
        registry.clear()
        registry.update(held)  # type: ignore[arg-type]
    for name in set(sys.modules) - kept[2]:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def run(folder: Path, *command: str) -> str:
    """The output of a command, which must exit with 0."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_example_keeps_the_contract(folder: Path) -> None:
    suite = str(ROOT / "tests" / "operators" / "test_conformance.py")
    output = run(folder, "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", suite, "-k", "SEBlock or [se]")
    (passed,) = re.findall(r"^(\d+) passed", output, re.MULTILINE)
    # No other operator has this name: without the example's file no test would be selected.
    assert int(passed) >= 15 and "skipped" not in output.splitlines()[-1]


def test_the_example_is_searched(folder: Path) -> None:
    """In a search of real processes, through its table and its proxy, to the YAML."""
    command = ["-m", "nas.search", "--space", "mine.yaml", "--runtime", "fake", "--imgsz", "64", "--budget", "4"]
    run(folder, *command, "--steps", "2", "--seed", "1", "--workers", "1", "--out", "run", "--data", "shapes")
    trials = pd.read_csv(folder / "run" / "trials.csv")
    assert trials.arch.str.contains("csp-se_r").sum() >= 1
    (table,) = (Path(os.environ["PARETO_YOLO_HOME"]) / "latency_tables").glob("*.csv")
    measured = set(pd.read_csv(table, comment="#").operator)
    load_own()
    assert f"CSPSEBlock@{OPERATORS['CSPSEBlock'].source}" in measured and "C2f" in measured
    space = json.loads((folder / "run" / "run.json").read_text())["hashes"]["space"]
    assert space == load_space(folder / "mine.yaml").fingerprint


def test_an_edit_is_another_operator(folder: Path) -> None:
    load_own()
    row = Row((-1,), 1, "SEBlock", (64, 4))
    detector = Detector((Row((-1,), 1, "Conv", (64, 3, 2)), row), 3, 2)
    cache = ScoreCache(folder / "cache", lambda rung, scale: "recipe", 1)
    cache.put(detector, 0, 1, 1.0, Outcome(0.5, 1.0, ()))

    def known() -> tuple[str, str, Outcome | None]:
        _key.cache_clear()  # of a process, in which nothing is edited
        part = Part.of(list(detector.resolve(64))[1])
        space = load_space(folder / "mine.yaml").fingerprint
        return part.key(1).operator, space, cache.get(detector, 0, 1, 1.0)

    before = known()
    OPERATORS["SEBlock"].source = "0" * 8
    after = known()
    assert before[0] != after[0] and before[1] != after[1]
    assert before[2] is not None and after[2] is None


def test_yamls_of_every_trainer_name_it(folder: Path) -> None:
    load_own()
    first, _, *rest = str(load_space("yolov5n").stock()).split("/")
    member = "/".join([first, "p2:csp-se_r4_n1_c32", *rest])
    output = run(folder, "-m", "nas.export", member, "--dialect", "yolov5", "--data", "shapes", "--out", "exported")
    assert "exported" in output
    (file,) = (folder / "exported").glob("*.yaml")
    modules = {row[2] for row in yaml.safe_load(file.read_text())["backbone"]}
    assert "__import__('se_block', fromlist=['CSPSEBlock']).CSPSEBlock" in modules
    assert "CSPSEBlock" in {row.module for row in from_yaml(file, None, lambda text: None).rows}


def test_it_loads_once(folder: Path) -> None:
    load_own()
    first = OPERATORS["SEBlock"]
    load_own()
    assert OPERATORS["SEBlock"] is first and "se" in TEMPLATES["yolov8n"].families("p3")


BLOCK = """
from torch import nn
from nas.operators import Conv, Parameter, register
class Mine(Conv):
    def __init__(self, channels, ratio=2): super().__init__(channels, channels)
    @staticmethod
    def costs(channels, ratio, grid): return []
def declare(block=Mine, letter="r", key="mine", **options):
    return register(key=key, ratio=Parameter(letter, 1, 4), **options)(block)
"""


@pytest.mark.parametrize(
    ("text", "field", "problem"),
    [
        ("x = 1", "", "registers no operator"),
        ("OPERATORS = [Mine]", "", "lists OPERATORS, which are no longer read"),
        ("from nas.operators import BlockOperator", "nas.operators.BlockOperator", "is no longer exported"),
        ("declare(int)", "builtins.int", "must be a subclass of torch.nn.Module"),
        ("Mine.__name__ = 'Conv'; Mine.__qualname__ = 'Conv'; declare()", "Conv", "nas.operators.conv registers a row"),
        ("def f():\n  class Mine(Conv): pass\n  declare(Mine)\nf()", "Mine", "is declared as f.<locals>.Mine"),
        ("CSPMine = 3; declare()", "Mine", "CSPMine stands in the same module"),
        ("declare(key='my-se')", "Mine.key", "must be small letters and digits"),
        ("declare(key='c2f')", "Mine.key", "nas.operators.c2f registers that key already"),
        ("declare(key='')", "Mine.key", "is missing, and there are parameters"),
        ("declare(letter='c')", "Mine.parameters", "has the letters ['c']"),
        ("declare(shells=('c3',))", "Mine.shells", "must be plain, csp or both"),
        ("declare(other=Parameter('o', 1, 2))", "Mine.parameters", "the constructor takes ['channels', 'ratio']"),
        ("del Mine.costs; declare()", "Mine.costs", "is missing"),
        (
            "Mine.costs = lambda channels, grid: []; declare()",
            "Mine.costs",
            "does not take the constructor's arguments",
        ),
        (
            "exec('class Mine(Conv): pass', space := {'Conv': Conv}); declare(space['Mine'])",
            "Mine",
            "is not declared in",
        ),
    ],
)
def test_a_wrong_declaration_is_refused(folder: Path, text: str, field: str, problem: str) -> None:
    (folder / "se_block.py").write_text(f"{BLOCK}{text}\n")
    with pytest.raises(ModelError) as caught:
        load_own()
    assert caught.value.field == field and caught.value.problem.startswith(problem)
    assert caught.value.hint and "\n" not in str(caught.value)
    if not field:
        assert str(caught.value.file) == f"PARETO_YOLO_OPERATORS=se_block: {folder / 'se_block.py'}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import no_such_package", "se_block needs no_such_package, which is not installed"),
        ("1 / 0", "importing se_block failed: ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_that_cannot_be_imported_is_refused(folder: Path, text: str, problem: str) -> None:
    (folder / "se_block.py").write_text(f"{BLOCK}{text}\n")
    with pytest.raises(InputError) as caught:
        load_own()
    assert str(caught.value).startswith("PARETO_YOLO_OPERATORS=se_block: ") and problem in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shells", [("plain",), ("csp",), ("plain", "csp")])
def test_shells_decide_the_row_kinds(folder: Path, shells: tuple[str, ...]) -> None:
    (folder / "se_block.py").write_text(f"{BLOCK}declare(shells={shells})\n")
    load_own()
    kinds = {"plain": "Mine", "csp": "CSPMine"}
    assert {name for name in kinds.values() if name in OPERATORS} == {kinds[shell] for shell in shells}
    assert FAMILIES["mine"].modules() == [kinds[shell] for shell in shells]


def test_the_derived_class_belongs_to_the_users_module(folder: Path) -> None:
    load_own()
    module = sys.modules["se_block"]
    derived = OPERATORS["CSPSEBlock"].module
    assert vars(module)["CSPSEBlock"] is derived and derived.__module__ == "se_block"
    block = derived(16, 2, reduction=2)
    assert pickle.loads(pickle.dumps(block)).m[1].squeeze.out_channels == 4
    assert list(inspect.signature(derived).parameters) == ["channels", "n", "reduction"]


def test_the_hash_is_that_of_the_file(folder: Path) -> None:
    load_own()
    expected = hashlib.sha256((folder / "se_block.py").read_bytes()).hexdigest()[:8]
    assert OPERATORS["SEBlock"].source == OPERATORS["CSPSEBlock"].source == expected


def test_a_missing_module_is_one_line_of_a_command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARETO_YOLO_OPERATORS", "se_bloc")
    command = [sys.executable, "-m", "nas.profile", "yolov8n.1/p2:c2f_e1_n1_c32"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    where = f"in {folder} or among the installed packages"
    hint = "give modules by name, separated by commas, in PARETO_YOLO_OPERATORS"
    assert done.returncode == 2
    assert done.stderr == f"error: PARETO_YOLO_OPERATORS=se_bloc: no module se_bloc {where}; {hint}\n"


def test_an_installed_package_brings_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARETO_YOLO_OPERATORS")
    package = folder / "se_package-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: se-package\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[pareto_yolo.operators]\nse = se_block\n")
    monkeypatch.syspath_prepend(folder)
    load_own()
    assert "SEBlock" in OPERATORS and "se" in FAMILIES
