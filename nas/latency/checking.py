"""Check of a latency table: held-out detectors are predicted, measured twice and summarized in a report card."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import date

import numpy as np

from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.errors import ConfigError
from nas.latency.builder import TableBuilder
from nas.latency.models import Model
from nas.latency.report_card import CheckedModel, ReportCard
from nas.latency.runtimes.measure import Measurement, Noise
from nas.latency.table import LatencyTable
from nas.plurals import counted
from nas.progress import Progress
from nas.spaces.architecture import Architecture
from nas.spaces.space import Space

Bar = Callable[[str], AbstractContextManager[Progress]]
"""Opens a progress bar with a title."""

STREAM = 1
"""Keeps these random members apart from those of the calibration, for any seed."""


def held_out_models(
    space: Space, count: int, seed: int, nc: int, fitted: Collection[Detector], others: Sequence[Model] = ()
) -> list[Model]:
    """Choose the models of a report card.

    Args:
        space: The search space.
        count: Number of different random members.
        seed: Seed of the random members.
        nc: Number of classes.
        fitted: Detectors that the table was calibrated on; none of them is a random member.
        others: Further models.

    Returns:
        The random members, the stock model, the uniform replacements, the stock models of the other templates, and
        ``others``.

    Raises:
        ConfigError: The space has too few members.
    """
    stock, made = space.stock(), space.uniform_replacements()
    rng = np.random.default_rng((STREAM, seed))
    excluded = [*(member.detector(nc) for member in (stock, *made)), *fitted]
    drawn: dict[Architecture, Detector] = {}
    for _ in range(100 * count):
        member = space.random(rng)
        detector = member.detector(nc)
        if detector not in excluded:
            drawn[member] = detector
        if len(drawn) == count:
            break
    else:
        problem = f"only {counted(len(drawn), 'member')} of the space {space.name} were found outside the calibration"
        hint = "give that many or fewer, or another `space`"
        raise ConfigError(problem, field="models", value=count, hint=hint)
    templates = (template for template in TEMPLATES.values() if template.name != space.file.template)
    return [
        *(Model(str(member), "random", detector) for member, detector in drawn.items()),
        Model(space.file.template, "stock", stock.detector(nc)),
        *(Model(_replacement_name(member, stock), "hand-made", member.detector(nc)) for member in made),
        *(Model(template.name, "other", template.stock(nc)) for template in templates),
        *others,
    ]


def check_table(
    builder: TableBuilder, models: Sequence[Model], imgsz: int, bar: Bar, space: str = "", seed: int = 0
) -> ReportCard:
    """Predict models, then measure them end-to-end, twice. Missing entries are measured first.

    Args:
        builder: The table's builder.
        models: The models, at least one random member.
        imgsz: The image size in pixels.
        bar: Shows progress.
        space: Name of the search space.
        seed: Seed of the random members.

    Raises:
        MissingEntryError: The table is not calibrated at this image size.
        AbsentDeviceError: The table was opened by force.
    """
    rows = [row for model in models for row in model.detector.resolve(imgsz)]
    if missing := builder.table.missing(rows):
        with bar(f"{counted(len(missing), 'entry', 'entries')} that the table lacks") as progress:
            builder.ensure(rows, progress)
    for model in models:
        builder.table.predict(model.detector, imgsz)  # refuses before anything is measured end-to-end
    with bar(f"{len(models)} complete models, measured twice") as progress:
        first, second = builder.measure_twice([model.detector for model in models], imgsz, progress)
    return make_card(builder.table, models, imgsz, first, second, builder.noise, space, seed)


def make_card(
    table: LatencyTable,
    models: Sequence[Model],
    imgsz: int,
    first: Sequence[Measurement],
    second: Sequence[Measurement],
    noise: Noise,
    space: str = "",
    seed: int = 0,
) -> ReportCard:
    """The report card of models that were measured twice, here or with a measuring kit.

    Args:
        table: Predicts the models.
        models: The models.
        imgsz: The image size in pixels.
        first: First measurement of each model.
        second: Second measurement of each model.
        noise: Noise while they were measured.
        space: Name of the search space.
        seed: Seed of the random members.

    Raises:
        MissingEntryError: The table lacks rows of a model, or is not calibrated at this image size.
    """
    predicted = [table.predict(model.detector, imgsz).total_ms for model in models]
    checked = tuple(map(CheckedModel.make, models, predicted, first, second))
    today, header = date.today().isoformat(), table.header
    rows = (row for model in models for row in model.detector.resolve(imgsz))
    # Noise counts if it was there while the entries of these models were measured.
    built = header.noise if header.noisy is None or table.noisy(rows) else Noise(1.0, None)
    return ReportCard(header.identity, imgsz, space, seed, today, noise, built, table.forced, checked)


def _replacement_name(member: Architecture, stock: Architecture) -> str:
    """The template and the operator of a uniform replacement."""
    replaced = next(a for a, b in zip(member.backbone, stock.backbone, strict=True) if a.family != b.family)
    return f"{member.template} {replaced.operator}"
