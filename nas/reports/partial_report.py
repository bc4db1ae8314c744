"""Partial report: the trials so far of a run that has not reached its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.errors import ConfigError
from nas.objectives.costs import COSTS
from nas.objectives.pareto import pareto
from nas.plurals import counted
from nas.proxies.registry import score_unit
from nas.reports.colors import BLUE, GREY, VERMILION
from nas.reports.plots import Plot, model_series
from nas.reports.plotting import draw
from nas.reports.run_data import processor
from nas.reports.templating import Figure, write_page
from nas.runs.next_commands import resume_command
from nas.runs.run import Run
from nas.runs.trials import TrialState, short_id

if TYPE_CHECKING:
    import pandas as pd


def write_partial_report(run: Run) -> Path:
    """Write partial-report.html: the candidates so far, with predicted latencies and scores of the first rung.

    Args:
        run: A run that is not finished.

    Returns:
        The page.

    Raises:
        ConfigError: No trial of the run has ended yet.
    """
    path = run.folder / "partial-report.html"
    if not (run.folder / "trials.csv").is_file():
        hint = f"continue it with {resume_command(run.folder)}"
        raise ConfigError("no trial has ended yet, so there is nothing to report", file=run.folder, hint=hint)
    trials = run.table("trials")
    trained = trials[trials.state == TrialState.TRAINED.value]
    front = front_so_far(run, trained)
    write_page(
        path,
        "partial.html",
        title=f"{run.record.space} on {processor(run.record.fingerprint)}",
        notice=partial_notice(run, len(trained)),
        command=resume_command(run.folder),
        figure=_figure(run, trained, front),
        front=_front_frame(front),
        states=trials.state.value_counts().rename_axis("state").reset_index(name="trials"),
        folder=run.folder,
    )
    return path


def partial_notice(run: Run, trained: int) -> str:
    """The state of a run that is not finished, in words.

    Args:
        run: The run.
        trained: Number of trained candidates.
    """
    of = f"{trained} of {counted(run.config.budget, 'candidate')}"
    return f"Partial report: this run is {run.record.status.value}, with {of} trained. Latencies are predicted"


def front_so_far(run: Run, trained: pd.DataFrame) -> pd.DataFrame:
    """Trained candidates on the Pareto front so far, fastest first, without those over a limit.

    Args:
        run: The run.
        trained: Rows of trials.csv.
    """
    limits = run.config.limits
    columns = {name: COSTS[name].column for name in COSTS}
    costs = [{name: row[column] for name, column in columns.items()} for row in trained.to_dict("records")]
    within = trained[[limits.met_by(own) for own in costs]]
    points = within[["score", *(columns[name] for name in run.config.minimize)]].to_numpy(float)
    return within.iloc[pareto([tuple(point) for point in points])]


def _front_frame(front: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    scaled = {
        f"{kind.heading}, {kind.unit}": front[kind.column] * kind.factor
        for name, kind in COSTS.items()
        if name != "latency"
    }
    return pd.DataFrame(
        {
            "trial": front.number.astype(str),
            "model": front.arch.map(short_id),
            "score": front.score,
            "predicted, ms": front.latency_ms,
            **scaled,
            "architecture": front.arch,
        }
    )


def _figure(run: Run, trained: pd.DataFrame, front: pd.DataFrame) -> Figure:
    stock = trained[trained.number == 0]
    series = [
        model_series("trained", trained.latency_ms, trained, GREY, 7, "circle-open"),
        model_series("Pareto front so far", front.latency_ms, front, BLUE, 10, "circle"),
        model_series("stock", stock.latency_ms, stock, VERMILION, 15, "star"),
    ]
    plot = Plot(series, "predicted latency, ms", f"{score_unit(run.config.proxy)}, rung 1", 480)
    alt = f"Score against predicted latency of {counted(len(trained), 'trained candidate')}. trials.csv has all values."
    return Figure("partial-plot", draw(plot), "All trained candidates with their scores of the first rung.", alt)
