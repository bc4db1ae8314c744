"""Phases of a search, in the order in which `nas.search.pipeline.run_search` calls them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

from nas.files import write
from nas.interrupts import stoppable
from nas.latency.builder import TableBuilder
from nas.latency.header import calibration_mark
from nas.latency.hints import command_words
from nas.latency.notices import forced_warning, noise_warning
from nas.plurals import counted
from nas.proxies.rungs import AP_UNIT, RUNGS
from nas.reports.study_summary import write_study
from nas.reports.writing import write_report
from nas.runs.finalists import Finalist, Front, write_front
from nas.runs.next_commands import resume_command
from nas.runs.record import Baselines, RunResult, RunStatus, TableSnapshot
from nas.runs.row_costs import write_rows
from nas.runs.score_noise import ScoreNoise
from nas.runs.size_curve import SizePoint, write_curve
from nas.runs.trials import TrialRecord, read_trials, trials_frame
from nas.search.driver import Driver
from nas.search.feasibility import check_feasibility, check_hopeless, predicts
from nas.search.finalists import measure_finalists
from nas.search.halving import Halving, Standing, finalists_noise
from nas.search.pretrained_phases import keep_supernet, teacher_record
from nas.search.score_noise import advice, measure_score_noise, repeated_trials
from nas.search.session import Session


@dataclass(frozen=True)
class Candidates:
    """Trained candidates of a search.

    Attributes:
        trained: Trials that were trained; the stock model comes first.
        all: All trials of the study.
    """

    trained: list[TrialRecord]
    all: list[TrialRecord]


def measure_table(session: Session) -> None:
    """Measure what the latency table lacks for the search space, and calibrate it at each image size."""
    run, plan, target, space = session.run, session.plan, session.target, session.plan.space
    if run.record.forced:
        session.reporter.say(forced_warning(run.record.forced))
    with run.phase("table"):
        if plan.builder is not None:
            _check_latency_first(session, plan.builder)
            with session.reporter.bar(f"latency table {plan.table.path.name}") as progress:
                rows = (space.rows(target.nc, size) for size in target.sizes)
                plan.builder.ensure(itertools.chain.from_iterable(rows), progress)
            for size in target.sizes:
                with session.reporter.bar("calibration on complete models") as progress:
                    plan.builder.calibrate(space.calibration(target.nc), size, progress)
    predicted = (row for size in target.sizes for row in space.rows(target.nc, size))
    if noisy := noise_warning(plan.table, predicted, *command_words([space], target.sizes, target.nc)):
        session.reporter.say(noisy)


def _check_latency_first(session: Session, builder: TableBuilder) -> None:
    """Measure a few members before the rest of a table, and refuse a limit on latency that is out of the question."""
    plan, target, limits = session.plan, session.target, session.run.config.limits
    members = [plan.space.smallest(), plan.space.stock()]
    if limits.latency is None or predicts(target, members):
        return
    with session.reporter.bar("latency of the smallest and the stock model") as progress:
        for size in target.sizes:
            fitted = plan.space.calibration(target.nc)
            detectors = [*map(target.detector, members), *fitted]
            builder.ensure(itertools.chain.from_iterable(detector.resolve(size) for detector in detectors), progress)
            builder.calibrate(fitted, size)
    check_hopeless(plan.space, session.target, limits, members)


def report_feasibility(session: Session) -> None:
    """Refuse limits that no model of the space meets; report limits and baselines."""
    config, reporter = session.run.config, session.reporter
    for line in check_feasibility(session.plan.space, session.target, config.limits).lines():
        reporter.say(line)
    driver = session.driver
    if left_out := driver.left_out():
        needed = 5 * (len(driver.baselines()) + len(left_out))
        them = "it" if len(left_out) == 1 else "them"
        reporter.say(
            f"{counted(len(left_out), 'baseline')} skipped (at most 20 % of the budget); a budget of {needed} includes "
            f"{them}, and the report lists {them}"
        )


def prepare_proxy(session: Session) -> None:
    """Prepare the proxy, and describe the run in its study."""
    proxy = session.plan.proxy
    with session.run.phase("proxy"), session.reporter.bar(f"proxy {proxy.name}") as progress:
        proxy.prepare(progress, _half_way(session))
    keep_supernet(session)
    write_study(session.run.folder, ended=False, study=session.study)


def _half_way(session: Session) -> float:
    """The time at which what precedes the search should end: half of the time limit is left for candidates."""
    now = time.monotonic()
    return now + max(0.0, session.deadline - now) / 2


def search_candidates(session: Session) -> Candidates:
    """Ask for candidates and train them until the budget is spent."""
    run, reporter, driver = session.run, session.reporter, session.driver
    known = read_trials(session.study)
    with stoppable(), run.phase("search"), _trials(session, driver, known) as show:

        def ended(trial: TrialRecord) -> None:
            show(trial)
            known.append(trial)
            _write_trials(session, known)
            session.loggers.trial(trial)

        reporter.say(f"search ended: {driver.run(ended)}")
        if time.monotonic() >= driver.until and sum(row.trained for row in known) < driver.budget:
            reporter.say(f"to train the rest later: {resume_command(run.folder)} --time-limit MINUTES")
    trials, stock = read_trials(session.study), str(session.plan.space.stock())
    trained = sorted((row for row in trials if row.trained), key=lambda row: row.arch != stock)
    return Candidates(trained, trials)


def _trials(
    session: Session, driver: Driver, known: Sequence[TrialRecord]
) -> AbstractContextManager[Callable[[TrialRecord], None]]:
    """The reporter of trials; it says where their architectures are."""
    session.reporter.say(f"architectures of the trials: {session.run.folder / 'trials.csv'}")
    return session.reporter.trials(driver.budget, known, driver.target.minimize, driver.workers)


def measure_noise(session: Session, candidates: Candidates) -> ScoreNoise:
    """Train some candidates again with another seed."""
    title = "score noise: candidates trained again with another seed"
    with stoppable(), session.run.phase("score_noise"), session.reporter.bar(title) as progress:
        seed, is_ap = session.run.config.seed, session.plan.proxy.trains
        again = repeated_trials(candidates.trained)
        return measure_score_noise(
            candidates.trained, again, session.score, session.target, seed, progress, is_ap=is_ap
        )


def halve_candidates(session: Session, candidates: Candidates) -> list[Standing]:
    """Train the best candidates longer, until the finalists are left."""
    config = session.run.config
    title = "best candidates train longer" if config.rungs > 1 else "finalists are chosen"
    halving = Halving(
        study=session.study,
        score=session.score,
        target=session.target,
        seed=config.seed,
        rungs=config.rungs,
        observer=session.observer,
        limits=config.limits,
    )
    with (
        stoppable(),
        session.run.phase("halving"),
        session.reporter.bar(title) as progress,
    ):
        standings = halving.run(candidates.trained, progress)
        _write_trials(session, read_trials(session.study))
    session.executor.pause()
    return standings


def measured_finalists(session: Session, standings: Sequence[Standing]) -> list[Finalist]:
    """Measure the finalists end-to-end where the device can be reached."""
    target, stock = session.target, str(session.plan.space.stock())
    measurable = session.plan.builder is not None or session.plan.remote is not None
    title = f"finalists{', measured end-to-end' if measurable else ''}"
    with session.run.phase("finalists"), session.reporter.bar(title) as progress:
        return measure_finalists(standings, stock, session.plan, target, progress)


def write_result(
    session: Session,
    candidates: Candidates,
    noise: ScoreNoise,
    standings: Sequence[Standing],
    front: Front,
    curve: tuple[SizePoint, ...] = (),
) -> None:
    """Write the front, the record and the report."""
    run, target, table = session.run, session.target, session.plan.table
    unit = AP_UNIT if run.config.rungs > 1 else session.plan.proxy.unit
    write_front(run.folder, front.models, target.nc, unit, data=run.config.data, forced=run.record.forced)
    write_curve(run.folder, curve)
    write_rows(run.folder, (*front.models, *front.others), target)
    result = RunResult(
        nc=target.nc,
        unit=unit,
        finalists=(*front.models, *front.others),
        stock=front.stock,
        baselines=_baselines(session, candidates),
        table=TableSnapshot(path=str(table.path.resolve()), header=_used_header(session)),
        score_noise=noise,
        trust=_trust(session, noise, standings),
        curve=curve,
        teacher=teacher_record(session, curve),
    )
    run.save(result=result, status=RunStatus.FINISHED)
    with run.phase("report"):
        write_report(run.folder, session.study)
        write_study(run.folder, study=session.study)
    session.loggers.front(run)


def _used_header(session: Session) -> dict[str, Any]:
    """The table's header as JSON, with the marks of the entries that this space needs."""
    target, table = session.target, session.plan.table
    rows = (row for size in target.sizes for row in session.plan.space.rows(target.nc, size))
    marks = {key.mark for key in table.noisy(rows)} | {calibration_mark(size) for size in target.sizes}
    noisy = table.header.noisy
    return asdict(table.header) | {"noisy": None if noisy is None else [mark for mark in noisy if mark in marks]}


def _trust(session: Session, noise: ScoreNoise, standings: Sequence[Standing]) -> str:
    """The score noise in words, with advice where the scores cannot tell candidates apart."""
    hint = advice(noise, session.plan.proxy, session.run.config.imgsz[0])
    return " ".join(filter(None, (str(noise), hint, finalists_noise(standings))))


def _baselines(session: Session, candidates: Candidates) -> Baselines:
    driver, there = session.driver, {row.arch for row in candidates.all}
    known = [str(member) for member in (*driver.baselines(), *driver.left_out())]
    asked = tuple(name for name in known if name in there)
    return Baselines(asked=asked, left_out=tuple(name for name in known if name not in there))


def _write_trials(session: Session, trials: Sequence[TrialRecord]) -> None:
    """Write trials.csv; a run with a forced table has a column that gives the reason."""
    frame, forced = trials_frame(trials, RUNGS), session.run.record.forced
    frame = frame.assign(forced=forced) if forced else frame
    write(session.run.folder / "trials.csv", str(frame.to_csv(index=False)))
