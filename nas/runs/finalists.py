"""From the trained candidates to the detectors that a search proposes, measured whole on the device."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd

from nas.detectors.costs import cost
from nas.detectors.yaml_files import to_yaml
from nas.files import write
from nas.latency.notices import forced_warning
from nas.latency.runtimes.measure import Measurement
from nas.objectives.costs import LATENCY
from nas.objectives.limits import Limits
from nas.objectives.pareto import Point, dominates, pareto
from nas.objectives.target import Target
from nas.progress import Progress
from nas.search.halving import Standing
from nas.spaces.architecture import decode


@dataclass(frozen=True)
class Finalist:
    """A detector that a search proposes. Latencies in ms, one image of ``imgsz`` pixels; ``latency_ms``, measured
    whole, and its spread are None until it was measured, which takes a measuring kit where the device is not here.
    ``weight_bytes`` is what the deployed weights take in the smallest form (`nas.operators.Cost`); ``budgets_kept`` is
    "k of n" of the limits given.

    ``score`` is the mean of ``score_n`` trainings on the highest rung with different seeds, ``score_sd`` their standard
    deviation, None for one; ``test_score`` the mean on the test split, where the data has one. ``stock`` marks the
    template's own model; ``yaml`` is the file relative to the run; ``fell`` says why it is not on the front.
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
    fell: str = ""

    @property
    def latency(self) -> float:
        """Measured latency in ms; predicted, where nothing was measured."""
        return self.latency_predicted_ms if self.latency_ms is None else self.latency_ms

    @property
    def costs(self) -> dict[str, float]:
        """As `Limits` name them."""
        return {"latency": self.latency, "params": self.params, "macs": self.macs, "size": self.weight_bytes}

    def point(self, minimised: Sequence[str]) -> Point:
        """The score and these costs."""
        return self.score, *(self.costs[name] for name in minimised)

    @property
    def error(self) -> float | None:
        """Measured over predicted latency, less one."""
        return None if self.latency_ms is None else self.latency_ms / self.latency_predicted_ms - 1


def measure(standings: Sequence[Standing], stock: str, target: Target, progress: Progress) -> list[Finalist]:
    """These finalists, measured whole and interleaved in one session where the device is here or a worker of a cluster;
    ``stock`` is the architecture of the stock model, one of them."""
    members, table = [target.decode(standing.row.arch) for standing in standings], target.table
    detectors, sizes = list(map(target.detector, members)), list(map(target.imgsz, members))
    wholes: Sequence[Measurement | None] = [None] * len(standings)
    if table.here:
        wholes = table.measure_wholes(detectors, sizes, progress)
    elif target.far is not None and not table.forced:
        wholes = target.far.wholes(detectors, sizes)
    finalists = []
    for standing, detector, imgsz, whole in zip(standings, detectors, sizes, wholes, strict=True):
        params, macs, _, size = cost(detector, imgsz)
        finalist = Finalist(
            name="",
            arch=standing.row.arch,
            imgsz=imgsz,
            score=standing.score,
            score_sd=standing.sd,
            score_n=standing.n,
            test_score=standing.test,
            latency_predicted_ms=standing.point()[1],
            latency_ms=whole and whole.ms,
            latency_spread_ms=whole and whole.spread_ms,
            params=params,
            macs=macs,
            weight_bytes=size,
            budgets_kept="",
            yaml="",
            stock=standing.row.arch == stock,
        )
        finalists.append(finalist)
    return finalists


def front_of(
    finalists: Sequence[Finalist], limits: Limits, minimised: Sequence[str] = LATENCY
) -> tuple[list[Finalist], Finalist, list[Finalist]]:
    """The Pareto front of these by score and what is ``minimised`` (`Target`), fastest first and without those that
    break a limit; the stock model, which the front holds too when nothing dominates it; and the others, with why they
    fell out."""
    judged = [_within(finalist, limits) for finalist in finalists]
    kept = [finalist for finalist in judged if not finalist.fell]
    front = [_named(i, kept[k]) for i, k in enumerate(pareto([f.point(minimised) for f in kept]), 1)]
    there = {finalist.arch for finalist in front}
    others = [f if f.fell else replace(f, fell=_beaten(f, front, minimised)) for f in judged if f.arch not in there]
    return front, next(f for f in (*front, *others) if f.stock), others


def _within(finalist: Finalist, limits: Limits) -> Finalist:
    """With what there is to say of the limits, and without what an earlier front said of it."""
    violations = limits.violations(finalist.costs)
    over = [f"--max-{name}" for name, value in violations.items() if value > 0]
    by = ", latency as predicted" if finalist.latency_ms is None and "latency" in violations else ""
    return replace(
        finalist,
        name="stock" if finalist.stock else "",
        yaml="",
        budgets_kept=f"{len(violations) - len(over)} of {len(violations)}{by}",
        fell=f"over {', '.join(over)}" if over else "",
    )


def _beaten(finalist: Finalist, front: Sequence[Finalist], minimised: Sequence[str]) -> str:
    """By which model of the front: the best of those that cost no more."""
    cheaper = [other for other in front if dominates(other.point(minimised), finalist.point(minimised))]
    best = max(cheaper, key=lambda other: other.score)
    costs = "slower" if len(minimised) == 1 else f"larger in {', '.join(minimised)}"
    return f"{best.name} is no {costs} and scores {best.score - finalist.score:.4f} more"


def unmeasured(run: Path, forced: str = "") -> str:
    """What stands wherever latencies of a run are shown that were not measured; ``forced`` as in its run.json."""
    command = shlex.join(["python", "-m", "nas.latency", "bundle", "DIR", "--run", str(run)])
    return f"predicted, not measured; {'nothing is measured with --force' if forced else command}"


def write_front(run: Path, front: Sequence[Finalist], nc: int, unit: str, forced: str = "") -> None:
    """Write pareto.csv and pareto/*.yaml, in place of those of an earlier front; ``unit`` is that of the scores."""
    for old in (run / "pareto").glob("*.yaml"):
        old.unlink()
    for finalist in front:
        latency = f"{finalist.latency:.2f} ms {'measured' if finalist.latency_ms else 'predicted, not measured'}"
        notes = [f"{finalist.name}: {unit} {finalist.score:.4f}, {latency}, {finalist.imgsz} px", finalist.arch]
        notes += [forced_warning(forced)] if forced else []
        write(run / finalist.yaml, to_yaml(decode(finalist.arch).detector(nc), "\n".join(notes)))
    frame = pareto_frame(front)
    write(run / "pareto.csv", (frame.assign(forced=forced) if forced else frame).to_csv(index=False))


def _named(index: int, finalist: Finalist) -> Finalist:
    # Hexadecimal digits hold none of the letters n, s, m, l, x that Ultralytics reads a scale from.
    name = f"{index:02d}-{hashlib.sha256(finalist.arch.encode()).hexdigest()[:6]}"
    return replace(finalist, name=name, yaml=f"pareto/{name}.yaml")


def pareto_frame(front: Sequence[Finalist]) -> pd.DataFrame:
    """pareto.csv."""
    columns = [name for name in Finalist.__dataclass_fields__ if name not in {"stock", "fell"}]
    return pd.DataFrame([asdict(finalist) for finalist in front], columns=columns)
