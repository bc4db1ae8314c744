"""Commands and Python examples of README and docs/ run, in the order of their page; links and paths exist."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from PIL import Image

import nas
from nas.__main__ import COMMANDS
from nas.data.forms import CLASSES
from nas.data.shapes import draw_shapes
from nas.detectors.network import Network
from nas.detectors.templates import TEMPLATES
from nas.integrations.start_checkpoint import write_start
from nas.proxies.registry import PROXIES
from nas.search.samplers import SAMPLERS
from nas.spaces.space import DEFAULT_SPACE

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
"""Pages with commands to run."""
OTHER_PAGES = [
    *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *(ROOT / folder / "README.md" for folder in ("search_spaces", "latency_tables")),
    ROOT / "nas" / "latency" / "runtimes" / "README.md",
]
ALL_PAGES = [*PAGES, *OTHER_PAGES]


def name_of(page: Path) -> str:
    return page.stem if page in PAGES else "-".join(page.relative_to(ROOT).with_suffix("").parts)


NOT_RUN = {
    "pip install": ".ci/run installs as the README says",
    r"\.venv/bin/python": "as above",
    r"-m nas\.dashboard|^optuna-dashboard": "serves until it is stopped; tests/commands/test_dashboard.py looks at it",
    r"10\.0\.0\.": "other machines; tests/commands/test_cluster.py has a cluster of processes",
    r"^(TORCH_\S+ )?python train\.py": "in a checkout of YOLOv5 or YOLOv9; experiments/trainers runs them",
    "cuda": "there may be no GPU",
    "--out runs/best": "of the README; pretrained.md has it too",
    "--finish": "trains; nas.finish of the same page does the same",
    "--logger": "tests/integrations/test_loggers.py records with every logger that is installed",
    "kit|pi5|finalists": "takes minutes to measure; tests/commands/test_kit.py carries a kit there and back",
}
"""Commands that are not run here, with the reason."""
SLOW = {"pretrained", "training"}
"""Pages whose commands train for more than a minute; other tests have the same commands."""
SMALL = "--space tiny.yaml --budget 3 --steps 1 --workers 1 --runtime fake --data my-data/data.yaml"
QUICK = {
    r"nas\.search .*--(pretrained|supernet)": f"{SMALL} --finalist-steps 1 --max-latency 1000",
    r"nas\.search .*--max-latency": f"{SMALL} --max-latency 1000",
    r"nas\.search (?!.*--space)": SMALL,
    r"nas\.search": "--budget 3 --steps 1 --workers 1 --runtime fake --data my-data/data.yaml",
    r"nas\.latency (build|predict)": "--runtime fake",
    r"nas\.latency check": "--runtime fake --models 2",
    r"nas\.train predict": "imgsz=64 device=cpu",
    r"nas\.train (val|export)": "imgsz=64 device=cpu",
    r"nas\.train": "epochs=1 imgsz=64 batch=4 device=cpu workers=0 plots=False",
    r"nas\.transfer": "--imgsz 64 --steps 1",
    r"nas\.pick": "--max-latency 1000",
    r"nas\.finish": "--epochs 1 batch=4 workers=0 plots=False",
    r"nas\.export .*--runtime": "--runtime onnxruntime",
    r"-m pytest": "-n 0 -p no:cacheprovider",
}
"""Options added to a command; the last of equal options counts. The tests show that it works, not what it finds."""
QUICK_PYTHON = """
import nas
_config, _open_table = nas.SearchConfig, nas.open_table
nas.SearchConfig = lambda **options: _config(
    **{**options, "space": "tiny.yaml", "budget": 3, "steps": 1, "workers": "1", "runtime": "fake", "max_latency": 1000}
)
nas.open_table = lambda device, **options: _open_table(device, **{**options, "runtime": "fake"})
"""
"""Code before the Python examples of a page, which makes their searches short."""

TINY = """
space: tiny
version: 1
template: yolov8n
operators: {c2f: {expansion: [0.5]}}
stages:
  p2: {channels: [16, 32], depth: [1]}
  p3: {channels: [48, 64], depth: [1, 2]}
  p4: {channels: [128], depth: [2]}
  p5: {channels: [256], depth: [1]}
