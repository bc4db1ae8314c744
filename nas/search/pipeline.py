"""The pipeline of a search: its phases, one after the other."""

from __future__ import annotations

import multiprocessing
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from nas.config import SearchConfig
from nas.runs.finalists import Finalist, front_of
from nas.runs.finishing import Finished, finish_model
from nas.runs.run import Run
from nas.runs.score_noise import ScoreNoise
from nas.search.phases import (
    halve_candidates,
    measure_noise,
    measure_table,
    measured_finalists,
    prepare_proxy,
    report_feasibility,
    search_candidates,
    write_result,
)
from nas.search.plan import plan_search
from nas.search.pretrained_phases import prepare_teacher, trace_size_curve, train_finalists
from nas.search.reporter import SearchReporter, TerminalSearchReporter
from nas.search.session import open_session


@dataclass(frozen=True)
class SearchResult:
    """Result of a search.

    Attributes:
        run: The run directory.
        front: Models of the Pareto front, fastest first.
        stock: The stock model, measured in the same way.
        score_noise: Spread of the scores between candidates and between seeds.
        finished: The recommended model, trained and measured, where the search was asked to finish it.
    """

    run: Run
    front: list[Finalist]
    stock: Finalist
    score_noise: ScoreNoise
    finished: Finished | None = None


def run_search(config: SearchConfig, reporter: SearchReporter | None = None) -> SearchResult:
    """Search for detectors that are Pareto-optimal in accuracy and in latency on a device.

    The search writes into its run directory as it goes. Ctrl-C stops it; the same config with ``resume=True`` and the
    run directory as ``out`` continues it.

    Args:
        config: Options of the search.
        reporter: Shows messages and progress; the terminal by default.

    Raises:
        ConfigError: An option or the run directory cannot be used.
        DataError: The data set cannot be used.
        TableError: The latency table or the runtime cannot be used.
        SearchError: The search cannot go on; resume it after the cause is removed.
        KeyboardInterrupt: Ctrl-C was pressed; the run directory keeps the results.
        RuntimeError: A script calls this function without ``if __name__ == "__main__":``. Candidates train in child
            processes, and each of them imports the script.

    Example:
        >>> result = run_search(SearchConfig(data="my-data/data.yaml", budget=50, max_latency=40))
        >>> for model in result.front:
        ...     print(model.name, model.score, model.latency_ms, model.yaml)
    """
    _check_main_guard()
    began = time.monotonic()
    with _shown(reporter) as shown:
        plan = plan_search(config, shown)
        with open_session(plan, shown, began) as session:
            measure_table(session)
            report_feasibility(session)
            prepare_teacher(session)
            prepare_proxy(session)
            candidates = search_candidates(session)
            noise = measure_noise(session, candidates)
            standings = halve_candidates(session, candidates)
            finalists = measured_finalists(session, standings)
            curve = trace_size_curve(session)
            front = front_of(train_finalists(session, finalists), config.limits, config.minimize)
            write_result(session, candidates, noise, standings, front, curve)
            run = Run(session.run.folder, session.run.record)
        finished = None if config.finish is None else _finished(run, config.finish, shown)
    return SearchResult(run, run.front, run.stock, noise, finished)


def _finished(run: Run, epochs: int, reporter: SearchReporter) -> Finished | None:
    """Finish the recommended model, if there is one."""
    reporter.say(f"models in {run.folder / 'pareto'}, report in {run.folder / 'report.html'}")
    if not run.front:
        reporter.say("no model meets the limits, so none is trained")
        return None
    model, reason = run.pick()
    reporter.say(f"recommended: {model.label}, {reason}")
    return finish_model(run, model, reporter, epochs=epochs)


def _shown(reporter: SearchReporter | None) -> AbstractContextManager[SearchReporter]:
    return TerminalSearchReporter() if reporter is None else nullcontext(reporter)


def _check_main_guard() -> None:
    """Raise RuntimeError in a child process that imports an unguarded script."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        guard = 'if __name__ == "__main__":'
        raise RuntimeError(f"a training process imports this script; put the call of nas.run_search below `{guard}`")
