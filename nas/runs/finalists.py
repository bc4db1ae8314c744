"""Finalists: detectors that a search proposes, their Pareto front, and pareto.csv with its YAML files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nas.detectors.yaml_files import to_yaml
from nas.files import write
from nas.latency.notices import forced_warning
from nas.objectives.costs import LATENCY
from nas.objectives.limits import Limits
from nas.objectives.pareto import Point, dominates, pareto
from nas.runs.finalist_weights import copy_weights, stored_weights
from nas.runs.next_commands import bundle_command, train_command, training_data, training_notes
from nas.runs.trials import short_id
from nas.spaces.architecture import decode

if TYPE_CHECKING:
    import pandas as pd

LEAST_SHOWN = 0.00005
"""Least difference of scores that four decimals show."""
STOCK = "stock"
"""The stock model's name; on the front its rank stands before it."""


@dataclass(frozen=True)
class Finalist:
    """A detector that a search proposes.

    Attributes:
        name: Its name in the front; empty for a model that is not on it.
        arch: Its architecture string.
        imgsz: Image size at deployment, in pixels.
        score: Mean score of ``score_n`` trainings on the highest rung.
        score_sd: Their standard deviation; None for one training.
        score_n: Number of trainings, each with another seed.
        test_score: Mean score on the test split; None where the data has none.
        latency_predicted_ms: Latency of one image, from the table.
        latency_ms: Latency of one image, measured end-to-end; None if it was not measured.
        latency_spread_ms: Spread of that measurement.
        params: Number of parameters.
        macs: Multiply-adds of one image.
        weight_bytes: Bytes of the deployed weights in their smallest form, see `nas.operators.base.Cost`.
        budgets_kept: "k of n" limits that it meets.
        yaml: Its YAML file: relative to the run directory in files, absolute in `nas.runs.run.Run.front`.
        stock: True for the template's own model.
        rejected: The reason why it is not on the front; empty for a model of the front.
        ap: AP50-95 of its trained weights on the validation split at its image size; None without pretrained weights.
        weights: Its trained weights, a path as that of ``yaml``: "pareto/NAME.pt" for a model of the front, otherwise
            `nas.runs.finalist_weights.stored_weights`; empty without pretrained weights.
        jackknife: AP without one group of validation images each, see `nas.proxies.detections.Detections.jackknife`.
    """

    name: str
    arch: str
    imgsz: int
    score: float
    score_sd: float | None
    score_n: int
    test_score: float | None
    latency_predicted_ms: float
    latency_ms: float | None
    latency_spread_ms: float | None
    params: int
    macs: int
    weight_bytes: int
    budgets_kept: str
    yaml: str
    stock: bool = False
    rejected: str = ""
    ap: float | None = None
    weights: str = ""
    jackknife: tuple[float, ...] = ()

    @property
    def accuracy(self) -> float:
        """The figure that the front maximizes: AP of the trained weights where there are any, otherwise the score."""
        return self.score if self.ap is None else self.ap

    @property
    def label(self) -> str:
        """Its name, with a mark at the stock model. Earlier versions named that like any other model of the front."""
        return f"{self.name} (stock)" if self.stock and STOCK not in self.name else self.name

    @property
    def latency(self) -> float:
        """Latency in ms: measured where it was measured, otherwise predicted."""
        return self.latency_predicted_ms if self.latency_ms is None else self.latency_ms

    @property
    def costs(self) -> dict[str, float]:
        """Costs by name, see `nas.objectives.costs.COSTS`."""
        return {"latency": self.latency, "params": self.params, "macs": self.macs, "size": self.weight_bytes}

    @property
    def error(self) -> float | None:
        """Relative error of the predicted latency: measured / predicted - 1."""
        return None if self.latency_ms is None else self.latency_ms / self.latency_predicted_ms - 1

    def point(self, minimize: Sequence[str]) -> Point:
        """The accuracy and the named costs."""
        return self.accuracy, *(self.costs[name] for name in minimize)


class Front(NamedTuple):
    """Finalists, sorted out.

    Attributes:
        models: The Pareto front, fastest first.
        stock: The stock model, which may also be one of ``models``.
        others: Finalists that are not on the front, with the reason.
    """

    models: list[Finalist]
    stock: Finalist
    others: list[Finalist]


def front_of(finalists: Sequence[Finalist], limits: Limits, minimize: Sequence[str] = LATENCY) -> Front:
    """The Pareto front of the finalists that meet all limits.

    Where finalists are trained, one without AP is not on the front: its score is another figure.

    Args:
        finalists: All finalists, the stock model among them.
        limits: Limits on costs.
        minimize: Costs that count beside the score, see `nas.objectives.target.Target`.
    """
    trained = any(finalist.ap is not None for finalist in finalists)
    judged = [_judged(finalist, limits, trained) for finalist in finalists]
    within = [finalist for finalist in judged if not finalist.rejected]
    best = pareto([finalist.point(minimize) for finalist in within])
    models = [_named(rank, within[index]) for rank, index in enumerate(best, 1)]
    names = {finalist.arch for finalist in models}
    others = [
        finalist if finalist.rejected else replace(finalist, rejected=_dominated_by(finalist, models, minimize))
        for finalist in judged
        if finalist.arch not in names
    ]
    return Front(models, next(finalist for finalist in (*models, *others) if finalist.stock), others)


