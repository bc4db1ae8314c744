"""The report card of a table: whole detectors that no fit has seen, predicted and then measured, twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.errors import InputError
from nas.files import shipped, write
from nas.latency.error_figures import Figures, figures
from nas.latency.fingerprint import Identity
from nas.latency.hints import kit_command, latency_command
from nas.latency.runtimes.measure import Measurement, Noise
from nas.latency.table import LatencyTable
from nas.progress import Progress
from nas.spaces.architecture import Architecture
from nas.spaces.space import Space

Kind = Literal["random", "stock", "hand-made", "other"]
Bar = Callable[[str], AbstractContextManager[Progress]]
"""Opens a phase under a title and yields what takes the share of it that is done."""

STREAM = 1
"""Kept apart from the calibration's draws, whatever the seed."""


class Model(NamedTuple):
    """A detector to check a table with: a held-out ``random`` member of the space, its ``stock`` model, a
    ``hand-made`` uniform replacement, or any ``other``. Figures are over the random ones. ``imgsz``, in pixels, where
    it has a size of its own."""

    name: str
    kind: Kind
    detector: Detector
    imgsz: int | None = None


@dataclass(frozen=True)
class Checked:
    """A model, predicted and measured twice. Times in ms of one image; the spread is the mean of the measurings'."""

    name: str
    kind: Kind
    predicted_ms: float
    first_ms: float
    second_ms: float
    spread_ms: float

    @property
    def measured_ms(self) -> float:
        """The mean of both measurings."""
        return (self.first_ms + self.second_ms) / 2

    @property
    def error(self) -> float:
        """How far the prediction is off, above 0 where it is too slow."""
        return self.predicted_ms / self.measured_ms - 1

    @property
    def retest(self) -> float:
        """How far the first measuring is off the second."""
        return self.first_ms / self.second_ms - 1

    def facts(self) -> dict[str, Any]:
        """What stands in the JSON."""
        return {**asdict(self), "measured_ms": self.measured_ms, "error": self.error, "retest": self.retest}


@dataclass(frozen=True)
class Card:
    """What a table's predictions are worth at one image size.

    ``identity`` is the table's; ``noise`` how disturbed the machine was while the models were measured, ``built`` while
    the table was; ``forced`` why a table that does not fit was taken all the same, else empty. ``space`` and ``seed``
    are what the random members were drawn from.
    """

    identity: Identity
    imgsz: int
    space: str
    seed: int
    date: str
    noise: Noise
    built: Noise
    forced: str
    models: tuple[Checked, ...]

    @property
    def random(self) -> list[Checked]:
        """The held-out members, the only ones that the figures are over."""
        return [model for model in self.models if model.kind == "random"]

    @cached_property
    def figures(self) -> Figures:
        """As `nas.latency.error_figures.figures` defines them."""
        random = self.random
        return figures(*([getattr(m, f"{of}_ms") for m in random] for of in ("predicted", "first", "second")))

    @property
    def recorded(self) -> dict[str, float]:
        """The figures that stand in the table's header: those that are defined."""
        return {name: value for name, value in self.figures.items() if value is not None}

    @property
    def too_noisy(self) -> bool:
        """Whether the machine was too noisy for the card to be trusted."""
        return self.noise.too_much or self.built.too_much

    @property
    def verdict(self) -> str:
        """One line for a person."""
        found, n = self.figures, len(self.random)
        mean, worst, within = found["mean_error"], found["worst_error"], found["within_5pct"]
        assert mean is not None and worst is not None and within is not None
        text = f"{n} held-out models: {within:.0%} within 5 %, {mean:.1%} off on average, {worst:.1%} at worst"
        if worst <= 0.10 and within >= 0.90 and mean <= 0.02:
            text = f"good: {text}"
        else:
            text = f"rough: {text}; leave that much room below a latency limit"
        if found["spearman"] is not None and found["retest_spearman"] is not None:
            text += f"; Spearman {found['spearman']:.3f}, of measuring twice {found['retest_spearman']:.3f}"
        if self.noise.too_much:
            return f"TOO NOISY while the models were measured ({self.noise}), check again on an idle machine; {text}"
        if self.built.too_much:
            return f"TOO NOISY while the table was built ({self.built}), build it anew on an idle machine; {text}"
        return text

    def facts(self) -> dict[str, Any]:
        """What stands in the JSON: the figures at top level, and everything that they were taken from."""
        return {
            **self.figures,
            "too_noisy": self.too_noisy,
            "verdict": self.verdict,
            "runtime": self.identity["runtime"],
            "threads": self.identity["threads"],
            "imgsz": self.imgsz,
            "space": self.space,
            "seed": self.seed,
            "date": self.date,
            "noise": self.noise._asdict(),
            "built": self.built._asdict(),
            "forced": self.forced,
            "identity": self.identity,
            "models": [model.facts() for model in self.models],
        }


