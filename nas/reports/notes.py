"""Notes of a study and of its trials, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.detectors.costs import row_cost
from nas.latency.notices import forced_warning
from nas.objectives.costs import COSTS
from nas.objectives.target import Target
from nas.operators.base import total
from nas.runs.finalists import Finalist
from nas.runs.row_costs import part_names
from nas.runs.trials import TrialRecord as Record
from nas.spaces.architecture import Architecture, decode

STAGES = "| stage |"
"""Where the table of a trial's note begins."""
Link = Callable[[int], str]
"""The address of a trial's page, by its number."""


def trial_note(member: Architecture, stock: Architecture, target: Target, over: Mapping[str, float]) -> str:
    """Stage by stage what a candidate is made of and costs, what stands there in the stock model, and by how much it
    lies over (or under) its limits, as shares of these."""
    detector, imgsz = target.detector(member), target.imgsz(member)
    rows, predicted = list(detector.resolve(imgsz)), target.table.predict(detector, imgsz)
    parts = part_names(member, detector)

    def figures(numbers: Sequence[int]) -> tuple[str, str, str]:
        params, macs, *_ = total(row_cost(rows[number]) for number in numbers)
        return f"{params:,}", _millions(macs), f"{sum(predicted.rows[number] for number in numbers):.2f}"

    lines = []
    for name, choice in member.spelled.items():
        numbers, usual = [number for number, part in enumerate(parts) if part == name], stock.stages[name]
        there = "same" if choice == usual else " ".join(str(usual).split("_"))
        operator = choice.operator.replace("_", " ")
        lines.append((name, operator, str(choice.depth), str(choice.channels), *figures(numbers), there))
    left = [number for number, part in enumerate(parts) if part not in member.spelled]
    lines.append(("rest", "all others" if member.neck else "stem, neck, head", "", "", *figures(left), "same"))
    costs, of_stock = target.costs(member), target.costs(stock)
    whole = f"{costs['params']:,.0f}", _millions(costs["macs"]), f"{costs['latency']:.2f}"
    lines.append(("**all**", f"at {imgsz} px", "", "", *whole, ""))
    headings = ("stage", "operator", ">depth", ">channels", ">params", ">MACs", ">ms", "in the stock model")
    text = _table(headings, lines)
    if member != stock:
        shares = (f"{COSTS[name].heading} {costs[name] / of_stock[name] - 1:+.1%}" for name in COSTS)
        text += f"\nAgainst the stock model: {', '.join(shares)}.\n"
    if over:
        told = (f"{name} {abs(share):.1%} {'over' if share > 0 else 'under'}" for name, share in over.items())
        text += f"\nIts limits: {', '.join(told)}.\n"
    return text


def finalist_note(finalist: Finalist, unit: str, pictures: Mapping[str, str]) -> str:
    """What became of a finalist: its scores by longer training, its measured latency, its place on the front;
    ``pictures`` are addresses by what they show."""
    where = f"is **{finalist.name}** on the front" if finalist.name and not finalist.rejected else "fell out"
    why = f": {finalist.rejected}" if finalist.rejected else ""
    measured = (
        f"measured {finalist.latency_ms:.2f} ± {finalist.latency_spread_ms:.2f} ms"
        if finalist.latency_ms is not None
        else "not measured"
    )
    sd = f" ± {finalist.score_sd:.4f}" if finalist.score_sd is not None else ""
    test = f", on the test split {finalist.test_score:.4f}" if finalist.test_score is not None else ""
    lines = [
        f"**Finalist.** It {where}{why}. {unit} {finalist.score:.4f}{sd} ({finalist.score_n} training"
        f"{'s' if finalist.score_n > 1 else ''}){test}; {measured}, predicted {finalist.latency_predicted_ms:.2f} ms.",
        *(f"\n![{what}]({address})\n\n{what}" for what, address in pictures.items()),
    ]
    return "\n".join(lines) + "\n"


