"""Training of a supernet: it resumes to the same result, and members gain by it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.data.dataset import Dataset
from nas.data.forms import CLASSES
from nas.data.loading import load
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.proxies.recipe import Recipe
from nas.proxies.train import Batch
from nas.spaces.architecture import decode
from nas.supernet.supernet import Supernet
from nas.supernet.training import SupernetTraining, resized
from nas.transfer.recalibration import image_batches

STOCK = "yolov8n.1/p2:c2f_e0.5_n1_c32/p3:c2f_e0.5_n2_c64/p4:c2f_e0.5_n2_c128/p5:c2f_e0.5_n1_c256"
SMALL = "yolov8n.1/p2:c2f_e0.5_n1_c16/p3:c2f_e0.5_n1_c32/p4:c2f_e0.5_n1_c64/p5:plain-faster_r4_e1_n1_c128"
RECIPE = Recipe(imgsz=64, batch=2, steps=3, lr=1e-3)


def rows(text: str) -> Detector:
    return decode(text).detector(len(CLASSES))


def members(rng: np.random.Generator) -> Sequence[Detector]:
    return [rows(STOCK), rows(SMALL)] if rng.random() < 0.5 else [rows(SMALL)]


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load("shapes", 64)


def training(dataset: Dataset, recipe: Recipe = RECIPE) -> SupernetTraining:
    teacher = Network(rows(STOCK), 0)
    supernet = Supernet.of(rows(STOCK), teacher, image_batches(dataset.train, 4, 2))
    return SupernetTraining(supernet, teacher, members, recipe)


class KilledError(Exception):
    pass


def test_an_interrupted_training_ends_as_one_that_was_not(dataset: Dataset, tmp_path: Path) -> None:
    through = training(dataset)
    through.run(dataset.train)

    def stop(share: float) -> None:
        if share > 0.5:
            raise KilledError

    file = tmp_path / "supernet.pt"
    with pytest.raises(KilledError):
        training(dataset).run(dataset.train, file, every=1, progress=stop)
    resumed = training(dataset)
    shares: list[float] = []
    resumed.run(dataset.train, file, every=1, progress=shares.append)
    assert len(shares) == 2  # the step that was killed before it was saved, and the last
    for key, value in through.supernet.state_dict().items():
        assert torch.equal(value, resumed.supernet.state_dict()[key]), key


def test_a_checkpoint_of_another_training_is_not_continued(dataset: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "supernet.pt"
    training(dataset).run(dataset.train, file)
    shares: list[float] = []
    training(dataset, Recipe(imgsz=64, batch=2, steps=2, lr=5e-4)).run(dataset.train, file, progress=shares.append)
    assert len(shares) == 2


def test_the_teacher_stays(dataset: Dataset) -> None:
    run = training(dataset)
    before = {key: value.clone() for key, value in run._losses[64].teacher.state_dict().items()}
    run.run(dataset.train)
    assert all(torch.equal(value, before[key]) for key, value in run._losses[64].teacher.state_dict().items())
    moved = run.supernet.member(rows(STOCK)).state_dict()
    assert not torch.equal(moved["model.0.conv.weight"], before["model.0.conv.weight"])


def test_it_ends_early_when_its_time_is_up(dataset: Dataset) -> None:
    assert training(dataset).run(dataset.train, until=0.0) == 0


def test_every_size_is_trained(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = Supernet.predict

    def watched(self: Supernet, detector: Detector, images: torch.Tensor) -> object:
        seen.append(images.shape[-1])
        return real(self, detector, images)

    monkeypatch.setattr(Supernet, "predict", watched)
    teacher = Network(rows(STOCK), 0)
    supernet = Supernet.of(rows(STOCK), teacher, image_batches(dataset.train, 4, 2))
    SupernetTraining(supernet, teacher, members, RECIPE, sizes=(64, 32), seed=4).run(dataset.train)
    assert set(seen) == {64, 32}


def test_boxes_are_resized_with_their_images() -> None:
    boxes = torch.tensor([[[2.0, 8, 16, 24, 32]]])
    found = resized(Batch(torch.rand(1, 3, 64, 64), boxes, torch.ones(1, 1, dtype=torch.bool)), 32)
    assert found.images.shape == (1, 3, 32, 32)
    assert found.boxes.tolist() == [[[2, 4, 8, 12, 16]]]
