"""Every command of README and docs/ runs, in the order of its page, and every link leads somewhere."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from nas.__main__ import COMMANDS
from nas.data.shapes import draw_shapes

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOT_RUN = {
    "pip install": ".ci/run installs as the README says",
    r"\.venv/bin/python": "as above",
    r"-m nas\.dashboard|^optuna-dashboard": "serves until it is stopped; tests/commands/test_dashboard.py looks at it",
    r"10\.0\.0\.": "other machines; tests/commands/test_cluster.py has a cluster of processes",
    r"^python train\.py": "in a checkout of YOLOv5 or YOLOv9; experiments/trainers runs them",
    "cuda": "there may be no GPU",
    "kit|pi5|finalists": "takes minutes to measure; tests/commands/test_kit.py carries a kit there and back",
}
"""Commands that are not run here, and why."""
SMALL = "--space tiny.yaml --budget 3 --steps 1 --workers 1 --runtime fake --data my-data/data.yaml"
QUICK = {
    r"nas\.search .*--max-latency": f"{SMALL} --max-latency 1000",
    r"nas\.search (?!.*--space)": SMALL,
    r"nas\.search": "--budget 3 --steps 1 --workers 1 --runtime fake --data my-data/data.yaml",
    r"nas\.latency (build|predict)": "--runtime fake",
    r"nas\.latency check": "--runtime fake --models 2",
    r"nas\.train predict": "imgsz=64 device=cpu",
    r"nas\.train (val|export)": "imgsz=64 device=cpu",
    r"nas\.train": "epochs=1 imgsz=64 batch=4 device=cpu workers=0 plots=False",
    r"-m pytest": "-n 0 -p no:cacheprovider",
}
"""Options added to a command, the last of which count: what is shown here is that it works, not what it finds."""

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
    """All of a command's and its subcommands'."""
    found = {name for parameter in command.params for name in parameter.opts}
    return found.union(*(options(sub) for sub in getattr(command, "commands", {}).values()))


MODULES = (importlib.import_module(f"nas.{name}") for name in COMMANDS)
OPTIONS = set[str]().union(*(options(typer.main.get_command(m.app)) for m in MODULES if hasattr(m, "app")))
OTHERS = {"--help", "--artifact-dir", "--epochs"}
"""Of every command, of optuna-dashboard, and of YOLOv5."""


def commands(page: Path) -> list[str]:
    """The lines of a page's sh blocks, comments left out, continued ones joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in (re.sub(r"\s+#.*", "", line).strip() for line in lines) if line]


def quick(command: str) -> str:
    """The command with its `QUICK` options."""
    more = next((options for kind, options in QUICK.items() if re.search(kind, command)), "")
    return f"{command} {more}".replace("path/to/ParetoYOLO", str(ROOT))


def write_data(folder: Path) -> None:
    """A small data set as own-data.md describes it."""
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


def bash(folder: Path, lines: list[str], home: Path) -> None:
    """Run these one after the other in one shell; each has to end well."""
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
    """What a page may begin with: data and a finished run."""
    folder = tmp_path_factory.mktemp("before")
    write_data(folder / "work" / "my-data")
    (folder / "work" / "tiny.yaml").write_text(TINY)
    bash(folder / "work", [quick("python -m nas.search --out runs/first")], folder / "home")
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_commands_run(page: Path, before: Path, tmp_path: Path) -> None:
    lines = [line for line in commands(page) if not any(re.search(kind, line) for kind in NOT_RUN)]
    if any("nas.train" in line for line in lines):
        pytest.importorskip("ultralytics")
    shutil.copytree(before, tmp_path, dirs_exist_ok=True)
    text, work = page.read_text(encoding="utf-8"), tmp_path / "work"
    for line in lines:  # what it makes itself is not there before
        for made in re.findall(r"nas\.search .*--out (\S+)", line):
            shutil.rmtree(work / made, ignore_errors=True)
    for fence, block in re.findall(r"^```(python|yaml)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        file = {"python": "se_block.py"}.get(fence) or f"{re.search(r'^space: (.+)$', block, re.MULTILINE)[1]}.yaml"  # type: ignore[index]
        (work / file).write_text(block)
    bash(work, list(map(quick, lines)), tmp_path / "home")


@pytest.mark.parametrize("kind", NOT_RUN)
def test_what_is_not_run_is_there(kind: str) -> None:
    assert any(re.search(kind, line) for page in PAGES for line in commands(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_options_are_there(page: Path) -> None:
    """Every --option that a page names in its text is one of our commands'."""
    named = set(re.findall(r"`(?:[^`]* )?(--[a-z][a-z0-9-]+)", page.read_text(encoding="utf-8")))
    assert named <= OPTIONS | OTHERS, named - OPTIONS - OTHERS


def test_the_site_is_built(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    api = (tmp_path / "site" / "api" / "index.html").read_text(encoding="utf-8")
    assert all(name in api for name in ("load_space", "LatencyTable", "KeepingOperator", "register"))
    pages = [*(tmp_path / "site").rglob("*.html")]
    assert not any(re.search(r'(src|href)="https?://(fonts|cdn|unpkg)', page.read_text()) for page in pages)
