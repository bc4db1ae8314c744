"""Model cards of a run: one beside each model of the front."""

from __future__ import annotations

from pathlib import Path

from nas.files import write
from nas.objectives.costs import readable
from nas.runs.finalists import Finalist
from nas.runs.model_card import MISSING, Fact, Metric, ModelCard, card_path, data_name
from nas.runs.next_commands import model_commands
from nas.runs.record import RunRecord
from nas.runs.run import Run

_NO_WEIGHTS = "This is an architecture without weights"
_MADE_BY_US = "[0-9][0-9]-*.md"
"""Pattern of the names of cards. Other files in the folder belong to the user."""


def write_cards(run: Run) -> None:
    """Write ``pareto/NAME.md`` for each model of the front of a finished run; cards of an earlier front are removed."""
    paths = {card_path(run.folder / model.yaml): model for model in run.result.front}
    for old in (run.folder / "pareto").glob(_MADE_BY_US):
        if old not in paths:
            old.unlink()
    for path, model in paths.items():
        write(path, run_card(run, model).markdown())


def run_card(run: Run, model: Finalist) -> ModelCard:
    """The card of a model that a run found. It has trained weights if the search started from pretrained ones.

    Args:
        run: A finished run.
        model: One of its finalists.
    """
    record, config = run.record, run.config
    what = "The stock model of its template" if model.stock else "A YOLO detector that a search found"
    weights = f"`{Path(model.weights).name}` holds its trained weights" if model.weights else _NO_WEIGHTS
    lead = f"{what}, for {conditions(record)}, images of {model.imgsz} px. {weights}."
    return ModelCard(
        name=model.name,
        lead=lead,
        arch=model.arch,
        facts=(*latency_facts(record, model), *_size_facts(model), *_score_facts(run, model)),
        meaning=_meaning(run, model),
        commands=_commands(run, model),
        limits=_limits(run, model),
        origin=origin(record),
        data=data_name(config.data),
        metrics=_metrics(run, model),
        inherited=_teacher(run) if model.weights else "",
    )


def conditions(record: RunRecord) -> str:
    """The device, runtime, precision and threads of a run's latencies, in words."""
    found = record.fingerprint
    processor = found.get("gpu", found.get("cpu", ""))
    device = f"{found['device']} ({processor})" if processor else str(found["device"])
    threads = int(found.get("threads", record.config.threads))
    runtime = f"{found.get('runtime', record.config.runtime)} {found.get('version', '')}".strip()
    precision = found.get("precision", record.config.precision)
    return f"{device}, {runtime}, {precision}, {threads} thread{'s' * (threads > 1)}"


def latency_facts(record: RunRecord, model: Finalist) -> list[Fact]:
    """The measured and the predicted latency of a finalist."""
    where = f"one image of {model.imgsz} px, {conditions(record)}"
    measured = Fact("latency", MISSING, "not measured end-to-end on the device")
    if model.latency_ms is not None:
        spread = "" if model.latency_spread_ms is None else f" ± {model.latency_spread_ms:.2f}"
        source = f"measured end-to-end with random weights, {where}; ±: half the interquartile range"
        measured = Fact("latency", f"{model.latency_ms:.2f}{spread} ms", source)
    table = "from a table that does not fit the device: " + record.forced if record.forced else "from the latency table"
    return [measured, Fact("predicted latency", f"{model.latency_predicted_ms:.2f} ms", f"{table}, {where}")]


def origin(record: RunRecord) -> dict[str, str]:
    """Versions, seed and hashes of a run."""
    hashes = record.hashes
    found = {"seed": str(record.config.seed), "search space": f"{record.space} ({hashes.space})"}
    found |= {
        "data": f"{data_name(record.config.data)} ({hashes.data})",
        "proxy": f"{record.config.proxy} ({hashes.proxy})",
    }
    return found | record.versions | ({"commit": record.git} if record.git else {})


def _size_facts(model: Finalist) -> list[Fact]:
    return [
        Fact("parameters", f"{model.params:,}", "counted"),
        Fact("MACs", readable("macs", model.macs), f"computed for one image of {model.imgsz} px"),
        Fact("weights", f"{model.weight_bytes:,} bytes", "computed for the deployed form, four bytes a number"),
    ]


def _score_facts(run: Run, model: Finalist) -> list[Fact]:
    config, result = run.config, run.result
    steps = f" of {config.steps} steps" if config.steps and config.rungs == 1 else ""
    seeds = (
        f"one training{steps}" if model.score_n == 1 else f"mean of {model.score_n} trainings{steps}, one for each seed"
    )
    source = f"proxy {config.proxy} on {data_name(config.data)}, {seeds if config.steps else 'nothing is trained'}"
    value = f"{model.score:.4f}" if model.score_sd is None else f"{model.score:.4f} ± {model.score_sd:.4f}"
    noise = result.score_noise
    found = [
        Fact(f"proxy score: {result.unit}", value, source),
        Fact("score noise", f"{noise.seeds:.4f}", f"standard deviation between seeds, from {noise.repeats} candidates"),
    ]
    if model.test_score is not None:
        found.append(Fact("proxy score on the test split", f"{model.test_score:.4f}", source))
    if model.ap is None:
        return [*found, Fact("AP after full training", MISSING, "the model is not trained")]
    trained = f"validation split of {data_name(config.data)} at {model.imgsz} px, with the weights of this model"
    return [Fact("AP50-95", f"{model.ap:.4f}", f"{trained}; made from {_teacher(run)}"), *found]


def _teacher(run: Run) -> str:
    """The checkpoint that the search started from."""
    teacher = run.result.teacher
    return "pretrained weights" if teacher is None else Path(teacher.source).name


def _meaning(run: Run, model: Finalist) -> tuple[str, ...]:
    rank = "The proxy score ranks the candidates of one search. It is not the AP of a trained model."
    trust = run.result.trust
    curve = run.result.size_curve
    gain = None if curve is None or model.stock else curve.gain(model, run.ap_noise)
    beside = () if gain is None else (f"Beside the model that the search started from: {gain}.",)
    return rank, f"{trust[0].upper()}{trust[1:]}{'' if trust.endswith('.') else '.'}", *beside


def _commands(run: Run, model: Finalist) -> dict[str, str]:
    return {
        title[0].upper() + title[1:]: command for title, command in model_commands(run.folder, model, run.data).items()
    }


def _limits(run: Run, model: Finalist) -> tuple[str, ...]:
    trainings = "one training" if model.ap is not None else "short trainings"
    found = [f"Its accuracy is known from {data_name(run.config.data)} only, and from {trainings} only."]
    found.append(f"Its latency is valid for {conditions(run.record)}.")
    if doubt := run.result.doubt:
        found.append(f"In this search {doubt}: the scores do not show that this model is the better one.")
    if run.record.forced:
        found.append(f"The latency table does not fit the device: {run.record.forced}")
    return tuple(found)


def _metrics(run: Run, model: Finalist) -> tuple[Metric, ...]:
    name = f"{run.result.unit} of a short proxy training, which ranks candidates; not the AP of a trained model"
    found = [] if model.ap is None else [Metric("mAP50-95", round(model.ap, 4), "AP50-95 on the validation split")]
    found.append(Metric("proxy-score", round(model.score, 4), name))
    if model.latency_ms is not None:
        found.append(Metric("latency-ms", round(model.latency_ms, 3), f"ms for one image, {conditions(run.record)}"))
    return tuple(found)
