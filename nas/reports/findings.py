"""What a run found, in a few sentences for somebody who has a minute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nas.objectives.costs import COSTS, readable
from nas.reports.run_data import RunData

WORDS = {"params": "parameters", "macs": "MACs", "size": "weights"}


def findings(data: RunData) -> list[str]:
    """The first says how many detectors were found, the others how they stand to the stock model."""
    count, trained = len(data.pareto), len(data.trained)
    if not count:
        return [f"No finalist of {trained} trained candidates keeps every limit: the front is empty."]
    if not data.tells_apart:
        picked = f"The {count} models below were picked by such scores and are no front."
        return [f"The scores are noise: this run cannot say which of {trained} candidates detects better.", picked]
    return [f"{count} detector{'s' * (count > 1)} on the front, of {trained} trained.", *_against_stock(data)]


def _against_stock(data: RunData) -> Iterator[str]:
    front, stock = data.pareto.assign(ms=data.front_ms).to_dict("records"), data.stock
    as_good = [model for model in front if model["score"] >= stock["score"]]
    as_fast = [model for model in front if model["ms"] <= data.stock_ms]
    if not as_good:
        yield f"None scores as much as the stock model, {stock['score']:.4f}, which is {stock['fell']}."
        return
    fastest = min(as_good, key=lambda model: model["ms"])
    if fastest["arch"] == stock["arch"]:
        yield f"Nothing that scores as much as the stock model is faster ({data.stock_ms:.2f} ms, {data.kind})."
    else:
        times = f"{data.stock_ms / fastest['ms']:.2f} times as fast"
        against = f"{fastest['ms']:.2f} ms against {data.stock_ms:.2f} ms, {data.kind}"
        yield (f"The fastest that scores no less than the stock model, {_name(data, fastest)}, is {times}: {against}.")
    if as_fast:
        best = max(as_fast, key=lambda model: model["score"])
        chance = ", which may be chance" if abs(best["score"] - stock["score"]) < data.noise else ""
        if best["arch"] == stock["arch"]:
            yield "Nothing that is as fast scores more."
        else:
            against = f"{best['score']:.4f} against {stock['score']:.4f}"
            yield f"The best that is no slower, {_name(data, best)}, scores {against}{chance}."
    for cost in data.options["minimise"][1:]:
        column = COSTS[cost].column
        least = min(as_good, key=lambda model: model[column])
        if least["arch"] != stock["arch"]:
            against = f"{readable(cost, least[column])} against {readable(cost, stock[column])}"
            yield f"The least {WORDS[cost]} with at least that score has {_name(data, least)}: {against}."
    yield f"Differences in score below {data.noise:.3f} are chance."


def _name(data: RunData, model: Mapping[Any, Any]) -> str:
    return f"{model['name']} ({model['imgsz']} px)" if data.several_sizes else str(model["name"])
