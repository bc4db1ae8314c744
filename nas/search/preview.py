"""Preview of a search: the work ahead, the time that it should take, and its limits. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from nas.config import SearchConfig
from nas.latency.table import LatencyTable
from nas.objectives.costs import COSTS, readable
from nas.objectives.limits import Limits
from nas.objectives.target import Target
from nas.plurals import counted
from nas.progress import Reporter, duration
from nas.search.estimates import PhaseTime, phase_times, training_time
from nas.search.feasibility import predicts, sampled_members
from nas.search.plan import SearchPlan, plan_search
from nas.search.quick_latency import time_quickly
from nas.spaces.space import Space


@dataclass(frozen=True)
class LimitOutlook:
    """A limit beside the costs of two models of the space.

    Attributes:
        name: Name of the cost, see `nas.objectives.costs.COSTS`.
        limit: The limit.
        stock: Cost of the stock model.
        smallest: Cost of the smallest model.
        least: Least cost of all models that were priced.
        basis: Origin of the costs.
    """

    name: str
    limit: float
    stock: float
    smallest: float
    least: float
    basis: str

    @property
    def can_be_met(self) -> bool:
        """True if a model of the space meets the limit."""
        return self.least <= self.limit

    def __str__(self) -> str:
        verdict = "can be met" if self.can_be_met else "was met by none of them"
        costs = f"stock {readable(self.name, self.stock)}, smallest {readable(self.name, self.smallest)}"
        return (
            f"limit on {COSTS[self.name].heading} {readable(self.name, self.limit)}: {verdict}; {costs} ({self.basis})"
        )


@dataclass(frozen=True)
class Preview:
    """Preview of a search.

    Attributes:
        space: Name of the search space.
        architectures: Number of architectures in it.
        data: Name of the data set.
        data_note: Number of images that are used.
        classes: Its classes.
        device: Fingerprint of device and runtime.
        table: Path of the latency table.
        table_source: The file that it is read from; None if there is none yet.
        entries: Entries of the table that the space needs.
        missing: Those that have to be measured.
        budget: Candidates to train.
        workers: Candidates that are trained at once.
        out: The run directory.
        limits: The limits, with costs of the stock and the smallest model.
        phases: Estimated time of each phase.
    """

    space: str
    architectures: int
    data: str
    data_note: str
    classes: tuple[str, ...]
    device: Mapping[str, str | int]
    table: str
    table_source: str | None
    entries: int
    missing: int
    budget: int
    workers: int
    out: str
    limits: tuple[LimitOutlook, ...]
    phases: tuple[PhaseTime, ...]

    @property
    def feasible(self) -> bool:
        """True if each limit is met by a model that was priced."""
        return all(limit.can_be_met for limit in self.limits)

    @property
    def seconds(self) -> float:
        """Estimated time of the search."""
        return sum(phase.seconds for phase in self.phases)

    def to_json(self) -> dict[str, Any]:
        """The preview as JSON."""
        return asdict(self) | {"feasible": self.feasible, "seconds": self.seconds}

    def lines(self) -> Iterator[str]:
        """The preview in words."""
        held = self.device
        yield f"space: {self.space}, {self.architectures:.3g} architectures"
        yield f"budget: {counted(self.budget, 'candidate')} to train"
        yield f"data: {self.data}, {counted(len(self.classes), 'class', 'classes')}; {self.data_note}"
        threads = counted(int(held.get("threads", 1)), "thread")
        yield f"device: {held.get('device')}, {held.get('runtime')} {held.get('version', '')}, {threads}"
        source = self.table_source or "there is none yet"
        yield f"table: {source}; {self.missing:,} of {counted(self.entries, 'entry', 'entries')} are to be measured"
        yield from map(str, self.limits)
        yield f"run directory: {self.out}"
        yield f"time, estimated: {duration(self.seconds)}"
        for phase in self.phases:
            yield f"  {phase.name:<12} {duration(phase.seconds):>10}  {phase.basis}"


def preview_search(config: SearchConfig, reporter: Reporter) -> Preview:
    """Preview a search. Data and space are read, and a few training steps of the stock model are timed.

    Args:
        config: Options of the search.
        reporter: Shows messages and progress.

    Raises:
        ConfigError: As for `nas.run_search`; among others, no model of the space meets a limit.
        DataError: The data set cannot be used.
        TableError: The latency table or the runtime cannot be used.
    """
    plan = plan_search(config, reporter, dry=True)
    space, nc = plan.space, plan.proxy.dataset.nc
    keys = [row for size in config.imgsz for row in space.rows(nc, size)]
    missing = len(plan.table.missing(keys))
    workers, threads = plan.worker_count()
    with reporter.bar("a few training steps of the stock model") as progress:
        times = training_time(plan.proxy, space.stock().detector(nc), threads)
        progress(1.0)
    return Preview(
        space=space.name,
        architectures=architectures(space),
        data=plan.config.data,
        data_note=plan.proxy.dataset.note,
        classes=tuple(plan.proxy.dataset.classes),
        device=plan.table.fingerprint,
        table=str(plan.table.path),
        table_source=None if plan.table.source is None else str(plan.table.source),
        entries=len(LatencyTable(plan.table.path, {}).missing(keys)),
        missing=missing,
        budget=config.budget,
        workers=workers,
        out=str(plan.folder),
        limits=tuple(_outlooks(plan, config.limits, reporter)),
        phases=tuple(phase_times(plan.config, plan.proxy, missing, times, workers)),
    )


def architectures(space: Space) -> int:
    """Number of architectures of a space, those that differ only in choices of one stage included."""
    stages = prod(sum(1 for _ in space.choices(stage)) for stage in space.file.stages)
    return stages * len(space.heads) * max(1, len(space.sizes))


def _outlooks(plan: SearchPlan, limits: Limits, reporter: Reporter) -> Iterator[LimitOutlook]:
    """Each limit beside the costs of the stock and the smallest model, and of random ones where that is quick."""
    target = Target(plan.table, plan.proxy.dataset.nc, plan.config.imgsz, plan.config.minimize)
    named = [plan.space.smallest(), plan.space.stock()]
    members = [*named, *sampled_members(plan.space)] if limits.names else named
    known = predicts(target, members)
    priced = [target.costs(member) if known else target.costs_by_rows(member) for member in members]
    for name in limits.names:
        basis = "predicted by the table" if name == "latency" else "exact"
        found = [costs.get(name, 0.0) for costs in priced]
        if name == "latency" and not known:
            if plan.builder is None:
                continue  # its table is measured elsewhere
            with reporter.bar("latency of the stock and the smallest model") as progress:
                detectors = [(target.detector(member), target.imgsz(member)) for member in named]
                found, basis = (
                    time_quickly(plan.builder.runtime, detectors, progress),
                    "timed now, without the table's care",
                )
        yield LimitOutlook(name, getattr(limits, name), found[1], found[0], min(found), basis)
