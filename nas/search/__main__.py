"""``python -m nas.search --device cpu --budget 50``: the main job."""

from __future__ import annotations

import functools
import itertools
import math
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from nas import cli
from nas.errors import InputError
from nas.execution.cluster.link import Link
from nas.execution.executors import Executor, read_workers
from nas.execution.score import SearchError
from nas.execution.score_cache import ScoreCache, cached
from nas.files import scores_home, write
from nas.interrupts import stoppable
from nas.latency.notices import forced_warning, noise_warning
from nas.latency.opening import is_here, open_table
from nas.latency.runtimes.registry import choose
from nas.latency.table import AbsentDeviceError
from nas.objectives.limits import Limits
from nas.objectives.target import Target
from nas.proxies.base import Proxy
from nas.proxies.registry import PROXIES
from nas.proxies.rungs import FACTOR, RUNGS, UNIT, at
from nas.reports.study_writer import StudyWriter, write_study
from nas.reports.writing import write_report
from nas.runs.directory import Run, held_workers, open_run, open_server
from nas.runs.finalists import front_of, measure, unmeasured, write_front
from nas.runs.row_costs import write_rows
from nas.runs.study import open_study
from nas.runs.trials import Record, records, table
from nas.search.driver import Driver
from nas.search.feasibility import reach
from nas.search.halving import climb, noise
from nas.search.options import (
    MORE,
    check,
    check_size,
    crew_of,
    far_device,
    member_of,
    minimised_costs,
    next_folder,
    steps_of,
    train_device_of,
    weights_of,
)
from nas.search.reporter import TerminalSearchReporter as Display
from nas.search.result_table import promises, result_table
from nas.search.samplers import SAMPLERS
from nas.search.score_noise import chosen, measure_signal
from nas.spaces.space import DEFAULT_SPACE, load_space

app = typer.Typer(add_completion=False)


