"""Conformance suite of all registered samplers, and results of ours."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.detectors.costs import cost
from nas.detectors.rows import Detector
from nas.objectives.limits import Limits
from nas.objectives.pareto import hypervolume, pareto
from nas.proxies.outcome import Outcome
from nas.runs.study import open_study
from nas.runs.trials import TrialRecord, read_trials
from nas.search.driver import Driver
from nas.search.samplers import SAMPLERS
from nas.search.surrogate import Surrogate, Values, expected_gain
from nas.spaces.space import load_space
from tests.search.made_up import TARGET

SPACE = load_space("yolov8n")


def score(detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
    """The more parameters the better, and HetConv better than anything else."""
    het = sum("Het" in row.module for row in detector.rows)
    future: Future[Outcome] = Future()
    future.set_result(Outcome(0.1 + cost(detector, 160).params / 1e8 + 0.02 * het, 1.0, ()))
    return future


@pytest.fixture(params=sorted(SAMPLERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def search(name: str, folder: Path | None = None, budget: int = 20, seed: int = 3, **options: Any) -> list[TrialRecord]:
    """In memory, which is quicker, unless a folder is given."""
    file = f"/{folder / 'study.db'}" if folder else ""
    study = open_study(f"sqlite://{file}", "study", "AP50-95 (proxy)")
    limits = options.pop("limits", Limits())
    driver = Driver(study, SPACE, TARGET, score, SAMPLERS[name](), seed=seed, budget=budget, limits=limits, **options)
    driver.run(lambda record: None)
    return read_trials(study)


def test_the_name_is_the_registry_key(name: str) -> None:
    assert SAMPLERS[name].name == name


def test_same_seed_same_trials_and_a_run_taken_up_again_goes_on_alike(name: str, tmp_path: Path) -> None:
    found = []
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        if folder == "b":
            search(name, tmp_path / folder, budget=12)
        rows = search(name, tmp_path / folder, seed=4 if folder == "c" else 3, budget=14)
        found.append([row.arch for row in rows])
    # A fifth of either budget is two baselines, and what comes after the tenth is the sampler's own.
    assert found[0] == found[1]
    assert found[0] != found[2]
    assert len(set(found[0])) >= 14


def test_limits_are_kept(name: str) -> None:
    rows = search(name, limits=Limits(params=2_500_000), budget=15)
    trained = [row for row in rows if row.trained]
    assert len(trained) == 15
    assert sum((row.params or 0) > 2_500_000 for row in trained) <= 3  # baselines, which are exempt


def test_the_guided_sampler_finds_what_scores() -> None:
    """HetConv everywhere is best at any latency: of what it suggests itself much more has it than of random members."""

    def share(rows: list[TrialRecord]) -> float:
        return float(np.mean([str(s.family) == "het" for row in rows for s in row.architecture.backbone]))

    guided = share(search("guided", budget=40)[20:])
    random = share(search("random", budget=40)[20:])
    assert random < 0.4
    assert guided > 0.65


def test_of_many_the_guided_sampler_learns_from_the_front_and_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: list[int] = []

    class Counting(Surrogate):
        def __init__(self, known: Values, scores: Values):
            learnt.append(len(known))
            super().__init__(known, scores)

    monkeypatch.setattr("nas.search.samplers.Surrogate", Counting)
    monkeypatch.setattr("nas.search.samplers.MOST", 6)
    rows = search("guided", budget=20)
    for count, of in zip(range(4, 20), learnt, strict=True):  # after a fifth that it starts from
        front = pareto([row.point() for row in rows[:count]])
        assert of == len({*front, *range(count)[-6:]})
    assert learnt[-1] < 19


def test_posterior_of_a_line() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    y = 0.3 + 0.05 * x[:, 0] - 0.02 * x[:, 1]
    surrogate = Surrogate(x[:30], y[:30])
    assert surrogate.mean(x[30:]) == pytest.approx(y[30:], abs=0.015)
    whole = Surrogate(x, y)
    assert whole.mean(x) == pytest.approx(y, abs=0.01)
    assert whole.fitted == pytest.approx(whole.mean(x))
    assert whole.sd(6 + x[:1])[0] > 2 * surrogate.sd(x[30:]).mean()


def test_posterior_of_scores_that_are_equal() -> None:
    surrogate = Surrogate(np.ones((4, 2)), np.full(4, 0.2))
    assert surrogate.mean(np.ones((2, 2))) == pytest.approx([0.2, 0.2])
    assert (surrogate.sd(np.ones((2, 2))) > 0).all()


def test_expected_gain_is_the_mean_of_what_is_gained() -> None:
    """Against hypervolumes of drawn scores, with one cost and with two."""
    rng = np.random.default_rng(1)
    for front, worst, candidates in (
        ([(0.1, 10.0), (0.3, 20.0), (0.4, 50.0)], (0.05, 100.0), [(8.0,), (15.0,), (30.0,), (60.0,)]),
        ([], (0.05, 100.0), [(8.0,), (30.0,)]),
        ([(0.1, 10.0, 4.0), (0.3, 20.0, 6.0), (0.25, 40.0, 2.0)], (0.05, 100.0, 9.0), [(8.0, 5.0), (30.0, 3.0)]),
    ):
        for costs, mean, sd in zip(candidates, (0.1, 0.2, 0.25, 0.45), (0.05, 0.1, 0.05, 0.02), strict=False):
            there = hypervolume(front, worst)
            drawn = [hypervolume([*front, (max(s, worst[0]), *costs)], worst) for s in rng.normal(mean, sd, 4000)]
            (gain,) = expected_gain(np.array([costs]), np.array([mean]), np.array([sd]), front, worst)
            assert gain == pytest.approx(np.mean(drawn) - there, rel=0.06, abs=1e-4)


def test_a_third_objective(name: str) -> None:
    """Latency follows the MACs here, and parameters do not."""
    target = replace(TARGET, minimize=("latency", "params"))
    study = open_study("sqlite://", "study", "AP50-95 (proxy)", target.minimize)
    driver = Driver(study, SPACE, target, score, SAMPLERS[name](), seed=3, budget=13, limits=Limits())
    driver.run(lambda record: None)
    rows = [row for row in read_trials(study) if row.trained]
    points = [row.point(target.minimize) for row in rows]
    assert points == [(row.score, row.latency_ms, row.params) for row in rows]
    assert {rows[i].arch for i in pareto(points)} == {trial.user_attrs["arch"] for trial in study.best_trials}
    assert study.metric_names == ["AP50-95 (proxy)", "latency ms (predicted)", "parameters"]
    assert len(pareto(points)) > len(pareto([row.point() for row in rows]))
