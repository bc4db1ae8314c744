"""Sentences of the report beside its figures: warnings, conditions and captions."""

from __future__ import annotations

from nas.latency.notices import forced_warning
from nas.plurals import counted
from nas.proxies.rungs import FACTOR
from nas.reports.run_data import RunData
from nas.reports.tables import prediction_errors
from nas.reports.used_table import used_table


def sentence(text: str) -> str:
    """A text with a capital letter at its start and a period at its end."""
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def front_heading(data: RunData) -> str:
    """Heading of the section about the front."""
    if not data.tells_apart:
        return f"No Pareto front: {data.result.score_noise.verdict}"
    return f"Pareto front, {data.kind if data.unmeasured else 'measured end-to-end on the device'}"


def warnings(data: RunData) -> list[str]:
    """Reasons to distrust the figures of a run."""
    found = [forced_warning(data.forced)] if data.forced else []
    found += [f"latencies of the front are {data.unmeasured}"] if data.unmeasured else []
    table = used_table(data)
    if noisy := table.too_noisy:
        found.append(f"{noisy} measured while the machine was too noisy. Do not trust the latencies: {table.noise}")
    found += [] if data.result.score_noise.tells_apart else [data.result.trust]
    return list(map(sentence, found))


def conditions(data: RunData) -> str:
    """Conditions of the latencies and scores."""
    config, runtime = data.config, data.run.record.fingerprint["runtime"]
    score = f"Score: {data.result.unit} on {config.data}, proxy {config.proxy}, seed {config.seed}."
    meaning = "Scores rank candidates. Full training reaches higher values."
    if data.has_ap:
        score = f"AP: AP50-95 of the trained models on the validation images of {config.data}. {score}"
        meaning = "Scores chose the finalists."
    return (
        f"Latency: {runtime}, {counted(config.threads, 'thread')}, one image of {data.sizes}. {score} {meaning} "
        f"The Pareto front maximizes the {data.accuracy_name} and minimizes {' and '.join(config.minimize)}."
    )


def front_caption(data: RunData) -> str:
    """Caption of the plot of the front."""
    lines = ["Bars: spread of the measured latency, and of the score between seeds where there are several."]
    if data.has_ap:
        lines = ["Bars: spread of the measured latency."]
    if data.curve is not None:
        lines.append("Dashed: your own model at smaller images (px), which needs no search.")
    if data.several_sizes:
        lines.append("Symbols show image sizes; circles are the smallest.")
    if data.several_rungs and not data.has_ap:
        lines.append("Hand-made models were trained on the first rung only; see Search.")
    return " ".join([*lines, "Click a model of the front to open it below."])


def search_caption(data: RunData) -> str:
    """Caption of the plot of all trained candidates."""
    text = "All trained candidates with their scores of the first rung. "
    if not data.several_rungs:
        return f"{text}The candidates with the best scores at their latency are the finalists."
    return (
        f"{text}In each rung, the candidates with the best scores at their latency continue with {FACTOR} times the "
        "steps. Those of the last rung are the finalists."
    )


def parts_caption() -> str:
    """Caption of the latency by part."""
    return (
        "Predicted latency by part. p2 to p5 are the stages of the backbone, each with the convolution before it; t4, "
        "t3, b4 and b5 are the stages of the neck, where it is searched; call is the overhead of a call."
    )


def latency_errors(data: RunData) -> str:
    """Errors of the predicted latency of the finalists."""
    found = prediction_errors(data)
    if found.empty:
        return "No finalist was measured."
    size = found.error.abs()
    return (
        f"Prediction error for this run's {len(found)} finalists, measured end-to-end: {size.mean():.1%} on average, "
        f"{size.max():.1%} at most."
    )


def table_line(data: RunData) -> str:
    """Origin of the latency table."""
    table = used_table(data)
    return (
        f"Table: {table.path}, measured on {table.date}. Overhead of a call: {table.overhead_ms:.3f} ms. "
        f"Noise of the machine: {table.noise}."
    )


def versions_line(data: RunData) -> str:
    """Versions that made the run, and its directory."""
    record = data.run.record
    commit = f", commit {record.git[:10]}" if record.git else ""
    versions = record.versions
    return f"ParetoYOLO {versions['nas']}{commit}; torch {versions['torch']}; {versions['system']}; {data.folder}"
