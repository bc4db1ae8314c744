"""The loop: what is asked, gated, trained, repeated, recorded and taken up again."""

from __future__ import annotations

import hashlib
import random
import statistics
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from nas.detectors.costs import cost
from nas.detectors.rows import Detector
from nas.errors import ConfigError, SearchError
from nas.latency.table import LatencyTable
from nas.objectives.limits import Limits
from nas.objectives.target import Target
from nas.proxies.outcome import Outcome
from nas.runs.study import open_study
from nas.runs.trials import TrialRecord, read_trials
from nas.runs.trials import TrialState as State
from nas.search.driver import Driver
from nas.search.feasibility import check_early, check_feasibility, check_hopeless
from nas.search.samplers import SAMPLERS
from nas.spaces.space import Space, load_space
from tests.search.made_up import TARGET


@dataclass
class Scorer:
    """A score from the rows alone, and faults where they are asked for."""

    fault: Callable[[int], None] = lambda count: None
    scored: list[Detector] = field(default_factory=list)

    def __call__(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        try:
            future.set_result(self.one(detector, seed))
        except Exception as error:
            future.set_exception(error)
        return future

    def one(self, detector: Detector, seed: int) -> Outcome:
        self.scored.append(detector)
        self.fault(len(self.scored))
        digest = hashlib.sha256(repr((detector, seed)).encode()).digest()
        return Outcome(int.from_bytes(digest[:4]) / 2**32, 0.5, ())


def driver(folder: Path, scorer: Any, space: str = "yolov8n", sampler: str = "tpe", **options: Any) -> Driver:
    settings: dict[str, Any] = {"seed": 7, "budget": 12, "limits": Limits()} | options
    study = open_study(f"sqlite:///{folder / 'study.db'}", "study", "AP50-95 (proxy)")
    return Driver(study, load_space(space), TARGET, scorer, SAMPLERS[sampler](), **settings)


def run(driver: Driver) -> list[TrialRecord]:
    driver.run(lambda record: None)
    return read_trials(driver.study)


def trained(rows: list[TrialRecord]) -> list[TrialRecord]:
    return [row for row in rows if row.state is State.TRAINED]


def test_no_more_is_asked_for_after_the_time_limit(tmp_path: Path) -> None:
    late = driver(tmp_path, Scorer(), until=time.monotonic() - 1)
    assert late.run(lambda record: None) == "the time limit is reached, with 1 of 12 candidates trained"
    assert [row.state for row in read_trials(late.study)] == [State.TRAINED]
    taken_up = driver(tmp_path, Scorer(), until=time.monotonic() + 600)
    assert taken_up.run(lambda record: None) == "the budget is spent"
    assert len(trained(read_trials(taken_up.study))) == 12


def test_what_the_user_names_is_trained_first(tmp_path: Path) -> None:
    space = load_space("yolov8n")
    rng = np.random.default_rng(5)
    named = (space.random(rng), space.stock(), space.random(rng))
    searched = driver(tmp_path, Scorer(), budget=20, start=named)
    rows = run(searched)
    first = [str(member) for member in (space.stock(), named[0], named[2], space.uniform_replacements()[0])]
    assert [row.arch for row in rows[:4]] == first
    assert searched.left_out() == space.uniform_replacements()[1:]
    assert len(trained(rows)) == 20


def test_what_a_space_can_reach_is_told_before_anything_is_spent() -> None:
    space = load_space("yolov8n")
    least = check_feasibility(space, TARGET, Limits())
    assert least.lines() == []
    middle = statistics.median(least.costs["macs"])
    found = check_feasibility(space, TARGET, Limits(latency=middle / 1e7, macs=int(middle)))
    # The made-up latency follows the MACs, so both halves are the same half.
    assert found.within == {"latency": 0.5, "macs": 0.5, "all": 0.5}
    first, second, both = found.lines()
    assert first.startswith(f"50% of 100 random models meet the limit on latency, {middle / 1e7:.3g} ms. They range ")
    assert f"median {middle / 1e9:.3g} G" in second
    assert both == "50% meet all limits."
    smallest = cost(space.smallest().detector(3)).params
    assert min(found.costs["params"]) == smallest
    with pytest.raises(ConfigError) as refused:
        check_feasibility(space, TARGET, Limits(params=smallest - 1))
    with pytest.raises(ConfigError) as early:
        check_early(space, Target(LatencyTable(Path("none.csv"), {}), 3, (160,)), Limits(1e-3, smallest - 1))
    assert str(early.value) == str(refused.value)
    check_early(space, Target(LatencyTable(Path("none.csv"), {}), 3, (160,)), Limits(1e-3, smallest))
    assert (refused.value.field, refused.value.value) == ("max_params", str(smallest - 1))
    assert f"is {smallest / 1e6:.3g} M" in refused.value.problem
    assert refused.value.hint.startswith("raise it")
    members = [space.smallest(), space.stock()]
    fastest = TARGET.costs(members[0])["latency"]
    check_hopeless(space, TARGET, Limits(latency=fastest / 1.9), members)
    with pytest.raises(ConfigError, match="the smallest and 1 other model"):
        check_hopeless(space, TARGET, Limits(latency=fastest / 2.1), members)


def test_budget_baselines_and_attributes(tmp_path: Path) -> None:
    scorer = Scorer()
    rows = run(driver(tmp_path, scorer))
    space = load_space("yolov8n")
    assert len(trained(rows)) == 12 == len(scorer.scored)
    # A fifth of 12: the stock model and one replacement.
    assert [row.arch for row in rows[:2]] == [str(space.stock()), str(space.uniform_replacements()[0])]
    for row in trained(rows):
        params, macs, *_ = cost(row.architecture.detector(3), 160)
        assert (row.params, row.macs, row.latency_ms) == (params, macs, macs / 1e7)
        assert row.seconds == 0.5
        assert row.rung == 1


def test_same_seed_same_trials(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        rows = run(driver(tmp_path / name, Scorer(), budget=16, seed=8 if name == "c" else 7))
        found.append([(row.arch, row.score, row.state) for row in rows])
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_several_workers_give_the_same_trials_whoever_is_first(tmp_path: Path) -> None:
    found = []
    for name in ("at once", "late"):
        (tmp_path / name).mkdir()
        scorer = Scorer()

        def late(detector: Detector, seed: int, scorer: Scorer = scorer, scale: float = 1.0) -> Outcome:
            time.sleep(random.random() / 20)
            return scorer.one(detector, seed)

        with ThreadPoolExecutor(3) as pool:
            score = partial(pool.submit, late) if name == "late" else scorer
            rows = run(driver(tmp_path / name, score, budget=13, workers=3))
        assert len(trained(rows)) == 13 == len(scorer.scored)
        assert len({row.arch for row in trained(rows)}) == 13
        found.append([(row.number, row.arch, row.score) for row in rows])
    assert found[0] == found[1]


def test_images_of_several_sizes(tmp_path: Path) -> None:
    """Each is trained on images as much larger as it is deployed on, and costs what it costs there."""
    scales: dict[Detector, set[float]] = {}

    class Sized(Scorer):
        def __call__(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
            scales.setdefault(detector, set()).add(scale)
            future: Future[Outcome] = Future()
            future.set_result(Outcome(scale, 0.5, ()))
            return future

    space, target = load_space("tiny", (160, 320, 256)), replace(TARGET, sizes=(160, 320, 256))
    searched = replace(driver(tmp_path, Sized(), sampler="guided", budget=24), space=space, target=target)
    rows = run(searched)
    assert [row.arch for row in rows[:3]] == list(map(str, (space.stock(), *space.resized())))
    found = trained(rows)
    assert {row.score for row in found} == {1.0, 1.6, 2.0}
    for row in found:
        member, at = row.architecture, row.architecture.imgsz or 0
        assert row.score == at / 160 in scales[member.detector(3)]
        assert row.macs == cost(member.detector(3), at).macs
        assert row.latency_ms == TARGET.table.predict(member.detector(3), at).total_ms
    assert {trial.params["imgsz"] for trial in searched.study.trials} == {160, 256, 320}


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_no_worker_waits_while_an_older_training_lasts(tmp_path: Path, workers: int) -> None:
    """When the oldest training ends, there is already one more asked for than the others can run."""
    scorer, open_now, most = Scorer(), [0], [0]

    class Pending(Future[Outcome]):
        def result(self, timeout: float | None = None) -> Outcome:
            most[0] = max(most[0], open_now[0])
            open_now[0] -= 1
            return super().result(timeout)

    def score(detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        future = Pending()
        future.set_result(scorer.one(detector, seed))
        open_now[0] += 1
        return future

    run(driver(tmp_path, score, workers=workers))
    assert most[0] == (1 if workers == 1 else workers + 1)


def test_interrupted_run_goes_on_as_the_unbroken_one(tmp_path: Path) -> None:
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    whole = run(driver(tmp_path / "whole", Scorer(), budget=16))

    def interrupt(count: int) -> None:
        if count in {1, 3, 14}:
            raise KeyboardInterrupt

    scorer = Scorer(interrupt)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run(driver(tmp_path / "broken", scorer, budget=16))
    rows = run(driver(tmp_path / "broken", scorer, budget=16))
    assert sum(row.state is State.INTERRUPTED for row in rows) == 3
    kept = [(row.arch, row.score) for row in rows if row.state is not State.INTERRUPTED]
    assert kept == [(row.arch, row.score) for row in whole]


def test_killed_driver_leaves_nothing_running(tmp_path: Path) -> None:
    class Killed(BaseException):
        """Neither an error nor an interruption: what SIGKILL leaves behind."""

    def kill(count: int) -> None:
        if count == 4:
            raise Killed

    scorer = Scorer(kill)
    with pytest.raises(Killed):
        run(driver(tmp_path, scorer))
    rows = run(driver(tmp_path, scorer))
    assert [row.state for row in rows].count(State.INTERRUPTED) == 1
    assert len(trained(rows)) == 12
    assert len({row.arch for row in trained(rows)}) == 12


def test_gates_prune_before_training(tmp_path: Path) -> None:
    scorer = Scorer()
    space = load_space("yolov8n")
    limit = 2_500_000
    search = driver(tmp_path, scorer, budget=15, limits=Limits(latency=20.0, params=limit))
    rows = run(search)
    gated = [row for row in rows if row.state is State.GATED]
    assert gated
    exempt = {str(space.stock()), *map(str, space.uniform_replacements())}
    for row in trained(rows):
        assert row.arch in exempt or (row.params <= limit and row.latency_ms <= 20.0)  # type: ignore[operator]
    for row in gated:
        assert "over its limit" in row.reason
        assert row.score is None
        frozen = search.study.trials[row.number]
        assert frozen.state == TrialState.PRUNED
        assert frozen.constraints["params"] == pytest.approx(row.params / limit - 1)  # type: ignore[operator]
        assert max(frozen.constraints.values()) > 0
    assert len(scorer.scored) == 15


def test_size_of_the_weights_gates(tmp_path: Path) -> None:
    # A stage of DSConv blocks has the parameters of the stock stage: only bytes tell the members apart.
    file = tmp_path / "sizes.yaml"
    file.write_text(
        "space: sizes\nversion: 1\ntemplate: yolov8n\noperators:\n  c2f: {expansion: [0.5]}\n"
        "  ds: {shell: [csp], bits: [2, 8], block: [32], expansion: [1]}\nstages:\n"
        "  p2: {channels: [32], depth: [1]}\n  p3: {channels: [64], depth: [2]}\n"
        "  p4: {channels: [128], depth: [2]}\n  p5: {channels: [256], depth: [1]}\n"
    )
    stock = cost(load_space(file).stock().detector(3))
    limit = int(stock.weight_bytes * 0.9)
    search = driver(tmp_path, Scorer(), space=str(file), sampler="random", budget=5, limits=Limits(size=limit))
    rows = run(search)
    gated = [row for row in rows if row.state is State.GATED]
    assert gated
    exempt = {str(load_space(file).stock()), *map(str, load_space(file).uniform_replacements())}
    for row in [*trained(rows), *gated]:
        detector = row.architecture.detector(3)
        size = cost(detector).weight_bytes
        assert cost(detector).params == stock.params
        frozen = search.study.trials[row.number]
        assert frozen.user_attrs["weight_bytes"] == size
        assert frozen.constraints == {"size": pytest.approx(size / limit - 1)}
        assert (size > limit) == (row in gated) or row.arch in exempt
        assert ("size" in row.reason) == (row in gated)


def test_failures_are_recorded_and_the_search_goes_on(tmp_path: Path) -> None:
    def fault(count: int) -> None:
        if count % 3 == 0:
            raise [RuntimeError("no memory left"), ValueError("loss is nan"), MemoryError()][count // 3 % 3]

    rows = run(driver(tmp_path, Scorer(fault)))
    failed = [row for row in rows if row.state is State.FAILED]
    assert len(trained(rows)) == 12
    assert {row.reason for row in failed} >= {"RuntimeError: no memory left", "ValueError: loss is nan"}
    assert all(row.score is None for row in failed)


def test_endless_failures_end_the_search(tmp_path: Path) -> None:
    def fault(count: int) -> None:
        if count > 1:
            raise RuntimeError("broken for all")

    with pytest.raises(SearchError, match="10 candidates in a row failed, the last with: RuntimeError: broken for all"):
        run(driver(tmp_path, Scorer(fault)))
    rows = run(driver(tmp_path, Scorer()))  # mended meanwhile
    assert len(trained(rows)) == 12


def test_without_the_stock_model_there_is_no_search(tmp_path: Path) -> None:
    """It is tried again when the run is taken up, and nothing else stands for it."""

    def fault(count: int) -> None:
        if count == 1:
            raise MemoryError("none left")

    with pytest.raises(SearchError, match="the stock model could not be trained: MemoryError: none left"):
        run(driver(tmp_path, Scorer(fault), workers=2))
    rows = run(driver(tmp_path, Scorer(), workers=2))
    stock = str(load_space("yolov8n").stock())
    assert [row.state for row in rows if row.arch == stock] == [State.FAILED, State.TRAINED]
    assert len(trained(rows)) == 12


def test_a_larger_budget_asks_for_the_baselines_that_the_smaller_left_out(tmp_path: Path) -> None:
    run(driver(tmp_path, Scorer(), budget=4))
    larger = driver(tmp_path, Scorer(), budget=25)
    rows = run(larger)
    assert len(larger.baselines()) == 5
    assert {str(member) for member in larger.baselines()} <= {row.arch for row in trained(rows)}
    assert len(trained(rows)) == 25


def test_what_was_cut_off_before_all_of_it_was_written_is_asked_anew(tmp_path: Path) -> None:
    """A trial that Optuna suggests gets its attributes one by one; the disk is full, or the power gone, between any."""
    whole = run(driver(tmp_path, Scorer(), sampler="random"))
    write = optuna.Trial.set_user_attr
    for count in range(1, 9):
        (folder := tmp_path / str(count)).mkdir()
        left = [count]

        def cut(self: optuna.Trial, key: str, value: Any, left: list[int] = left) -> None:
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt
            write(self, key, value)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(optuna.Trial, "set_user_attr", cut)
            with pytest.raises(KeyboardInterrupt):
                run(driver(folder, Scorer(), sampler="random"))
        found = run(driver(folder, Scorer(), sampler="random"))
        assert [(row.arch, row.score) for row in trained(found)] == [(row.arch, row.score) for row in trained(whole)]


def small(tmp_path: Path) -> Space:
    """A space of two members."""
    file = tmp_path / "small.yaml"
    file.write_text(
        "space: small\nversion: 1\ntemplate: yolov8n\noperators:\n  c2f: {expansion: [0.5]}\nstages:\n"
        "  p2: {channels: [16, 32], depth: [1]}\n  p3: {channels: [64], depth: [2]}\n"
        "  p4: {channels: [128], depth: [2]}\n  p5: {channels: [256], depth: [1]}\n"
    )
    return load_space(file)


def test_repeats_are_not_trained_twice_and_an_exhausted_space_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.search.driver.EXHAUSTED", 30)
    scorer = Scorer()
    search = driver(tmp_path, scorer, space=str(small(tmp_path).path), budget=5)
    reason = search.run(lambda record: None)
    rows = read_trials(search.study)
    assert reason == "the last 30 suggestions were repeats or over a limit: the space is exhausted"
    assert len(scorer.scored) == len(trained(rows)) == 2
    for row in rows:
        if row.state is State.DUPLICATE:
            original = next(r for r in trained(rows) if r.arch == row.arch)
            assert row.score == original.score
            assert row.reason == f"same as trial {original.number}"


def test_study_is_plain_optuna(tmp_path: Path) -> None:
    run(driver(tmp_path, Scorer()))
    study = optuna.load_study(study_name="study", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert study.metric_names == ["AP50-95 (proxy)", "latency ms (predicted)"]
    assert len(study.best_trials) >= 1
    assert all(trial.state.is_finished() for trial in study.trials)
