"""report.html: what a run found, drawn from its figures."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from nas.latency.hints import latency_command
from nas.latency.notices import forced_warning
from nas.latency.runtimes.measure import Noise
from nas.objectives.costs import COSTS
from nas.proxies.rungs import FACTOR
from nas.reports.choices import importances, shares
from nas.reports.figures import PARTS, cost_figure, front_figure, parts_figure, search_figure
from nas.reports.findings import findings
from nas.reports.kept_table import calibrations, card_frame, cards
from nas.reports.run_data import RunData
from nas.reports.tables import (
    by_hand,
    ended_early,
    errors,
    fell_out,
    front_table,
    left_out,
    model_rows,
    not_trained,
    phases,
    proxy_card,
)
from nas.reports.templating import Figure, write_page

MOST = 300
"""Untrained trials that are listed one by one; trials.csv has them all."""


class Piece(NamedTuple):
    """One row's share of a stacked bar."""

    part: str
    share: float
    text: str


class Stack(NamedTuple):
    """A bar stacked from the rows of a model."""

    title: str
    pieces: list[Piece]
    alt: str


class Model(NamedTuple):
    """What the page says of one model of the front."""

    name: str
    line: str
    arch: str
    command: str
    parts: list[str]
    stacks: list[Stack]
    rows: pd.DataFrame
    yaml: str


def write_html(data: RunData, path: Path) -> None:
    """Write the report; it needs no network to be read."""
    front, untrained = front_table(data), not_trained(data)
    kind = data.kind if data.unmeasured else "measured whole on the device"
    sections = [
        ("front-section", f"{'The front' if data.tells_apart else 'No front'}, {kind}"),
        ("hand", "Made by hand"),
        ("models", "The models"),
        ("choices", "What was chosen, and what matters"),
        ("trust", "How far to trust it"),
        ("search-section", "The search"),
    ]
    write_page(
        path,
        "report.html",
        data=data,
        findings=findings(data),
        warnings=_warnings(data),
        conditions=_conditions(data),
        sections=sections,
        figures=_figures(data),
        costs=[_cost(data, name) for name in data.options["minimise"][1:]],
        front=front,
        links={text: f"#model-{text.split()[0]}" for text in front.model if text.split()[0] in data.yamls},
        fell=fell_out(data),
        hand=by_hand(data).drop(columns=[] if data.several_sizes else "macs to stock"),
        left_out=left_out(data),
        models=[_model(data, row) for row in data.pareto.assign(ms=data.front_ms).to_dict("records")],
        colours=PARTS,
        importances=importances(data),
        shares=[(stage, list(of)) for stage, of in groupby(shares(data).to_dict("records"), itemgetter("stage"))],
        proxy=proxy_card(data),
        error_line=_errors(data),
        cards=[(size, card_frame(card)) for size, card in cards(data).items()],
        check=latency_command("check", "--imgsz", str(data.options["imgsz"][0]), of=data.facts["latency"]),
        calibrations=calibrations(data),
        table_line=_table_line(data),
        phases=phases(data),
        ended=ended_early(data),
        untrained=untrained.head(MOST),
        more=max(0, len(untrained) - MOST),
        made=_made(data),
    )


def _warnings(data: RunData) -> list[str]:
    found = [forced_warning(data.forced)] if data.forced else []
    found += [f"Latencies of the front are {data.unmeasured}"] if data.unmeasured else []
    noise = _noise(data)
    if noise.too_much:
        found.append(f"The machine was too noisy while the latency table was measured to trust its figures: {noise}.")
    found += [] if data.tells_apart else [f"{data.signal}."]
    return [text[0].upper() + text[1:] for text in found]


def _noise(data: RunData) -> Noise:
    table = data.facts["table"]
    return Noise(table["quiet"], table["steal"])


def _conditions(data: RunData) -> str:
    of, score = data.options, "Scores rank candidates; they are not what a full training reaches."
    traded = " and ".join(of["minimise"])
    return (
        f"Latency: {of['runtime']}, {of['threads']} thread(s), one image of {data.sizes}. Score: {data.final_unit} on "
        f"{of['data']}, proxy {of['proxy']}, seed {of['seed']}. {score} The front trades them for {traded}."
    )