def card_models(
    space: Space, count: int, seed: int, nc: int, fitted: Collection[Detector], others: Sequence[Model] = ()
) -> list[Model]:
    """What to check a table of this space with: ``count`` different random members, the stock model, the uniform
    replacements, the other templates' stock models, and ``others``. No random one is any of those, nor among the
    ``fitted``: what the table was calibrated on, for ``nc`` classes.

    Raises InputError where the space has too few members.
    """
    stock, made = space.stock(), space.uniform_replacements()
    rng = np.random.default_rng((STREAM, seed))
    apart = [*(member.detector(nc) for member in (stock, *made)), *fitted]
    drawn: dict[Architecture, Detector] = {}
    for _ in range(100 * count):
        member = space.random(rng)
        detector = member.detector(nc)
        if detector not in apart:
            drawn[member] = detector
        if len(drawn) == count:
            break
    else:
        found = f"only {len(drawn)} members of the space {space.name} were found outside the calibration"
        raise InputError(f"--models {count}: {found}; give that many or fewer, or another --space")
    templates = (template for template in TEMPLATES.values() if template.name != space.file.template)
    return [
        *(Model(str(member), "random", detector) for member, detector in drawn.items()),
        Model(space.file.template, "stock", stock.detector(nc)),
        *(Model(_short(member, stock), "hand-made", member.detector(nc)) for member in made),
        *(Model(template.name, "other", template.stock(nc)) for template in templates),
        *others,
    ]


def report_card(
    table: LatencyTable, models: Sequence[Model], imgsz: int, phase: Bar, space: str = "", seed: int = 0
) -> Card:
    """Predict these models, then measure them whole, interleaved with the reference kernel, all of them twice.

    Entries that the table lacks are measured first; it has to be calibrated at ``imgsz``, or MissingEntryError says so
    before anything whole is measured.
    """
    rows = [row for model in models for row in model.detector.resolve(imgsz)]
    if missing := table.missing(rows):
        with phase(f"{len(missing)} entries that the table lacks") as progress:
            table.ensure(rows, progress)
    predicted = _predicted(table, models, imgsz)
    with phase(f"{len(models)} whole models, measured twice") as progress:
        first, second = table.measure_twice([model.detector for model in models], imgsz, progress)
    return _card(table, models, imgsz, predicted, first, second, table.noise, space, seed)


def card_from(
    table: LatencyTable,
    models: Sequence[Model],
    imgsz: int,
    first: Sequence[Measurement],
    second: Sequence[Measurement],
    noise: Noise,
    space: str = "",
    seed: int = 0,
) -> Card:
    """The card of models that were measured elsewhere, twice, as a measuring kit does it. ``noise`` is that of the
    measuring; the table has to know their rows, and be calibrated."""
    return _card(table, models, imgsz, _predicted(table, models, imgsz), first, second, noise, space, seed)


def card_path(table: LatencyTable, imgsz: int) -> Path:
    """Where a table's card lies: beside it."""
    return table.path.with_suffix(f".card-{imgsz}.json")


def keep_card(table: LatencyTable, card: Card) -> None:
    """Write the card beside its table, and its figures into the table's header."""
    table.record(card.imgsz, card.recorded)
    write(card_path(table, card.imgsz), json.dumps(card.facts(), indent=2) + "\n")


def load_card(table: LatencyTable, imgsz: int) -> Card:
    """The card that lies beside a table.

    Raises InputError where there is none, and for one that is damaged or of another table: its figures are taken anew
    from its models and have to be those of the table's header.
    """
    path = card_path(table, imgsz)
    if not table.path.exists():
        path = shipped("latency_tables") / path.name
    of = table.header.identity
    check = latency_command("check", "--imgsz", str(imgsz), of=of)
    mend = kit_command(of, "--imgsz", str(imgsz)) if table.runtime is None else f"make it with {check}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        models = tuple(Checked(**{n: model[n] for n in Checked.__dataclass_fields__}) for model in content["models"])
        taken = {name: content[name] for name in ("identity", "imgsz", "space", "seed", "date", "forced")}
        card = Card(noise=Noise(**content["noise"]), built=Noise(**content["built"]), models=models, **taken)
        whole = card.facts() == content and {model.kind for model in models} <= set(get_args(Kind))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no report card at {imgsz} pixels; {mend}") from None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise InputError(f"{path}: not readable as a report card: {type(error).__name__}: {error}; {mend}") from None
    if not whole:
        raise InputError(f"{path}: the figures are not those of the models in it; {mend}")
    if card.identity != of or table.header.cards.get(str(imgsz)) != card.recorded:
        raise InputError(f"{path}: not the card of the table {table.path} as it stands; {mend}")
    return card


def _predicted(table: LatencyTable, models: Sequence[Model], imgsz: int) -> list[float]:
    return [table.predict(model.detector, imgsz).total_ms for model in models]


def _card(
    table: LatencyTable,
    models: Sequence[Model],
    imgsz: int,
    predicted: Sequence[float],
    first: Sequence[Measurement],
    second: Sequence[Measurement],
    noise: Noise,
    space: str,
    seed: int,
) -> Card:
    checked = [
        Checked(model.name, model.kind, ms, one.ms, other.ms, (one.spread_ms + other.spread_ms) / 2)
        for model, ms, one, other in zip(models, predicted, first, second, strict=True)
    ]
    today, header = date.today().isoformat(), table.header
    return Card(header.identity, imgsz, space, seed, today, noise, header.noise, table.forced, tuple(checked))


def _short(member: Architecture, stock: Architecture) -> str:
    """The operator of a uniform replacement, with the template that it was put into."""
    replaced = next(a for a, b in zip(member.backbone, stock.backbone, strict=True) if a.family != b.family)
    return f"{member.template} {replaced.operator}"
