"""Do exported YAMLs train in YOLOv5 and YOLOv9 as they stand?

    python experiments/trainers/run.py --yolov5 PATH --yolov9 PATH --data ../shared/data/bccd/data.yaml

PATH is a checkout of the trainer; it is not changed. --python is its interpreter, which must have this package
installed. The models are the stock model, every operator in all four stages, and random members of a template. Each is
built, trained for one step, saved, loaded in a fresh process, fused and exported. The checkout's train.py trains the
stock model and one random member for an epoch, with validation. Writes results/TRAINER.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import yaml

import nas
from nas.detectors.heads import DIALECTS, in_dialect
from nas.detectors.templates import TEMPLATES
from nas.operators.registry import FAMILIES
from nas.spaces.architecture import Architecture, choose
from nas.spaces.space import load_space

RESULTS = Path(__file__).parent / "results"
INSIDE = Path(__file__).with_name("inside.py")
FIELDS = ["name", "params", "as_ours", "trains", "fused", "onnx", "epoch", "error"]
RANDOM = 4
CLASSES = 3
IMAGE = 160


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yolov5", type=Path)
    parser.add_argument("--yolov9", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="data.yaml of a set of three classes")
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for dialect in ("yolov5", "yolov9"):
        checkout: Path | None = getattr(options, dialect)
        if checkout is not None:
            with tempfile.TemporaryDirectory() as folder:
                rows = check(dialect, checkout.resolve(), Path(folder), options.data.resolve(), options.python)
            commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True).stdout
            with (RESULTS / f"{dialect}.csv").open("w", newline="") as file:
                file.write(f"# {DIALECTS[dialect].title}, commit {commit.strip() or 'unknown'}\n")
                writer = csv.DictWriter(file, FIELDS)
                writer.writeheader()
                writer.writerows(rows)


def check(dialect: str, checkout: Path, folder: Path, data: Path, python: str) -> list[dict[str, Any]]:
    """One row for each member."""
    members = {re.sub(r"\W", "-", name): in_dialect(member, dialect) for name, member in offered(dialect).items()}
    for name, member in members.items():
        (folder / f"{name}.yaml").write_text(member.to_yaml())
    rows: dict[str, dict[str, Any]] = {name: {"name": name} for name in members}
    for mode in ("build", "load"):
        done = run(python, checkout, folder, mode, folder)
        for line in done.stdout.splitlines():
            if line.startswith('{"name"'):
                found = json.loads(line)
                rows[found["name"]] |= found
        if done.returncode:
            print(done.stderr[-2000:])
    for name, member in members.items():
        rows[name]["as_ours"] = rows[name].get("params") == member.cost().params
    for name in ("stock", "random-1"):
        rows[name]["epoch"] = epoch(dialect, checkout, folder, name, data, python)
    for row in rows.values():
        print({**row, **{key: f"{row[key]:.1e}" for key in ("fused", "onnx") if key in row}}, flush=True)
    return list(rows.values())


def offered(dialect: str) -> dict[str, nas.Detector]:
    """The stock model, every operator in all stages, and random members of this trainer's templates."""
    nano, small = DIALECTS[dialect].templates
    space, rng = load_space(nano), np.random.default_rng(1)
    found = {"stock": space.stock(), "stock of the small size": load_space(small).stock()}
    for key in TEMPLATES[nano].families("p2"):
        for shell in FAMILIES[key].shells:
            declared = FAMILIES[key].parameters.items()
            parameters = {name: max(p.low, min(p.high, 3 if p.odd else 4)) for name, p in declared}
            stages = tuple(choose(key, shell, c.channels, 2, parameters) for c in space.stock().backbone)
            found[f"{shell} {key}"] = Architecture(nano, stages)
    found |= {f"random {n}": space.random(rng) for n in range(1, RANDOM + 1)}
    return {name: member.detector(CLASSES) for name, member in found.items()}


def epoch(dialect: str, checkout: Path, folder: Path, name: str, data: Path, python: str) -> str:
    """One epoch by the checkout's train.py: the AP50-95 that it prints at the end, or the error."""
    content = yaml.safe_load(data.read_text())
    held = folder / "set"
    if not held.exists():  # they write caches beside the labels
        shutil.copytree(data.parent, held)
        (held / "data.yaml").write_text(yaml.safe_dump({**content, "path": str(held), "nc": len(content["names"])}))
    arguments = ["--weights", "", "--cfg", folder / f"{name}.yaml", "--data", held / "data.yaml", "--epochs", 1]
    arguments += ["--imgsz", IMAGE, "--batch-size", 16, "--device", "cpu", "--workers", 0, "--noplots"]
    arguments += ["--project", folder / "runs", "--name", name]
    if dialect == "yolov9":
        arguments += ["--hyp", "data/hyps/hyp.scratch-high.yaml"]
    done = run(python, checkout, folder, "train", *arguments)
    found = re.findall(r"^\s*all\s+\d+\s+\d+(?:\s+[\d.e-]+){3}\s+([\d.e-]+)", done.stdout + done.stderr, re.MULTILINE)
    return found[-1] if found and not done.returncode else done.stderr.strip().splitlines()[-1][:200]


def run(python: str, checkout: Path, folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run inside.py in the checkout."""
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    for parent in (folder / "settings", folder / "settings" / "Ultralytics"):  # where they look, before they download
        parent.mkdir(parents=True, exist_ok=True)
        for name in ("Arial.ttf", "Arial.Unicode.ttf"):
            shutil.copy(fonts, parent / name)
    # YOLOv9 calls torch.load as it was before torch 2.6.
    more = {"YOLOV5_CONFIG_DIR": str(folder / "settings"), "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    command = [python, str(INSIDE), *map(str, arguments)]
    return subprocess.run(command, cwd=checkout, env=os.environ | more, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    main()