def _figures(data: RunData) -> dict[str, Figure]:
    front, count = front_figure(data), len(data.pareto)
    alt = f"Score against latency of {len(data.finalists)} finalists, {count} of them picked, and of the stock model; "
    caption = "Bars: spread of measured latency, and of the score between seeds where finalists had several. "
    if data.several_sizes:
        caption += "Shapes tell image sizes, circles the smallest. "
    if data.options.get("rungs", 1) > 1:
        caption += "Hand-made models were scored on a lower rung, which does not compare: they stand under The search. "
    found = {
        "front": Figure(
            "front-plot", front, caption + "A click on a model of the front opens it below.", alt + "all in the table."
        ),
        "search": Figure(
            "search-plot",
            search_figure(data),
            "All that were trained, as scored on the first rung. "
            + (
                f"The best at their latency went on, each rung {FACTOR} times as long; those on the last one are the "
                "finalists."
                if data.options.get("rungs", 1) > 1
                else "The best at their latency are the finalists."
            ),
            f"Score against predicted latency of the {len(data.trained)} trained candidates; trials.csv has them all.",
        ),
    }
    found["parts"] = Figure(
        "parts-plot",
        parts_figure(data),
        "Predicted latency by part: p2 to p5 are the backbone's stages, each with the convolution before it, t4 to b5 "
        "those of the neck where it is searched; "
        "call is what the runtime takes for a call that does nothing.",
        "Predicted latency of each model of the front and of the stock model, stacked by part; below, row by row.",
    )
    return found


def _cost(data: RunData, name: str) -> Figure:
    heading = COSTS[name].heading
    alt = f"Score against {heading} of the finalists; all in the table."
    return Figure(f"{name}-plot", cost_figure(data, name), f"Score against {heading}.", alt)


def _model(data: RunData, row: Mapping[Any, Any]) -> Model:
    name, imgsz = str(row["name"]), row["imgsz"]
    rows = model_rows(data, row["arch"])
    on = "data.yaml" if data.options["data"] == "shapes" else data.options["data"]
    model = data.folder / "pareto" / f"{name}.yaml"
    words = ["python", "-m", "nas.train", f"model={model}", f"data={on}", f"imgsz={imgsz}", "epochs=300"]
    px = f", {imgsz} px" if data.several_sizes else ""
    line = f"score {row['score']:.4f}, {row['ms']:.2f} ms, {row['params'] / 1e6:.2f} M parameters{px}"
    stacks = [_stack(title, rows, column) for title, column in STACKS.items()]
    return Model(
        name, line, row["arch"], shlex.join(words), list(dict.fromkeys(rows.part)), stacks, rows, data.yamls[name]
    )


STACKS = {"Latency, predicted": "predicted, ms", "MACs": "MACs, M", "Parameters": "params"}
"""What is stacked from a model's rows, and its column."""


def _stack(title: str, rows: pd.DataFrame, column: str) -> Stack:
    portion = rows[column] / max(rows[column].sum(), 1e-12)
    pieces = [
        Piece(part, share, f"row {row}, {module}: {share:.1%}")
        for row, part, module, share in zip(rows.row, rows.part, rows.module, portion, strict=True)
    ]
    by_part = portion.groupby(rows.part, sort=False).sum()
    shares_text = ", ".join(f"{part} {share:.0%}" for part, share in by_part.items())
    return Stack(title, pieces, f"{title} by part: {shares_text}")


def _errors(data: RunData) -> str:
    found = errors(data)
    if found.empty:
        return "No finalist was measured."
    size = found.error.abs()
    return (
        f"Of this run's {len(found)} finalists, measured whole, the prediction is {size.mean():.1%} off on average and "
        f"{size.max():.1%} at worst."
    )


def _table_line(data: RunData) -> str:
    table = data.facts["table"]
    return (
        f"{table['path']}, measured {table['date']}; a call that does nothing takes {table['overhead_ms']:.3f} ms. "
        f"Noise of the machine meanwhile: {_noise(data)}."
    )


def _made(data: RunData) -> str:
    versions = data.facts["versions"]
    commit = f", commit {data.facts['git'][:10]}" if data.facts.get("git") else ""
    return f"ParetoYOLO {versions['nas']}{commit}; torch {versions['torch']}; {versions['system']}; {data.folder}"
