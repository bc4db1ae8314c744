"""Session of a search: its run directory, study, executor and driver, open while the phases run."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import optuna

from nas.errors import SearchError
from nas.execution.executors import Executor
from nas.execution.score import Score
from nas.execution.score_cache import ScoreCache, cached
from nas.files import scores_home
from nas.objectives.target import Target
from nas.proxies.fidelity import with_fidelity
from nas.reports.study_writer import StudyWriter
from nas.runs.directory import TRIALS, RunDirectory, open_run
from nas.runs.next_commands import report_command, resume_command
from nas.runs.observer import TrialObserver
from nas.runs.record import Hashes, RunRecord, RunStatus
from nas.runs.run import STUDY_FILE
from nas.runs.study import open_study
from nas.runs.study_file import StudyFile
from nas.search.data_files import write_data_files
from nas.search.driver import Driver
from nas.search.plan import SearchPlan
from nas.search.reporter import SearchReporter
from nas.search.run_loggers import RunLoggers, open_loggers
from nas.search.samplers import SAMPLERS


@dataclass(frozen=True)
class Session:
    """Shared state of the phases of a search.

    Attributes:
        plan: The plan.
        run: The run directory.
        study: The Optuna study.
        score: Trains candidates, or reads their scores from the cache.
        executor: Owns the training processes.
        observe: Makes the observer that shows trials in the study.
        loggers: Record trials and front in experiment trackers.
        reporter: Shows progress.
        deadline: Time of `time.monotonic` after which no further candidate is trained.
    """

    plan: SearchPlan
    run: RunDirectory
    study: optuna.Study
    score: Score
    executor: Executor
    observe: Callable[[Target], TrialObserver]
    loggers: RunLoggers
    reporter: SearchReporter
    deadline: float

    @property
    def target(self) -> Target:
        """The deployment target, with the latency table as it is now."""
        config = self.plan.config
        return Target(self.plan.table, self.plan.proxy.dataset.nc, config.imgsz, config.minimize)

    @property
    def observer(self) -> TrialObserver:
        """Shows trials in the study."""
        return self.observe(self.target)

    @property
    def driver(self) -> Driver:
        """The driver of the search."""
        config = self.run.config
        return Driver(
            study=self.study,
            space=self.plan.space,
            target=self.target,
            score=self.score,
            sampler=SAMPLERS[config.sampler](),
            seed=config.seed,
            budget=config.budget,
            limits=config.limits,
            workers=self.executor.count,
            start=self.plan.start,
            until=self.deadline,
            observer=self.observer,
        )


@contextmanager
def open_session(plan: SearchPlan, reporter: SearchReporter, began: float) -> Iterator[Session]:
    """Open the run directory, the study and the executor. The run's status tells how the block ended.

    Args:
        plan: The plan.
        reporter: Shows progress.
        began: Time of `time.monotonic` at which the search began.
    """
    config = plan.config
    proxy_at = functools.cache(lambda rung, scale: with_fidelity(plan.proxy, rung, scale))
    executor, threads = plan.executor(reporter.say)
    cache = ScoreCache(scores_home(), lambda rung, scale: proxy_at(rung, scale).fingerprint, threads)
    limit = config.time_limit
    with open_run(plan.folder, _record(plan, executor.count), config.resume) as run, _status(run, executor, reporter):
        # A run keeps the latencies that it once had, and the reason why they were forced.
        run.save(forced=run.record.forced or plan.table.forced)
        reporter.say(f"run directory {plan.folder}; {plan.proxy.dataset.note}")
        write_data_files(plan.folder, plan.proxy.dataset.source, plan.skipped, reporter.say)
        study = _open_study(plan, run, reporter)

        def observe(target: Target) -> StudyWriter:
            stock = plan.space.stock()
            return StudyWriter(
                study, plan.folder, stock, target, lambda scale: proxy_at(1, scale), config.rungs, config.seed
            )

        with open_loggers(config.logger, run, study, reporter.say) as loggers:
            yield Session(
                plan=plan,
                run=run,
                study=study,
                score=cached(executor.score, cache) if config.cache else executor.score,
                executor=executor,
                observe=observe,
                loggers=loggers,
                reporter=reporter,
                deadline=math.inf if limit is None else began + 60 * limit,
            )


def _record(plan: SearchPlan, workers: int) -> RunRecord:
    """The record of a new run."""
    config, table, address = plan.config, plan.table, plan.config.worker_count.address
    changes = {
        "workers": f"{workers}@{address}" if address else str(workers),
        "storage": None if plan.server is None else plan.server.name,
        **{"out": None, "resume": False, "rebuild_table": False},
    }
    return RunRecord(
        status=RunStatus.RUNNING,
        config=config.updated(changes),
        space=plan.space.name,
        hashes=Hashes(space=plan.space.fingerprint, data=plan.proxy.dataset.fingerprint, proxy=plan.proxy.fingerprint),
        fingerprint=table.header.identity if table.forced else table.fingerprint,
        data_note=plan.proxy.dataset.note,
    )


def _open_study(plan: SearchPlan, run: RunDirectory, reporter: SearchReporter) -> optuna.Study:
    config, unit = plan.config, plan.proxy.unit
    if plan.server is None:
        name = f"{plan.space.name}-{config.device}-{plan.proxy.fingerprint[:8]}"
        study = open_study(StudyFile(run.folder / STUDY_FILE, reporter.say), name, unit, config.minimize)
    else:
        name, plan.server.say = plan.folder.name, reporter.say
        study = open_study(plan.server, name, unit, config.minimize)
        run.copy_to(study)
    run.save(study=name)
    return study


@contextmanager
def _status(run: RunDirectory, executor: Executor, reporter: SearchReporter) -> Iterator[None]:
    """Record how the search ended, and end the trainings."""
    try:
        yield
    except KeyboardInterrupt:
        run.save(status=RunStatus.INTERRUPTED)
        if (run.folder / TRIALS).exists():
            reporter.say(f"the results so far: {report_command(run.folder)}")
        reporter.say(f"interrupted; continue with {resume_command(run.folder)}")
        raise
    except SearchError:
        run.save(status=RunStatus.FAILED)
        reporter.say(f"after the cause of the error is removed, continue with {resume_command(run.folder)}")
        raise
    except Exception:
        run.save(status=RunStatus.FAILED)
        raise
    finally:
        executor.pause()