@app.command()
def main(
    device: cli.Device = "cpu",
    budget: Annotated[
        int, typer.Option(help="Candidates to train, baselines included.", rich_help_panel="Search")
    ] = 50,
    space: Annotated[
        str, typer.Option(help="Search space: a shipped name or a .yaml file.", rich_help_panel="Search")
    ] = DEFAULT_SPACE,
    data: Annotated[
        str, typer.Option(help="Built-in set 'shapes', or an Ultralytics data.yaml.", rich_help_panel="Scores")
    ] = "shapes",
    runtime: cli.Runtime = "auto",
    threads: cli.Threads = 1,
    precision: cli.Precision = "float32",
    imgsz: Annotated[
        list[int] | None,
        typer.Option(
            help="Deployment image size in pixels, a multiple of 32. Several make it one more choice; the first is the "
            "stock model's.",
            show_default="320",
            rich_help_panel=cli.DEVICE,
        ),
    ] = None,
    max_latency: Annotated[
        float | None, typer.Option(help="Most latency in ms, one image.", rich_help_panel="Limits and objectives")
    ] = None,
    max_params: Annotated[
        int | None, typer.Option(help="Most parameters.", rich_help_panel="Limits and objectives")
    ] = None,
    max_macs: Annotated[
        int | None, typer.Option(help="Most multiply-adds of one image.", rich_help_panel="Limits and objectives")
    ] = None,
    max_size: Annotated[
        int | None,
        typer.Option(help="Most bytes of the deployed model's weights.", rich_help_panel="Limits and objectives"),
    ] = None,
    minimise: Annotated[
        str,
        typer.Option(
            help=f"What the front trades for the score: latency, or with {', '.join(MORE)} behind it.",
            rich_help_panel="Limits and objectives",
        ),
    ] = "latency",
    proxy: Annotated[
        str, typer.Option(help=f"How candidates are scored: {', '.join(PROXIES)}.", rich_help_panel="Scores")
    ] = "short",
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Steps that each candidate trains; more take longer and tell them apart better.",
            show_default=f"{PROXIES['short'].recipe.steps} for --proxy short",
            rich_help_panel="Scores",
        ),
    ] = None,
    rungs: Annotated[
        int,
        typer.Option(
            min=1,
            max=RUNGS,
            help=f"Rungs of training: the best go on to {FACTOR} times as many steps, and again; 1: nobody does. "
            f"Finalists on rung {RUNGS} are scored on the test split too, where the data has one.",
            rich_help_panel="Scores",
        ),
    ] = 1,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Trained template (a state dict) for proxies that need one.",
            show_default="trained first",
            rich_help_panel="Scores",
        ),
    ] = None,
    train_device: Annotated[
        str,
        typer.Option(
            help="Where candidates train: auto, cpu, cuda; on a cluster, auto is cpu.", rich_help_panel="Scores"
        ),
    ] = "auto",
    time_limit: Annotated[
        float | None,
        typer.Option(
            help="Minutes after which no more candidates are trained; signal and finalists follow.",
            rich_help_panel="Search",
        ),
    ] = None,
    start: Annotated[
        list[str] | None,
        typer.Option(
            help="Model YAML or architecture string to train first; may be repeated.",
            show_default=False,
            rich_help_panel="Search",
        ),
    ] = None,
    workers: Annotated[
        str,
        typer.Option(
            metavar="N|[N@]URL",
            help="Candidates trained at once; 0: one a core, at most 4. tcp://SCHEDULER:8786: on a cluster, as many as "
            "its workers (python -m nas.worker) take now, or N of them.",
            rich_help_panel=cli.CLUSTER,
        ),
    ] = "0",
    storage: Annotated[
        str | None,
        typer.Option(
            help="Where the study lies, such as postgresql+psycopg://USER@HOST/NAME; there it is called as the run's "
            "directory.",
            show_default="study.db in the run's directory",
            rich_help_panel=cli.CLUSTER,
        ),
    ] = None,
    tls_ca_file: cli.TlsCaFile = None,
    tls_cert: cli.TlsCert = None,
    tls_key: cli.TlsKey = None,
    candidate_limit: Annotated[
        float,
        typer.Option(
            min=0, help="Most seconds a candidate may train before it is killed; 0: no limit.", rich_help_panel="Scores"
        ),
    ] = 600.0,
    no_cache: Annotated[
        bool,
        typer.Option(
            "--no-cache",
            help="Train what an earlier run has trained in the same way already.",
            rich_help_panel="Scores",
        ),
    ] = False,
    sampler: Annotated[
        str, typer.Option(help=f"What suggests candidates: {', '.join(SAMPLERS)}.", rich_help_panel="Search")
    ] = "guided",
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything random.", rich_help_panel="Search")] = 0,
    table_file: cli.TableFile = None,
    rebuild_table: Annotated[
        bool, typer.Option("--rebuild-table", help="Measure the latency table anew.", rich_help_panel=cli.DEVICE)
    ] = False,
    force: cli.Force = False,
    out: Annotated[
        Path | None, typer.Option(help="Run directory.", show_default="runs/SPACE-DATA-N", rich_help_panel="Run")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.", rich_help_panel="Run")] = False,
) -> None:
    """Find YOLO detectors that are Pareto-optimal in accuracy and in latency measured on a device."""
    began = time.monotonic()
    if time_limit is not None and not time_limit > 0:
        raise InputError(f"--time-limit {time_limit}: must be above 0 minutes")
    limits = Limits(max_latency, max_params, max_macs, max_size)
    sizes = tuple(dict.fromkeys(imgsz or (320,)))
    check(budget, sizes, limits, proxy, sampler)
    at_once, address = read_workers(workers)
    minimised = minimised_costs(minimise)
    searched = load_space(space, sizes)
    check_size(searched, limits, minimised)
    train_on = train_device_of(train_device, address)
    if resume and rebuild_table:
        raise InputError("--rebuild-table: a run that is resumed keeps the latencies that it has; drop one of both")
    if resume and out is None:
        raise InputError("--resume: give the run's directory with --out")
    folder = out or next_folder(f"{searched.name}-{Path(data).parent.name if data != 'shapes' else data}")
    server = open_server(folder, storage, resume)
    make: dict[str, Any] = {"folder": folder / "proxy", "space": searched, "device": train_on}
    make |= weights_of(proxy, weights) | steps_of(proxy, steps)
    if is_here(device):
        choose(runtime, device, threads, precision)  # refuses what cannot be, before a data set is built
    scorer = PROXIES[proxy](data, **make)
    proxy_at = functools.cache(lambda rung, scale: at(scorer, rung, scale))
    if rungs == RUNGS:
        proxy_at(RUNGS, 1.0)  # refuses a test split that cannot be used, before anything is spent
    far = far_device(device, runtime, threads, address, Link(tls_ca_file, tls_cert, tls_key))
    if far is not None:
        for size in sizes:
            print(f"{device}: measuring what its table lacks at {size} px, on the worker of that name", flush=True)
            rows, whole = searched.rows(scorer.dataset.nc, size), searched.calibration(scorer.dataset.nc)
            far.table(rows, whole, size)
    try:
        latencies = open_table(device, runtime, threads, precision, table_file, rebuild_table, force)
        if not latencies.here:
            # Nothing can be measured for this table: what it lacks is refused now, before anything is spent.
            for size in sizes:
                latencies.ensure(searched.rows(scorer.dataset.nc, size))
                latencies.calibrate([], size)
    except AbsentDeviceError as error:
        if is_here(device):
            raise
        of = ["--space", space, "--nc", scorer.dataset.nc, "--runtime", runtime, "--threads", threads]
        kits = " and ".join(f"--imgsz {size}" for size in sizes)
        raise InputError(f"{error}; for this search, bundle with {shlex.join(map(str, of))} {kits}") from None
    known = tuple(member_of(searched, name, sizes, scorer.dataset.nc) for name in start or ())
    at_once = at_once or (held_workers(folder) if resume else 0)
    with Display() as display:
        link = Link(tls_ca_file, tls_cert, tls_key, display.say)
        crew, each = crew_of(at_once, address, link, scorer, make, candidate_limit or None, tested=rungs == RUNGS)
        cache = ScoreCache(scores_home(), lambda *of: proxy_at(*of).fingerprint, each)
        score = crew.score if no_cache else cached(crew.score, cache)
        facts: dict[str, Any] = {
            "options": {
                "device": device,
                "budget": budget,
                "space": searched.name,
                "data": data,
                "runtime": latencies.fingerprint["runtime"],
                "threads": threads,
                "precision": precision,
                "imgsz": list(sizes),
                "minimise": list(minimised),
                "proxy": proxy,
                "steps": scorer.recipe.steps if scorer.trains else None,
                "sampler": sampler,
                "rungs": rungs,
                "train_device": train_on,
                "workers": crew.count,
                **({"storage": server.name} if server else {}),
                "seed": seed,
                "start": [str(member) for member in known],
                **{f"max_{name}": value for name, value in asdict(limits).items()},
            },
            "hashes": {"space": searched.fingerprint, "data": scorer.dataset.fingerprint, "proxy": scorer.fingerprint},
            "latency": latencies.header.identity if latencies.forced else latencies.fingerprint,
            "data": scorer.dataset.note,
        }
        with open_run(folder, facts, resume) as run:
            # What was once forced stays so: the run keeps the figures of that time.
            run.save(forced=run.facts.get("forced") or latencies.forced)
            display.say(f"run directory {folder}; {scorer.dataset.note}")
            try:
                name = f"{searched.name}-{device}-{scorer.fingerprint[:8]}"
                if server is None:
                    study = open_study(run.storage, name, scorer.unit, minimised)
                else:
                    name, server.say = folder.name, display.say
                    study = open_study(server, name, scorer.unit, minimised)
                    run.keep_in(study)
                run.save(study=name)
                target = Target(latencies, scorer.dataset.nc, sizes, minimised, far)
                writer = StudyWriter(
                    study, folder, searched.stock(), target, lambda scale: proxy_at(1, scale), rungs, seed
                )
                driver = Driver(
                    study=study,
                    space=searched,
                    target=target,
                    score=score,
                    sampler=SAMPLERS[sampler](),
                    seed=seed,
                    budget=budget,
                    limits=limits,
                    workers=crew.count,
                    start=known,
                    until=began + 60 * time_limit if time_limit is not None else math.inf,
                    watcher=writer,
                )
                _search(run, driver, scorer, rungs, crew, display)
            except KeyboardInterrupt:
                run.save(status="interrupted")
                display.say(f"interrupted; continue with the same command and --out {folder} --resume")
                raise
            except SearchError as error:
                run.save(status="failed")
                cli.fail(str(error), 1)
            except Exception:
                run.save(status="failed")
                raise
            finally:
                crew.pause()


