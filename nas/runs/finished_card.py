"""Model card of a finished model: trained, validated, exported and measured."""

from __future__ import annotations

import shlex

from nas.objectives.costs import readable
from nas.runs.finishing import Finished, trained_stock
from nas.runs.model_card import MISSING, Fact, Metric, ModelCard
from nas.runs.run_cards import conditions, origin


def finished_card(finished: Finished) -> ModelCard:
    """The card of a finished model."""
    run, model, options = finished.run, finished.model, finished.record.options
    what = "The stock model of its template" if model.stock else "A YOLO detector that a search found"
    start = ", from the trained weights of the search" if options.pretrained else ""
    lead = (
        f"{what}, for {conditions(run.record)}, images of {model.imgsz} px. It is trained on {finished.data_name} "
        f"for {finished.record.epochs_done} epochs{start}. `best.pt` is the checkpoint, `best.onnx` the deployable "
        "file."
    )
    return ModelCard(
        name=f"{model.name}-{finished.data_name}",
        lead=lead,
        arch=model.arch,
        facts=tuple(_facts(finished)),
        meaning=("The AP is that of one training on one split. Another seed gives another value.",),
        commands=_commands(finished),
        limits=_limits(finished),
        origin=origin(run.record) | finished.record.versions | {"epochs": f"{options.epochs}"},
        data=finished.data_name,
        metrics=tuple(_metrics(finished)),
        trained=True,
        tags=("onnx",),
    )


def comparison(finished: Finished) -> list[Fact]:
    """Figures of the finished model, each with the stock model's as its ``source``; `MISSING` where unmeasured."""
    model, stock, record = finished.model, finished.run.stock, finished.record
    latency = (MISSING, MISSING)
    if record.latency is not None:
        measured = record.latency
        own, its = (measured.ms, measured.spread_ms), (measured.stock_ms, measured.stock_spread_ms)
        latency = tuple(f"{ms:.2f} ± {spread:.2f} ms" for ms, spread in (own, its))  # type: ignore[assignment]
    found = [Fact("latency", *latency)]
    for name in ("params", "macs", "size"):
        title = {"params": "parameters", "macs": "MACs", "size": "weights"}[name]
        found.append(Fact(title, *(readable(name, of.costs[name]) for of in (model, stock))))
    accuracy = record.accuracy
    trained = MISSING if accuracy is None else f"{accuracy.ap:.4f}"
    found.append(Fact("AP50-95 after training", trained, _stock_ap(finished)))
    if model.ap is not None:
        of_stock = MISSING if stock.ap is None else f"{stock.ap:.4f}"
        return [*found, Fact("AP50-95 in the search", f"{model.ap:.4f}", of_stock)]
    return [*found, Fact("proxy score of the search", f"{model.score:.4f}", f"{stock.score:.4f}")]


def _facts(finished: Finished) -> list[Fact]:
    record, model, where = finished.record, finished.model, f"one image of {finished.model.imgsz} px"
    found = [Fact("latency", MISSING, record.unmeasured)]
    if (measured := record.latency) is not None:
        source = f"measured end-to-end, {where}, {_session(measured.fingerprint)}; ±: half the interquartile range"
        found = [
            Fact("latency", f"{measured.ms:.2f} ± {measured.spread_ms:.2f} ms", source),
            Fact(
                "latency of the stock model",
                f"{measured.stock_ms:.2f} ± {measured.stock_spread_ms:.2f} ms",
                "in the same session, with random weights",
            ),
        ]
    if (accuracy := record.accuracy) is not None:
        source = f"Ultralytics, {accuracy.images} validation images at {model.imgsz} px, one training"
        found += [
            Fact("AP50-95", f"{accuracy.ap:.4f}", source),
            Fact("AP50", f"{accuracy.ap50:.4f}", source),
            Fact("precision, recall", f"{accuracy.precision:.4f}, {accuracy.recall:.4f}", "at the best F1"),
        ]
    stock = _stock_ap(finished)
    same = "train it with the same options" if stock == MISSING else "trained with the same options, one training"
    searched = Fact("proxy score in the search", f"{model.score:.4f}", "ranks candidates; not comparable with the AP")
    if model.ap is not None:
        searched = Fact("AP50-95 in the search", f"{model.ap:.4f}", "of the weights that the training started from")
    return [
        *found,
        Fact("AP50-95 of the stock model", stock, same),
        Fact("parameters", f"{model.params:,}", "counted"),
        Fact("MACs", readable("macs", model.macs), f"computed for {where}"),
        Fact("weights", f"{model.weight_bytes:,} bytes", "computed for the deployed form, four bytes a number"),
        searched,
    ]


def _stock_ap(finished: Finished) -> str:
    record = trained_stock(finished)
    return MISSING if record is None or record.accuracy is None else f"{record.accuracy.ap:.4f}"


def _session(fingerprint: dict[str, str | int]) -> str:
    shown = (fingerprint.get(key) for key in ("gpu", "cpu", "runtime", "version", "precision"))
    threads = int(fingerprint.get("threads", 1))
    return ", ".join(map(str, filter(None, shown))) + f", {threads} thread{'s' * (threads > 1)}"


def _commands(finished: Finished) -> dict[str, str]:
    options, weights = finished.record.options, str(finished.weights)
    data, size = f"data={options.data}", f"imgsz={options.imgsz}"
    source = ["python", "-m", "nas.train", "predict", f"model={weights}", "source=IMAGES", size]
    return {
        "Detect objects in a folder of images": shlex.join(source),
        "Validate it": shlex.join(["python", "-m", "nas.train", "val", f"model={weights}", data, size]),
        "Export it again": shlex.join(["python", "-m", "nas.export", weights, "--onnx", "--imgsz", str(options.imgsz)]),
    }


def _limits(finished: Finished) -> tuple[str, ...]:
    found = [
        f"It detects the {finished.run.result.nc} classes of {finished.data_name}, in images like those.",
        "best.pt is a pickle, whose code Ultralytics runs when it opens it: open only files of people you trust.",
        "best.pt needs ParetoYOLO to be opened, as `nas.train` does; best.onnx needs nothing of it.",
    ]
    if finished.record.unmeasured:
        found.append(f"Its latency is not measured: {finished.record.unmeasured}")
    return tuple(found)


def _metrics(finished: Finished) -> list[Metric]:
    found = []
    if (accuracy := finished.record.accuracy) is not None:
        found += [
            Metric("mAP50-95", round(accuracy.ap, 4), "AP50-95 on the validation split"),
            Metric("mAP50", round(accuracy.ap50, 4), "AP50 on the validation split"),
        ]
    if (measured := finished.record.latency) is not None:
        found.append(Metric("latency-ms", round(measured.ms, 3), f"ms for one image, {_session(measured.fingerprint)}"))
    return found
