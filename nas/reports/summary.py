"""Summary of a run: a few sentences for a reader who has one minute."""

from __future__ import annotations

from collections.abc import Iterator

from nas.objectives.costs import readable
from nas.plurals import counted
from nas.reports.run_data import RunData
from nas.runs.finalists import Finalist
from nas.runs.gains import found_models, headline

_LEAST = {"params": "the fewest parameters", "macs": "the fewest MACs", "size": "the smallest weights"}


def summarize(data: RunData) -> list[str]:
    """The sentences. The first one is the headline; the others compare the front with the stock model.

    With pretrained weights, the headline compares the front with the size curve of the user's own model.
    """
    first = headline(data.run)
    return [first, *_on_front(data)] if first else _on_front(data)


def _on_front(data: RunData) -> list[str]:
    """The number of models, and their comparison with the stock model."""
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
    as_good = [model for model in front if model.accuracy >= stock.accuracy]
    if not as_good:
        high = "has as high an AP as" if data.has_ap else "scores as high as"
        yield f"No model {high} the stock model ({stock.accuracy:.4f}), which is {stock.rejected}."
        return
    yield _fastest(data, min(as_good, key=lambda model: model.latency))
    if as_fast := [model for model in front if model.latency <= data.stock_ms]:
        yield _best(data, max(as_fast, key=lambda model: model.accuracy))
    for cost in data.config.minimize[1:]:
        least = min(as_good, key=lambda model: model.costs[cost])
        if least.arch != stock.arch:
            values = f"{readable(cost, least.costs[cost])} against {readable(cost, stock.costs[cost])}"
            yield f"At {_as_good(data)}, {_name(data, least)} has {_LEAST[cost]}: {values}."
    yield _spread(data)


def _spread(data: RunData) -> str:
    """The differences that may be chance."""
    if any(entry.gain.error is not None for entry in found_models(data.run)):
        return "±: two standard errors, from groups of the validation images. A difference within them may be chance."
    if data.has_ap and not data.noise:
        return "AP is that of one training on one split. Its spread is not known: small differences may be chance."
    return f"{'AP' if data.has_ap else 'Score'} differences below {data.noise:.3f} are noise."


def _fastest(data: RunData, model: Finalist) -> str:
    if model.arch == data.stock.arch:
        return f"No model with {_as_good(data)} is faster ({data.stock_ms:.2f} ms, {data.kind})."
    values = f"{model.latency:.2f} ms against {data.stock_ms:.2f} ms ({data.kind})"
    times = f"{data.stock_ms / model.latency:.2f} times as fast"
    return (
        f"At the stock model's {data.accuracy_name} or higher, {_name(data, model)} is the fastest: {values}, {times}."
    )


def _best(data: RunData, model: Finalist) -> str:
    if model.arch == data.stock.arch:
        return f"No model at this latency {'has a higher AP' if data.has_ap else 'scores higher'}."
    values = f"{model.accuracy:.4f} against {data.stock.accuracy:.4f}"
    noise = "; this difference may be noise" if abs(model.accuracy - data.stock.accuracy) < data.noise else ""
    figure = f"the highest {data.accuracy_name}"
    return f"At the stock model's latency or lower, {_name(data, model)} has {figure}: {values}{noise}."


def _as_good(data: RunData) -> str:
    return f"the stock model's {data.accuracy_name} or higher"


def _name(data: RunData, model: Finalist) -> str:
    return f"{model.name} ({model.imgsz} px)" if data.several_sizes else model.name
