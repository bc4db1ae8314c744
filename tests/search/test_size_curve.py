"""The teacher at smaller images: evaluated and measured, on the fake runtime."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from nas.data.dataset import Split
from nas.data.loading import load, load_validation
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.latency.errors import MissingEntryError
from nas.latency.opening import builder_for
from nas.latency.prediction import Prediction
from nas.latency.runtimes.measure import Measurement
from nas.latency.runtimes.registry import choose
from nas.proxies.recipe import Recipe
from nas.search.size_curve import curve_sizes, measure_size_curve
from nas.spaces.architecture import decode
from nas.spaces.space import load_space
from nas.transfer.starting_weights import Teacher

ROWS = decode(str(load_space("tiny").smallest())).detector(6)
RECIPE = Recipe(imgsz=64, val_images=2)
DATA = load("shapes", 64, max_train=1, max_val=4)


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    return Teacher(ROWS, Network(ROWS, 0).eval())


@pytest.fixture(autouse=True)
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.search.size_curve.MOST_IMAGES", 4)


def plan(**changes: Any) -> Any:
    proxy = SimpleNamespace(dataset=DATA, recipe=RECIPE, device="cpu")
    return SimpleNamespace(
        **{"proxy": proxy, "builder": None, "remote": None, "table": SimpleNamespace(forced="")} | changes
    )


def test_sizes_are_the_deployment_size_and_smaller_ones() -> None:
    assert curve_sizes([320]) == (320, 288, 256, 224, 192, 160, 128)
    assert curve_sizes([640]) == (640, 576, 512, 448, 416, 352, 288, 256)
    assert curve_sizes([128]) == (128, 96, 64)
    assert curve_sizes([64]) == (64,)
    assert curve_sizes([320], multiple=64) == (320, 256, 192, 128)
    assert curve_sizes([192, 256]) == (192, 256, 224, 160, 128, 96)


def test_the_teacher_is_evaluated_and_measured_at_each_size(
    teacher: Teacher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scored(network: Network, split: Split, recipe: Recipe, *, device: str) -> Any:
        """An AP that names the size of the images."""
        assert (network, device, len(split), recipe.val_images) == (teacher.network, "cpu", 4, 4)
        side = split.images.shape[-1]
        return SimpleNamespace(score=lambda nc: side / 1000, jackknife=lambda nc: (float(side), 0.5))

    monkeypatch.setattr("nas.search.size_curve.detect", scored)
    builder = builder_for(choose("fake"), tmp_path / "t.csv")
    shares: list[float] = []
    points = measure_size_curve(plan(builder=builder), None, teacher, (64, 32), shares.append)  # type: ignore[arg-type]
    assert [(point.imgsz, point.ap, point.measured) for point in points] == [(64, 0.064, True), (32, 0.032, True)]
    assert [point.jackknife for point in points] == [(64.0, 0.5), (32.0, 0.5)]
    expected = builder.measure_end_to_end([ROWS, ROWS], [64, 32])
    assert [point.latency_ms for point in points] == pytest.approx([measured.ms for measured in expected])
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1)
    assert any(isinstance(layer, nn.BatchNorm2d) for layer in teacher.network.modules())  # the fused one is a copy


def test_a_worker_of_a_cluster_measures(teacher: Teacher) -> None:
    asked: list[tuple[Any, Any]] = []

    def measure(detectors: Any, sizes: Any) -> list[Measurement]:
        asked.append((detectors, sizes))
        return [Measurement(float(size), 0.5, 3) for size in sizes]

    remote = SimpleNamespace(measure_end_to_end=measure)
    points = measure_size_curve(plan(remote=remote), None, teacher, (64,))  # type: ignore[arg-type]
    assert [(point.latency_ms, point.latency_spread_ms, point.measured) for point in points] == [(64.0, 0.5, True)]
    assert asked == [([ROWS], (64,))]


def test_where_the_device_is_not_here_the_table_predicts_the_sizes_it_knows(teacher: Teacher) -> None:
    def predict(detector: Detector, imgsz: int) -> Prediction:
        if imgsz != 64:
            raise MissingEntryError("not calibrated")
        return Prediction(7.0, [])

    target: Any = SimpleNamespace(table=SimpleNamespace(predict=predict))
    points = measure_size_curve(plan(), target, teacher, (64, 32))
    known = [(point.imgsz, point.latency_ms, point.latency_spread_ms, point.measured) for point in points]
    assert known == [(64, 7.0, None, False), (32, None, None, False)]
    forced = plan(remote=SimpleNamespace(), table=SimpleNamespace(forced="another machine"))
    assert measure_size_curve(forced, target, teacher, (64, 32)) == points


def test_validation_images_are_those_of_the_data_set() -> None:
    assert torch.equal(load_validation("shapes", 64, most=4).images, DATA.val.images)