def _search(run: Run, driver: Driver, proxy: Proxy, rungs: int, crew: Executor, display: Display) -> None:
    """The phases of a run, from the table to the report."""
    target, latencies = driver.target, driver.target.table
    forced = run.facts["forced"]
    if forced:
        display.say(forced_warning(forced))
    with run.phase("table"):
        with display.bar(f"latency table {latencies.path.name}") as progress:
            rows = (driver.space.rows(target.nc, size) for size in target.sizes)
            latencies.ensure(itertools.chain.from_iterable(rows), progress)
        for size in target.sizes:
            with display.bar("calibration on whole models") as progress:
                latencies.calibrate(driver.space.calibration(target.nc), size, progress)
    if noisy := noise_warning(latencies):
        display.say(noisy)
    for line in reach(driver.space, target, driver.limits).lines():
        display.say(line)
    if left_out := driver.left_out():
        display.say(f"baselines left out, since they may take a fifth of the budget: {', '.join(map(str, left_out))}")
    with run.phase("proxy"), display.bar(f"proxy {proxy.name}") as progress:
        proxy.prepare(progress)
    trials = run.folder / "trials.csv"
    write_study(run.folder, ended=False, study=driver.study)

    known = records(driver.study)
    with stoppable(), run.phase("search"), display.trials(driver.budget, known, target.minimised) as live:

        def told(record: Record) -> None:
            live(record)
            known.append(record)
            write(trials, _csv(known, forced))

        display.say(f"search ended: {driver.run(told)}")
    ended, stock_name = records(driver.study), str(driver.space.stock())
    trained = sorted((row for row in ended if row.state == "trained"), key=lambda row: row.arch != stock_name)
    with stoppable(), run.phase("signal"), display.bar("how far scores can be trusted") as progress:
        signal = measure_signal(trained, chosen(trained), driver.score, target, driver.seed, progress)
    with stoppable(), run.phase("rungs"), display.bar("the best trained longer") as progress:
        standings = climb(
            driver.study, trained, driver.score, target, driver.seed, progress, rungs, driver.watcher, driver.limits
        )
        write(trials, _csv(records(driver.study), forced))
    crew.pause()
    whole = ", measured whole" if latencies.here or target.far is not None else ""
    with run.phase("measuring"), display.bar(f"finalists{whole}") as progress:
        finalists = measure(standings, stock_name, target, progress)
    front, stock, others = front_of(finalists, driver.limits, target.minimised)
    longer = f"--steps {2 * proxy.recipe.steps} trains each candidate twice as long" if proxy.trains else ""
    mend = "" if signal.tells_apart else longer
    trust = "; ".join(filter(None, (str(signal), mend, noise(standings))))
    unit = UNIT if rungs > 1 else proxy.unit
    write_front(run.folder, front, target.nc, unit, forced)
    write_rows(run.folder, finalists, target)
    run.save(
        nc=target.nc,
        unit=unit,
        finalists=[asdict(finalist) for finalist in (*front, *others)],
        baselines=_baselines(driver, ended),
        stock=asdict(stock),
        table={"path": str(latencies.path.resolve()), **asdict(latencies.header)},
        signal={**asdict(signal), "tells_apart": signal.tells_apart, "text": trust},
        status="finished",
    )
    with run.phase("report"):
        write_report(run.folder)
        write_study(run.folder, study=driver.study)
    note = unmeasured(run.folder, forced) if stock.latency_ms is None else ""
    shown = result_table(front, stock, unit, note, target.minimised, target.sizes)
    if not signal.tells_apart:
        shown.title = Text(f"NO front, since scores are noise; {note or 'measured whole on the device'}")
    if forced:
        shown.title = Text(f"{shown.title}; by --force of a table that does not fit this device")
    display.show(shown)
    display.say(trust)
    display.say(note or promises(front, driver.limits))
    if forced:
        display.say(forced_warning(forced))
    display.say(f"models in {run.folder / 'pareto'}, report in {run.folder / 'report.html'}")


def _baselines(driver: Driver, ended: Sequence[Record]) -> dict[str, list[str]]:
    """Which of what a search starts from were asked for, and which this one's budget did not hold."""
    known, there = map(str, (*driver.baselines(), *driver.left_out())), {row.arch for row in ended}
    asked = {name: name in there for name in known}
    return {"asked": [n for n, was in asked.items() if was], "left_out": [n for n, was in asked.items() if not was]}


def _csv(rows: Sequence[Record], forced: str) -> str:
    """trials.csv, with a column ``forced`` where the latencies are of a table that does not fit: what speaks against
    it."""
    frame = table(rows)
    return str((frame.assign(forced=forced) if forced else frame).to_csv(index=False))


if __name__ == "__main__":
    cli.run(lambda: app(standalone_mode=False))
