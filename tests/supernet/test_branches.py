"""Rows that are no restriction of the teacher's: they learn to reproduce the row that they replace."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.proxies.recipe import Recipe
from nas.spaces.architecture import decode
from nas.supernet import branches
from nas.supernet.branches import Branches
from nas.supernet.supernet import Supernet

STOCK = "yolov8n.1/p2:c2f_e0.5_n1_c32/p3:c2f_e0.5_n2_c64/p4:c2f_e0.5_n2_c128/p5:c2f_e0.5_n1_c256"
BRANCH = STOCK.replace("p3:c2f_e0.5_n2_c64", "p3:plain-faster_r4_e2_n1_c48")


def rows(text: str) -> Detector:
    return decode(text).detector(3)


@pytest.fixture
def images() -> list[Tensor]:
    return [torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))]


@pytest.fixture
def supernet(images: list[Tensor]) -> Supernet:
    return Supernet.of(rows(STOCK), Network(rows(STOCK), 0), images)


def test_a_row_reproduces_the_row_that_it_replaces(
    supernet: Supernet, images: list[Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branches, "RECIPE", Recipe(batch=8, steps=30, lr=3e-3))
    detector = rows(BRANCH)
    network = supernet.member(detector)
    restriction, teacher = supernet.restriction(detector), supernet.largest()
    read, wanted = restriction.reads[4][0].theirs, restriction.outputs[4].theirs
    seen: dict[int, Tensor] = {}
    for row in (3, 4):
        teacher.model[row].register_forward_hook(lambda _m, _i, out, row=row: seen.update({row: out}))
    with torch.no_grad():
        teacher(images[0])

        def error() -> float:
            found = network.model[4].train()(seen[3][:, read])
            return float((found - seen[4][:, wanted]).square().mean())

        before = error()
    Branches(supernet, images, tmp_path, "mark").fill(network, detector)
    with torch.no_grad():
        assert error() < before / 2


def test_a_row_is_trained_once_and_stored(
    supernet: Supernet, images: list[Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branches, "RECIPE", Recipe(batch=8, steps=2, lr=3e-3))
    detector = rows(BRANCH)
    first = supernet.member(detector)
    Branches(supernet, images, tmp_path, "mark").fill(first, detector)
    monkeypatch.setattr(branches, "_reproduce", None)  # a second training would fail
    wider = rows(BRANCH.replace("p5:c2f_e0.5_n1_c256", "p5:c2f_e0.5_n1_c128"))
    second = supernet.member(wider)
    Branches(supernet, images, tmp_path, "mark").fill(second, wider)
    states = [network.model[4].state_dict() for network in (first, second)]
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())


def test_a_damaged_file_is_trained_anew(
    supernet: Supernet, images: list[Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branches, "RECIPE", Recipe(batch=8, steps=2, lr=3e-3))
    detector = rows(BRANCH)
    for _ in range(2):
        network = supernet.member(detector)
        Branches(supernet, images, tmp_path, "mark").fill(network, detector)
        (file,) = tmp_path.iterdir()
        file.write_bytes(b"half")
