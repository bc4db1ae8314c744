"""``python -m nas.search --device cpu --budget 50``: the main job."""

from __future__ import annotations

import itertools
import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from nas import cli
from nas.detectors import Detector, to_yaml
from nas.display import Display, result_table
from nas.engine import (
    Driver,
    Limits,
    Run,
    SearchError,
    Workers,
    candidates,
    chosen,
    measure,
    measure_signal,
    open_run,
    open_study,
    pareto_frame,
    records,
    table,
)
from nas.errors import InputError
from nas.files import write
from nas.operators import FAMILIES
from nas.proxies import PROXIES, Proxy
from nas.reports import write_report
from nas.runtimes import choose
from nas.spaces import Space, load_space
from nas.tables import LatencyTable

app = typer.Typer(add_completion=False)


@app.command()
def main(
    device: Annotated[str, typer.Option(help="Target: the device whose latency counts.")] = "cpu",
    budget: Annotated[int, typer.Option(help="Candidates to train, baselines included.")] = 50,
    space: Annotated[str, typer.Option(help="Search space: a shipped name or a .yaml file.")] = "yolov8n",
    data: Annotated[str, typer.Option(help="Built-in set 'shapes', or an Ultralytics data.yaml.")] = "shapes",
    runtime: Annotated[str, typer.Option(help="auto, torch, onnxruntime or openvino: what you deploy with.")] = "auto",
    threads: Annotated[int, typer.Option(help="Threads of the runtime.")] = 1,
    imgsz: Annotated[int, typer.Option(help="Deployment image size in pixels, a multiple of 32.")] = 320,
    max_latency: Annotated[float | None, typer.Option(help="Most latency in ms, one image.")] = None,
    max_params: Annotated[int | None, typer.Option(help="Most parameters.")] = None,
    max_macs: Annotated[int | None, typer.Option(help="Most multiply-adds at --imgsz.")] = None,
    max_size: Annotated[int | None, typer.Option(help="Most bytes of the deployed model's weights.")] = None,
    proxy: Annotated[str, typer.Option(help=f"How candidates are scored: {', '.join(PROXIES)}.")] = "short",
    weights: Annotated[
        Path | None, typer.Option(help="Trained template (a state dict) for --proxy inherit.  [default: trained first]")
    ] = None,
    train_device: Annotated[str, typer.Option(help="Where candidates train: auto, cpu, cuda.")] = "auto",
    workers: Annotated[int, typer.Option(help="Candidates trained at once; 0: one a core, at most 4.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    table_file: Annotated[Path | None, typer.Option("--table", help="Latency table to use and extend.")] = None,
    rebuild_table: Annotated[bool, typer.Option(help="Measure the latency table anew.")] = False,
    out: Annotated[Path | None, typer.Option(help="Run directory.  [default: runs/SPACE-DATA-N]")] = None,
    resume: Annotated[bool, typer.Option(help="Continue the run in --out.")] = False,
) -> None:
    """Find YOLO detectors that are Pareto-optimal in accuracy and in latency measured on a device."""
    limits = Limits(max_latency, max_params, max_macs, max_size)
    _check(budget, imgsz, limits, proxy, workers)
    searched = load_space(space)
    _check_size(searched, limits)
    backend = choose(runtime, device, threads)
    train_on = _train_device(train_device)
    if resume and out is None:
        raise InputError("--resume: give the run's directory with --out")
    folder = out or _next_folder(f"{searched.name}-{Path(data).parent.name if data != 'shapes' else data}")
    make: dict[str, Any] = {"folder": folder / "proxy", "device": train_on, **_weights(proxy, weights)}
    scorer = PROXIES[proxy](data, **make)
    latencies = LatencyTable.open(backend, table_file, rebuild=rebuild_table)
    cores = len(os.sched_getaffinity(0))
    count = workers or (min(cores, 4) if train_on == "cpu" else 1)
    crew = Workers(partial(PROXIES[proxy], scorer.dataset, **make), count, max(1, cores // count))
    with Display() as display:
        facts: dict[str, Any] = {
            "options": {
                "device": device,
                "budget": budget,
                "space": searched.name,
                "data": data,
                "runtime": backend.name,
                "threads": threads,
                "imgsz": imgsz,
                "proxy": proxy,
                "train_device": train_on,
                "workers": count,
                "seed": seed,
                **{f"max_{name}": value for name, value in asdict(limits).items()},
            },
            "hashes": {"space": searched.fingerprint, "data": scorer.dataset.fingerprint, "proxy": scorer.fingerprint},
            "latency": latencies.fingerprint,
            "data": scorer.dataset.note,
        }
        with open_run(folder, facts, resume) as run:
            display.say(f"run directory {folder}; {scorer.dataset.note}")
            try:
                driver = Driver(
                    study=open_study(run.storage, f"{searched.name}-{device}-{scorer.fingerprint[:8]}"),
                    space=searched,
                    table=latencies,
                    score=crew.score,
                    nc=scorer.dataset.nc,
                    imgsz=imgsz,
                    seed=seed,
                    budget=budget,
                    limits=limits,
                    workers=count,
                )
                _search(run, driver, scorer, crew, display)
            except KeyboardInterrupt:
                run.save(status="interrupted")
                display.say(f"interrupted; continue with the same command and --out {folder} --resume")
                raise
            except SearchError as error:
                run.save(status="failed")
                cli.fail(str(error), 1)
            finally:
                crew.pause()


def _search(run: Run, driver: Driver, proxy: Proxy, crew: Workers, display: Display) -> None:
    """The phases of a run, from the table to the report."""
    with run.phase("table"):
        with display.bar(f"latency table {driver.table.path.name}") as progress:
            driver.table.ensure(driver.space.rows(driver.nc, driver.imgsz), progress)
        with display.bar("calibration on whole models") as progress:
            driver.table.calibrate(_calibration_set(driver), driver.imgsz, progress)
    with run.phase("proxy"), display.bar(f"proxy {proxy.name}") as progress:
        proxy.prepare(progress)
    trials = run.folder / "trials.csv"
    with run.phase("search"), display.trials(driver.budget, records(driver.study)) as live:

        def told(record: Any) -> None:
            live.told(record)
            write(trials, table(records(driver.study)).to_csv(index=False))

        display.say(f"search ended: {driver.run(told)}")
    rows = [row for row in records(driver.study) if row.state == "trained"]
    front = candidates(rows)
    with run.phase("signal"), display.bar("how far scores can be trusted") as progress:
        signal = measure_signal(rows, chosen(rows), driver.score, driver.nc, driver.seed, progress)
    crew.pause()
    with run.phase("finalists"), display.bar("finalists, measured whole") as progress:
        finalists, stock = measure(front, rows[0], driver.table, driver.nc, driver.imgsz, driver.limits, progress)
    for finalist in finalists:
        text = f"{finalist.name}: AP50-95 {finalist.score:.4f} after the proxy, {finalist.latency_ms:.2f} ms measured"
        detector = next(row for row in front if row.arch == finalist.arch).architecture.detector(driver.nc)
        write(run.folder / finalist.yaml, to_yaml(detector, f"{text}\n{finalist.arch}"))
    write(run.folder / "pareto.csv", pareto_frame(finalists).to_csv(index=False))
    run.save(stock=asdict(stock), signal={**asdict(signal), "tells_apart": signal.tells_apart, "text": str(signal)})
    with run.phase("report"):
        write_report(run.folder)
    run.save(status="finished")
    display.show(result_table(finalists, stock))
    display.say(str(signal))
    display.say(_promises(finalists, driver.limits))
    display.say(f"models in {run.folder / 'pareto'}, report in {run.folder / 'report.html'}")


def _calibration_set(driver: Driver) -> list[Detector]:
    """The stock model and seven members, the same for every run."""
    rng = np.random.default_rng(0)
    members = [driver.space.stock(), *(driver.space.random(rng) for _ in range(7))]
    return [member.detector(driver.nc) for member in members]


def _check(budget: int, imgsz: int, limits: Limits, proxy: str, workers: int) -> None:
    """Refuse what cannot be before anything is spent."""
    if budget < 1:
        raise InputError(f"--budget {budget}: nothing would be trained; give 1 or more")
    if imgsz < 32 or imgsz % 32:
        raise InputError(f"--imgsz {imgsz}: must be a multiple of 32; give {max(32, round(imgsz / 32) * 32)}")
    for name, value in asdict(limits).items():
        if value is not None and value <= 0:
            raise InputError(f"--max-{name} {value}: must be above 0")
    if proxy not in PROXIES:
        raise InputError(f"--proxy {proxy}: no such proxy; known are {', '.join(PROXIES)}")
    if workers < 0:
        raise InputError(f"--workers {workers}: give 1 or more, or 0 for one a core")


def _check_size(space: Space, limits: Limits) -> None:
    """Refuse an operator that saves bytes of weights and nothing else in a search where they do not count."""
    for key in space.file.operators:
        if FAMILIES[key].only_size and limits.size is None:
            problem = f"{space.path}: operators.{key}: saves nothing but the size of the weights"
            raise InputError(f"{problem}; add --max-size BYTES or drop {key}")


def _weights(proxy: str, weights: Path | None) -> dict[str, Path]:
    if weights is None:
        return {}
    if proxy != "inherit":
        raise InputError(f"--weights {weights}: only --proxy inherit starts from weights; add it, or drop --weights")
    if not weights.is_file():
        raise InputError(f"--weights {weights}: no such file")
    return {"weights": weights}


def _train_device(name: str) -> str:
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.partition(":")[0] not in {"cpu", "cuda"}:
        raise InputError(f"--train-device {name}: unknown device; give auto, cpu or cuda")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"--train-device {name}: torch sees no CUDA device; give cpu")
    return name


def _next_folder(stem: str) -> Path:
    """The first of runs/STEM-1, runs/STEM-2, ... that does not exist."""
    return next(p for n in itertools.count(1) if not (p := Path("runs") / f"{stem}-{n}").exists())


def _promises(finalists: list[Any], limits: Limits) -> str:
    """What can be said of the limits and of the table, from what was measured."""
    errors = [abs(f.error) for f in finalists]
    if not errors:
        return "no measured model keeps every limit: the front is empty"
    text = f"measured latency within {max(errors):.1%} of its prediction for all {len(errors)} models"
    given = [f"--max-{name}" for name, value in asdict(limits).items() if value is not None]
    return f"{text}; every one keeps {', '.join(given)}" if given else text


if __name__ == "__main__":
    cli.run(lambda: app(standalone_mode=False))