"""


def options(command: Any) -> set[str]:
    """The options of a command and of its subcommands."""
    found = {name for parameter in command.params for name in parameter.opts}
    return found.union(*(options(sub) for sub in getattr(command, "commands", {}).values()))


def module_of(command: str) -> ModuleType:
    """The module of a command: ``nas.report``, or ``nas.search.__main__``."""
    is_package = (ROOT / "nas" / command).is_dir()
    return importlib.import_module(f"nas.{command}" + ".__main__" * is_package)


MODULES = [module_of(name) for name in COMMANDS]
OPTIONS = set[str]().union(*(options(typer.main.get_command(m.app)) for m in MODULES if hasattr(m, "app")))
OTHERS = {"--help", "--version", "--artifact-dir", "--epochs", "--logdir", "--index-url", "--opt"}
"""Options of every command, of ``nas``, optuna-dashboard, YOLOv5, TensorBoard, pip, and of Intel's opt_in_out."""


def blocks(text: str, *fences: str) -> list[tuple[str, str]]:
    """The language and the text of a page's blocks in these languages."""
    return re.findall(rf"^```({'|'.join(fences)})\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """The lines of a page's sh blocks, without comments, continued lines joined."""
    text = "".join(block for _, block in blocks(page.read_text(encoding="utf-8"), "sh"))
    lines = text.replace("\\\n", " ").splitlines()
    return [line for line in (re.sub(r"\s+#.*", "", line).strip() for line in lines) if line]


def quick(command: str) -> str:
    """The command with its `QUICK` options."""
    more = next((options for kind, options in QUICK.items() if re.search(kind, command)), "")
    return f"{command} {more}".replace("path/to/ParetoYOLO", str(ROOT))


def write_data(folder: Path) -> None:
    """Write a small data set as own-data.md describes it."""
    drawn = draw_shapes(64, n_train=8, n_val=8)
    for split, of in (("train", drawn.train), ("val", drawn.val)):
        images, labels = folder / "images" / split, folder / "labels" / split
        images.mkdir(parents=True)
        labels.mkdir(parents=True)
        for number, (image, boxes) in enumerate(zip(of.images, of.boxes, strict=True)):
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(images / f"{number}.png")
            lines = [
                f"{kind:.0f} {(x1 + x2) / 128} {(y1 + y2) / 128} {(x2 - x1) / 64} {(y2 - y1) / 64}\n"
                for kind, x1, y1, x2, y2 in boxes.tolist()
            ]
            (labels / f"{number}.txt").write_text("".join(lines))
    (folder / "data.yaml").write_text(f"train: images/train\nval: images/val\nnames: [{', '.join(drawn.classes)}]\n")


def write_best(file: Path) -> None:
    """Write a trained model: a checkpoint of the data set's classes."""
    detector = TEMPLATES["yolov8n"].stock(len(CLASSES))
    write_start(file, detector, Network(detector, 0), CLASSES)


def bash(folder: Path, lines: list[str], home: Path) -> None:
    """Run lines in one shell, one after the other; each must exit with 0."""
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PARETO_YOLO_HOME": str(home),
        "YOLO_CONFIG_DIR": str(home / "ultralytics"),
        "PYTHONPATH": str(ROOT),
    }
    del environment["PYTEST_CURRENT_TEST"]  # where Ultralytics sees it, it writes elsewhere
    script = "".join(f"echo {shlex.quote(f'$ {line}')}\n{line}\n" for line in lines)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a page may expect it: with data and a finished run."""
    folder = tmp_path_factory.mktemp("before")
    write_data(folder / "work" / "my-data")
    (folder / "work" / "tiny.yaml").write_text(TINY)
    bash(folder / "work", [quick("python -m nas.search --out runs/first")], folder / "home")
    return folder


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.slow if page.stem in SLOW else (), id=name_of(page))
        for page in PAGES
        if commands(page)
    ],
)
def test_its_commands_run(page: Path, before: Path, tmp_path: Path) -> None:
    lines = [line for line in commands(page) if not any(re.search(kind, line) for kind in NOT_RUN)]
    if any("nas.train" in line for line in lines):
        pytest.importorskip("ultralytics")
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    text, work = page.read_text(encoding="utf-8"), tmp_path / "work"
    if any("best.pt" in line.split() for line in lines):
        write_best(work / "best.pt")
    for line in lines:  # a page that makes this run itself begins without it
        for made in re.findall(r"nas\.search .*--out (\S+)", line):
            shutil.rmtree(work / made, ignore_errors=True)
    for fence, block in blocks(text, "python", "yaml"):
        file = {"python": "se_block.py"}.get(fence) or f"{re.search(r'^space: (.+)$', block, re.MULTILINE)[1]}.yaml"  # type: ignore[index]
        (work / file).write_text(block)
    bash(work, list(map(quick, lines)), tmp_path / "home")


def python(folder: Path, code: str, home: Path) -> None:
    """Run a program that is no file, as in a notebook: worker processes do not import it."""
    (folder / "program.txt").write_text(QUICK_PYTHON + code, encoding="utf-8")
    bash(folder, ['MPLBACKEND=agg python -c "$(cat program.txt)"'], home)


def test_its_examples_run(before: Path, tmp_path: Path) -> None:
    """The Python examples of python-api.md are one program; one that begins with a file's name is that file."""
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    work, code = tmp_path / "work", []
    for _, block in blocks((ROOT / "docs" / "python-api.md").read_text(encoding="utf-8"), "python"):
        if name := re.match(r"# (\w+\.py)\n", block):
            (work / name[1]).write_text(block, encoding="utf-8")
        else:
            code.append(block)
    python(work, "\n".join(code), tmp_path / "home")


