"""Searches from a trained model, against that model at smaller images. See README.md.

    python experiments/pretrained/run.py SET DATA.yaml BEST.pt [SIZE ...] [--budget N] [--steps N] [--finalist-steps N]
    python experiments/pretrained/run.py SET DATA.yaml RUN [SIZE ...]   # from the supernet of an earlier run

Runs one search, copies its tables to results/SET-*.csv and the seconds of its phases to results/SET.json, and makes
results/SET.png and results/SET.md of them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import nas

RESULTS = Path(__file__).parent / "results"
RUNS = Path("runs")


def search(name: str, data: Path, teacher: Path, sizes: list[int], options: dict[str, Any]) -> None:
    """Search, or continue, and copy the tables of the run."""
    folder = RUNS / f"pretrained-{name}"
    config = nas.SearchConfig(
        data=str(data),
        **{"supernet" if teacher.is_dir() else "pretrained": teacher},
        imgsz=tuple(sizes),
        runtime="onnxruntime",
        threads=1,
        out=folder,
        resume=(folder / "run.json").exists(),
        **options,
    )
    result = nas.run_search(config)
    for table in ("pareto.csv", "size-curve.csv", "trials.csv"):
        shutil.copyfile(folder / table, RESULTS / f"{name}-{table}")
    record = result.run.record
    finalists = [
        {"name": f.label, "arch": f.arch, "imgsz": f.imgsz, "score": f.score, "ap": f.ap, "ms": f.latency_ms}
        for f in record.result.finalists
    ]
    facts = {
        "seconds": record.seconds,
        "fingerprint": record.fingerprint,
        "data": record.data_note,
        "options": options | {"imgsz": sizes},
        "score_noise": str(record.result.score_noise),
        "finalists": finalists,
        "commit": subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip(),
        "torch": version("torch"),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(facts, indent=2) + "\n")


def page(name: str) -> None:
    """Draw the figure and write the table of a set."""
    facts = json.loads((RESULTS / f"{name}.json").read_text())
    curve = pd.read_csv(RESULTS / f"{name}-size-curve.csv").sort_values("latency_ms")
    models = pd.DataFrame(facts["finalists"]).dropna(subset=["ap"]).sort_values("ms")
    teacher = curve.iloc[-1]
    figure, axes = plt.subplots(figsize=(8, 5))
    axes.plot(curve["latency_ms"], curve["ap"], "o-", color="#555555", label="your model at smaller images")
    stock = models["name"].str.contains("stock")
    axes.plot(models["ms"][~stock], models["ap"][~stock], "s", color="#0072B2", label="found, trained")
    axes.plot(
        models["ms"][stock], models["ap"][stock], "*", color="#D55E00", ms=12, label="your model, trained as long"
    )
    axes.set(xlabel="latency in ms, measured", ylabel="AP50-95, validation", title=name)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(RESULTS / f"{name}.png", dpi=150, bbox_inches="tight")
    lines = ["| model | px | score | AP | ms | speed | curve there | difference |", "| --- " * 8 + "|"]
    for row in models.itertuples():
        there = _at(curve, row.ms)
        lines.append(
            f"| {row.name} | {row.imgsz} | {row.score:.3f} | {row.ap:.3f} | {row.ms:.2f} | "
            f"{teacher.latency_ms / row.ms:.2f} | {there:.3f} | {row.ap - there:+.3f} |"
        )
    lines += ["", "| size curve: px | AP | ms | speed |", "| --- | --- | --- | --- |"]
    for row in curve[::-1].itertuples():
        speed = teacher.latency_ms / row.latency_ms
        lines.append(f"| {row.imgsz} | {row.ap:.3f} | {row.latency_ms:.2f} | {speed:.2f} |")
    minutes = ", ".join(f"{phase} {seconds / 60:.1f}" for phase, seconds in facts["seconds"].items() if seconds > 30)
    lines += ["", f"Minutes: {minutes}. {facts['data']}. {facts['score_noise']}"]
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n")


def _at(curve: pd.DataFrame, ms: float) -> float:
    """AP of the size curve at a latency, linear between its points."""
    return float(np.interp(ms, curve["latency_ms"], curve["ap"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("data", type=Path)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("sizes", type=int, nargs="*", default=[320])
    parser.add_argument("--budget", type=int, default=60)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--finalist-steps", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    options = {"budget": given.budget, "steps": given.steps, "finalist_steps": given.finalist_steps, "seed": given.seed}
    search(given.name, given.data, given.teacher, given.sizes, options)
    page(given.name)


if __name__ == "__main__":
    main()
