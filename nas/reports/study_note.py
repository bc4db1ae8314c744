"""Note of a study, as Markdown: how to read it, its baselines and its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.latency.notices import forced_warning
from nas.objectives.costs import COSTS
from nas.plurals import counted
from nas.reports.markdown import markdown_table, millions
from nas.reports.report_text import sentence
from nas.reports.run_data import processor
from nas.runs.finalists import Finalist
from nas.runs.gains import headline
from nas.runs.record import RunResult
from nas.runs.run import Run
from nas.runs.trials import TrialRecord

_LIMIT_UNITS = {"latency": " ms", "size": " bytes"}


@dataclass(frozen=True)
class StudyLinks:
    """Addresses inside optuna-dashboard.

    Attributes:
        trials: Address of a trial's page, without its number.
        files: Addresses of the study's files by name.
    """

    trials: str
    files: Mapping[str, str]

    def trial(self, number: int) -> str:
        """A link to a trial."""
        return f"[{number}]({self.trials}{number})"


def study_note(run: Run, unit: str, rows: Sequence[TrialRecord], links: StudyLinks, ended: bool) -> str:
    """The note.

    Args:
        run: The run.
        unit: Unit of the scores on the first rung.
        rows: The trials.
        links: Addresses of trials and files.
        ended: True to add the run's results.
    """
    lines = [*_conditions(run, unit), "", *_guide(run)]
    result = run.record.result
    if result is not None:
        table = _baseline_table(result.baselines.asked, rows, links)
        lines += ["", "## Baselines", "", table]
    if result is not None and ended:
        beside = [first, ""] if (first := headline(run)) else []
        lines += ["## Results", "", *beside, sentence(result.trust), "", _result_table(result, rows, links)]
    return "\n".join(lines) + "\n"


def _conditions(run: Run, unit: str) -> list[str]:
    config, record = run.config, run.record
    costs = ", ".join(COSTS[name].objective for name in config.minimize)
    limits = [
        f"{COSTS[name].heading} {value:,}{_LIMIT_UNITS.get(name, '')}"
        for name, value in vars(config.limits).items()
        if value is not None
    ]
    sizes = " or ".join(map(str, config.imgsz))
    lines = [
        f"# {record.space} on {processor(record.fingerprint)}",
        "",
        f"Candidates of the space `{record.space}`. Maximized: {unit} on `{config.data}`. Minimized: {costs}. "
        f"Deployment: {record.fingerprint['runtime']} with {counted(config.threads, 'thread')}, one image of {sizes} "
        f"px. Limits: {', '.join(limits) or 'none'}. Budget: {counted(config.budget, 'training')}. Seed: "
        f"{config.seed}.",
    ]
    return [*lines, "", f"**{forced_warning(record.forced)}**"] if record.forced else lines


def _guide(run: Run) -> list[str]:
    return [
        "## How to read this study",
        "",
        "* **Pareto front** (Analytics): every point was trained for a short time by the proxy "
        f"`{run.config.proxy}`. Scores rank the candidates of this run. Full training reaches much higher values.",
        "* **Pruned** trials are over a limit and were not trained; their notes say by how much. Baselines are trained "
        "even if they are over a limit. `python -m nas.dashboard` draws them as infeasible. *Best Trial* ignores "
        "limits.",
        "* A **trial** shows its operators stage by stage, its YAML, a drawing of the network, its training curve and "
        "its detections. A trial with `duplicate_of` repeats another one.",
        "* Latencies in this study are **predicted** by the table. The finalists are measured end-to-end after the "
        "search.",
        "",
        "To continue after an interruption, or with a larger `--budget`, repeat the command that started the run, with "
        f"`--out {run.folder} --resume`.",
    ]


def _baseline_table(asked: Sequence[str], rows: Sequence[TrialRecord], links: StudyLinks) -> str:
    """The stock model and hand-made models, with their scores of the first rung."""
    lines: list[tuple[str, ...]] = []
    for row in rows:
        if row.arch in asked and row.trained:
            costs = f"{row.latency_ms:.2f}", f"{row.params:,}", millions(row.macs or 0)
            operators = dict.fromkeys(choice.operator.replace("_", " ") for choice in row.architecture.backbone)
            size = f", {row.architecture.imgsz} px" if row.architecture.imgsz else ""
            name = f"{' and '.join(operators)}{size}{'' if lines else ' (stock)'}"
            lines.append((links.trial(row.number), f"{row.score:.4f}", *costs, name))
    return markdown_table((">trial", ">score", ">ms", ">params", ">MACs", "operators"), lines)


def _result_table(result: RunResult, rows: Sequence[TrialRecord], links: StudyLinks) -> str:
    """The front and the stock model."""
    numbers = {row.arch: row.number for row in rows if row.trained}
    front = result.front
    models = front if result.stock in front else [*front, result.stock]
    lines = [_result_line(model, links.trial(numbers[model.arch]), links.files) for model in models]
    figure = ">AP" if result.trained else ">score"
    headings = ("model", ">trial", figure, ">ms, measured", ">predicted", ">params", ">MACs", "limits met", "")
    text = markdown_table(headings, lines)
    report = links.files.get("report.html")
    return f"{text}\n[The report]({report})\n" if report else text


def _result_line(model: Finalist, trial: str, files: Mapping[str, str]) -> tuple[str, ...]:
    yaml = f"{model.name}.yaml"
    return (
        f"{model.label}, not on the front" if model.rejected else model.label,
        trial,
        f"{model.accuracy:.4f}",
        f"{model.latency_ms:.2f}" if model.latency_ms is not None else "-",
        f"{model.latency_predicted_ms:.2f}",
        f"{model.params:,}",
        millions(model.macs),
        model.budgets_kept,
        f"[YAML]({files[yaml]})" if yaml in files else "",
    )
