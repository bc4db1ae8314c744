"""Summary of a run: a few sentences for a reader who has one minute."""

from __future__ import annotations

from collections.abc import Iterator

from nas.objectives.costs import readable
from nas.plurals import counted
from nas.reports.run_data import RunData
from nas.runs.finalists import Finalist

_LEAST = {"params": "the fewest parameters", "macs": "the fewest MACs", "size": "the smallest weights"}


def summarize(data: RunData) -> list[str]:
    """The sentences. The first one is the headline; the others compare the front with the stock model."""
    count, trained = len(data.result.front), len(data.trained)
    candidates = counted(trained, "trained candidate")
    if not count:
        return [f"The Pareto front is empty: no finalist meets every limit ({candidates})."]
    if not data.tells_apart:
        if data.result.score_noise.trained == 1:
            return ["Only one candidate was trained, so there is no Pareto front. Raise the budget to compare several."]
        chosen = "The model below was" if count == 1 else f"The {count} models below were"
        return [
            f"In this run {data.result.score_noise.verdict}, so it cannot rank its {candidates}.",
            f"{chosen} chosen by these scores and {'is' if count == 1 else 'are'} not a Pareto front.",
        ]
    return [f"{counted(count, 'detector')} on the Pareto front, from {candidates}.", *_against_stock(data)]


def _against_stock(data: RunData) -> Iterator[str]:
    front, stock = data.result.front, data.stock
    as_good = [model for model in front if model.score >= stock.score]
    if not as_good:
        yield f"No model scores as high as the stock model ({stock.score:.4f}), which is {stock.rejected}."
        return
    yield _fastest(data, min(as_good, key=lambda model: model.latency))
    if as_fast := [model for model in front if model.latency <= data.stock_ms]:
        yield _best(data, max(as_fast, key=lambda model: model.score))
    for cost in data.config.minimize[1:]:
        least = min(as_good, key=lambda model: model.costs[cost])
        if least.arch != stock.arch:
            values = f"{readable(cost, least.costs[cost])} against {readable(cost, stock.costs[cost])}"
            yield f"At the stock model's score or higher, {_name(data, least)} has {_LEAST[cost]}: {values}."
    yield f"Score differences below {data.noise:.3f} are noise."


def _fastest(data: RunData, model: Finalist) -> str:
    if model.arch == data.stock.arch:
        return f"No model with the stock model's score or higher is faster ({data.stock_ms:.2f} ms, {data.kind})."
    values = f"{model.latency:.2f} ms against {data.stock_ms:.2f} ms ({data.kind})"
    times = f"{data.stock_ms / model.latency:.2f} times as fast"
    return f"At the stock model's score or higher, {_name(data, model)} is the fastest: {values}, {times}."


def _best(data: RunData, model: Finalist) -> str:
    if model.arch == data.stock.arch:
        return "No model at this latency scores higher."
    values = f"{model.score:.4f} against {data.stock.score:.4f}"
    noise = "; this difference may be noise" if abs(model.score - data.stock.score) < data.noise else ""
    return f"At the stock model's latency or lower, {_name(data, model)} has the highest score: {values}{noise}."


def _name(data: RunData, model: Finalist) -> str:
    return f"{model.name} ({model.imgsz} px)" if data.several_sizes else model.name