def test_the_notebook_runs(before: Path, tmp_path: Path) -> None:
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    python(tmp_path / "work", (ROOT / "docs" / "notebook.py").read_text(encoding="utf-8"), tmp_path / "home")
    assert (tmp_path / "work" / "runs" / "notebook" / "front.svg").is_file()


@pytest.mark.parametrize(
    ("words", "end"), [("the main job", "nas.search --device cpu --budget 50"), ("the tests", "pytest")]
)
def test_ci_finds_the_commands_of_the_readme(words: str, end: str) -> None:
    found = subprocess.run([ROOT / ".ci" / "readme_command", words], capture_output=True, text=True, check=True).stdout
    assert found.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert found.endswith(f"&& .venv/bin/python -m {end}\n") and found.count("\n") == 1


def test_the_torch_of_the_readme_is_one_that_we_allow() -> None:
    """A newer one would be replaced by the build with CUDA."""
    allowed = re.search(r'"(torch>=[^"]*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    cap = re.search(r"'torch<([\d.]+)'", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert allowed and cap and allowed[1].endswith(f"<{cap[1]}")


@pytest.mark.parametrize("kind", NOT_RUN)
def test_what_is_not_run_is_there(kind: str) -> None:
    assert any(re.search(kind, line) for page in PAGES for line in commands(page))


@pytest.mark.parametrize("page", ALL_PAGES, ids=name_of)
def test_its_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", ALL_PAGES, ids=name_of)
def test_its_options_are_there(page: Path) -> None:
    """Each --option in the text of a page is an option of our commands."""
    named = set(re.findall(r"`(?:[^`]* )?(--[a-z][a-z0-9-]+)", page.read_text(encoding="utf-8")))
    named -= {"--check"}  # of ruff
    assert named <= OPTIONS | OTHERS, named - OPTIONS - OTHERS


@pytest.mark.parametrize("name", ["docs/architecture.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_its_paths_are_there(name: str) -> None:
    """Each path of this repository, and each name of the package, in backticks exists."""
    text = (ROOT / name).read_text(encoding="utf-8")
    paths = re.findall(r"`((?:nas|docs|tests|experiments|search_spaces|latency_tables)/[\w./-]*)", text)
    assert paths or name == "SECURITY.md"
    assert [path for path in paths if not (ROOT / path).exists()] == []
    for dotted in re.findall(r"`(nas\.[\w.]+)`", text):
        pkgutil.resolve_name(dotted)


def test_the_default_space_is_the_marked_one() -> None:
    text = (ROOT / "docs" / "own-space.md").read_text(encoding="utf-8")
    assert re.findall(r"`(\S+)` \(default\)", text) == [nas.SearchConfig().space]
    assert nas.SearchConfig().space == DEFAULT_SPACE


def test_the_glossary_has_each_choice() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))
    assert named == {*PROXIES, *SAMPLERS}
    defaults = {nas.SearchConfig().proxy, nas.SearchConfig().sampler}
    assert set(re.findall(r"^\| `(\w+)` \(default\)", text, re.MULTILINE)) == defaults


def test_the_site_is_built(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    api = (tmp_path / "site" / "api" / "index.html").read_text(encoding="utf-8")
    assert [name for name in nas.__all__ if f'id="nas.{name}"' not in api and f">{name}<" not in api] == []
    assert [name for name in nas.SearchConfig.model_fields if f"<code>{name}</code>" not in api] == []
    pages = [*(tmp_path / "site").rglob("*.html")]
    assert not any(re.search(r'(src|href)="https?://(fonts|cdn|unpkg)', page.read_text()) for page in pages)