def _judged(finalist: Finalist, limits: Limits, trained: bool) -> Finalist:
    """Judge it by the limits, and forget what an earlier front said of it; ``trained`` if it needs an AP."""
    violations = limits.violations(finalist.costs)
    over = [name for name, value in violations.items() if value > 0]
    note = ", latency as predicted" if finalist.latency_ms is None and "latency" in violations else ""
    lacking = "not trained, so its AP is not known" if trained and finalist.ap is None else ""
    return replace(
        finalist,
        name=STOCK if finalist.stock else "",
        yaml="",
        weights=finalist.weights and stored_weights(finalist.arch),
        budgets_kept=f"{len(violations) - len(over)} of {len(violations)}{note}",
        rejected=f"over the limit on {' and '.join(over)}" if over else lacking,
    )


def _dominated_by(finalist: Finalist, front: Sequence[Finalist], minimize: Sequence[str]) -> str:
    """The best model of the front that costs no more, in words."""
    cheaper = [other for other in front if dominates(other.point(minimize), finalist.point(minimize))]
    best = max(cheaper, key=lambda other: other.accuracy)
    costs = "is no slower" if len(minimize) == 1 else f"has no higher {' or '.join(minimize)}"
    more = best.accuracy - finalist.accuracy
    if finalist.ap is not None:
        return f"{best.name} {costs} and its AP is {f'{more:.4f} higher' if more >= LEAST_SHOWN else 'as high'}"
    return f"{best.name} {costs} and scores {f'{more:.4f} higher' if more >= LEAST_SHOWN else 'as high'}"


def _named(rank: int, finalist: Finalist) -> Finalist:
    # Hexadecimal digits avoid the letters n, s, m, l and x, from which Ultralytics reads a scale.
    suffix = STOCK if finalist.stock else short_id(finalist.arch)
    name = f"{rank:02d}-{suffix}"
    return replace(finalist, name=name, yaml=f"pareto/{name}.yaml", weights=finalist.weights and f"pareto/{name}.pt")


def unmeasured_note(run: Path, forced: str = "") -> str:
    """The note beside latencies of a run that were predicted and not measured.

    Args:
        run: The run directory.
        forced: The reason why its table does not fit, see `nas.runs.record.RunRecord`.
    """
    return f"predicted, not measured; {'nothing is measured with a forced table' if forced else bundle_command(run)}"


def write_front(
    run: Path, front: Sequence[Finalist], nc: int, unit: str, *, data: str | None = None, forced: str = ""
) -> None:
    """Write pareto.csv, pareto/*.yaml and trained weights as pareto/*.pt; files of an earlier front are removed.

    Args:
        run: The run directory.
        front: The models.
        nc: Number of classes.
        unit: Unit of the scores.
        data: Data set of the run, for the command that trains a model.
        forced: As for `unmeasured_note`.

    Raises:
        ConfigError: As for `nas.runs.finalist_weights.copy_weights`.
    """
    copy_weights(run, front)
    for old in (run / "pareto").glob("*.yaml"):
        old.unlink()
    for finalist in front:
        latency = f"{finalist.latency:.2f} ms {'measured' if finalist.latency_ms else 'predicted, not measured'}"
        accuracy = f"{unit} {finalist.score:.4f}" if finalist.ap is None else f"AP50-95 {finalist.ap:.4f}"
        about = f"{finalist.name}: {accuracy}, {latency}, {finalist.imgsz} px"
        notes = [f"{about}; the stock model" if finalist.stock else about, finalist.arch]
        notes += [forced_warning(forced)] if forced else []
        weights = run / finalist.weights if finalist.weights else ""
        known = data and training_data(run, data)
        notes += training_notes(train_command(run / finalist.yaml, known, finalist.imgsz, weights))
        write(run / finalist.yaml, to_yaml(decode(finalist.arch).detector(nc), "\n".join(notes)))
    frame = pareto_frame(front)
    write(run / "pareto.csv", (frame.assign(forced=forced) if forced else frame).to_csv(index=False))


def pareto_frame(front: Sequence[Finalist]) -> pd.DataFrame:
    """pareto.csv as a data frame. Columns of trained weights are there if a model has such weights."""
    import pandas as pd

    hidden = {"stock", "rejected", "jackknife"} | (
        set() if any(f.weights or f.ap is not None for f in front) else {"ap", "weights"}
    )
    columns = [field.name for field in fields(Finalist) if field.name not in hidden]
    return pd.DataFrame([asdict(finalist) for finalist in front], columns=columns)