def study_note(
    folder: Path, facts: Mapping[str, Any], unit: str, rows: Sequence[Record], link: Link, files: Mapping[str, str]
) -> str:
    """What a study is, how to read and how to resume it; at the end of a run what was found, too. ``unit`` is that of
    the scores, ``files`` are addresses by name."""
    options = facts["options"]
    costs = ", ".join(COSTS[name].objective for name in options["minimise"])
    limits = [f"--max-{name} {options[f'max_{name}']:,}" for name in COSTS if options.get(f"max_{name}") is not None]
    sizes = " or ".join(map(str, options["imgsz"]))
    lines = [
        f"# {options['space']} on {facts['latency'].get('cpu', options['device'])}",
        "",
        f"Candidates of the space `{options['space']}` trade {unit} on `{options['data']}` (up) for {costs} (down), "
        f"in {options['runtime']} with {options['threads']} thread(s), one image of {sizes} px. "
        f"Limits: {', '.join(limits) or 'none'}. Budget: {options['budget']} trainings, seed {options['seed']}.",
        *(("", f"**{forced_warning(forced)}**") if (forced := facts.get("forced")) else ()),
        "",
        "## How to read it",
        "",
        "* **Pareto front** (Analytics): every point was trained for seconds, by the proxy "
        f"`{options['proxy']}`. Scores rank candidates of this run; they are far below what a full training reaches.",
        "* **Pruned** trials are over a limit and were never trained; their note says by how much. Baselines are "
        "trained even so: `python -m nas.dashboard` draws those over a limit as infeasible. *Best Trial* knows no "
        "limits.",
        "* A **trial** says stage by stage what it is made of, and holds its YAML, a drawing of the network, the curve "
        "of its training and what it then detected. Trials with `duplicate_of` repeat another one.",
        "* This study knows latency as the table **predicts** it; finalists are measured whole at the end.",
        "",
        f"To go on after an interruption, or with a larger `--budget`: the command that began the run, with "
        f"`--out {folder} --resume`.",
    ]
    if facts.get("baselines"):
        lines += ["", "## Baselines", "", _baselines(facts["baselines"]["asked"], rows, link)]
    if facts.get("finalists"):
        trust = str(facts["signal"]["text"]).replace("; ", ".\n* ")
        lines += ["## What was found", "", f"* {trust}.", "", _found(facts, rows, link, files)]
    return "\n".join(lines) + "\n"


def _baselines(asked: Sequence[str], rows: Sequence[Record], link: Link) -> str:
    """The stock model and what was made by hand, as trained on the first rung."""
    lines: list[tuple[str, ...]] = []
    for row in rows:
        if row.arch in asked and row.state == "trained":
            costs = f"{row.latency_ms:.2f}", f"{row.params:,}", _millions(row.macs or 0)
            operators = dict.fromkeys(choice.operator.replace("_", " ") for choice in decode(row.arch).backbone)
            size = f", {decode(row.arch).imgsz} px" if decode(row.arch).imgsz else ""
            what = f"{' and '.join(operators)}{size}{'' if lines else ' (stock)'}"
            lines.append((f"[{row.number}]({link(row.number)})", f"{row.score:.4f}", *costs, what))
    return _table((">trial", ">score", ">ms", ">params", ">MACs", "operators"), lines)


def _found(facts: Mapping[str, Any], rows: Sequence[Record], link: Link, files: Mapping[str, str]) -> str:
    """The front and the stock model."""
    numbers = {row.arch: row.number for row in rows if row.state == "trained"}
    stock, lines = Finalist(**facts["stock"]), []
    front = [finalist for of in facts["finalists"] if not (finalist := Finalist(**of)).rejected]
    for finalist in front if stock in front else [*front, stock]:
        number, name = numbers[finalist.arch], f"{finalist.name}.yaml"
        what = f"{finalist.name} (stock)" if finalist.stock and finalist in front else finalist.name
        measured = f"{finalist.latency_ms:.2f}" if finalist.latency_ms is not None else "-"
        costs = measured, f"{finalist.latency_predicted_ms:.2f}", f"{finalist.params:,}", _millions(finalist.macs)
        kept = finalist.budgets_kept, f"[YAML]({files[name]})" if name in files else ""
        lines.append((what, f"[{number}]({link(number)})", f"{finalist.score:.4f}", *costs, *kept))
    figures = (">score", ">ms, measured", ">predicted", ">params", ">MACs")
    text = _table(("model", ">trial", *figures, "budgets kept", ""), lines)
    return f"{text}\n[The report]({files['report.html']})\n" if "report.html" in files else text


def _table(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table; a heading's ``>`` aligns its column to the right. Columns are set apart, which optuna-dashboard does
    not do by itself."""
    names = [heading.removeprefix(">") for heading in headings]
    rules = ["--:" if heading.startswith(">") else "---" for heading in headings]
    cells = ["| " + " | ".join([line[0], *(f"&emsp;{cell}" for cell in line[1:])]) + " |" for line in (names, *lines)]
    return "\n".join([cells[0], f"|{'|'.join(rules)}|", *cells[1:]]) + "\n"


def _millions(macs: float) -> str:
    return f"{macs / 1e6:,.1f}&nbsp;M"
