"""Supernet: members share the teacher's parameters and are extracted exactly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.spaces.architecture import decode
from nas.supernet.supernet import Supernet
from nas.transfer.recalibration import recalibrate

STOCK = "yolov8n.1/p2:c2f_e0.5_n1_c32/p3:c2f_e0.5_n2_c64/p4:c2f_e0.5_n2_c128/p5:c2f_e0.5_n1_c256"
NARROW = "yolov8n.1/p2:c2f_e0.5_n1_c16/p3:csp-het_p4_e1_n2_c48/p4:csp-grouped_g4_e1_n1_c96/p5:c2f_e0.5_n1_c128"
SLIM = f"{NARROW}/head:dense_b0.5_c0.5_n1"
LIGHT = f"{STOCK}/head:depthwise_b0.5_c0.5_n2"
BRANCH = NARROW.replace("csp-het_p4_e1_n2_c48", "plain-faster_r4_e2_n1_c48")


def rows(text: str) -> Detector:
    return decode(text).detector(3)


def images(seed: int = 0, count: int = 4) -> Tensor:
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def supernet() -> Supernet:
    return Supernet.of(rows(STOCK), Network(rows(STOCK), 0), [images()])


@pytest.mark.parametrize("text", [STOCK, NARROW, BRANCH, SLIM, LIGHT])
def test_an_extracted_member_computes_what_the_supernet_does(supernet: Supernet, text: str) -> None:
    network, x = supernet.member(rows(text)).train(), images(1)
    found = supernet.predict(rows(text), x)
    expected = network(x)
    torch.testing.assert_close(found.boxes, expected.boxes, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.scores, expected.scores, rtol=1e-4, atol=1e-4)


def test_a_step_of_one_member_changes_another(supernet: Supernet) -> None:
    before = supernet.member(rows(STOCK)).state_dict()
    optimizer = torch.optim.SGD(supernet.trained(), lr=0.1)
    supernet.predict(rows(NARROW), images()).scores.sum().backward()
    optimizer.step()
    after = supernet.member(rows(STOCK)).state_dict()
    assert not torch.equal(before["model.1.conv.weight"], after["model.1.conv.weight"])
    assert torch.equal(before["model.1.bn.running_mean"], after["model.1.bn.running_mean"])
    assert torch.equal(before["model.22.dfl.conv.weight"], after["model.22.dfl.conv.weight"])


def test_rows_that_are_no_restriction(supernet: Supernet) -> None:
    assert supernet.fresh_rows(rows(NARROW)) == set()
    assert supernet.fresh_rows(rows(BRANCH)) == {4}


def test_kernels_that_the_teacher_lacks_are_zero(supernet: Supernet) -> None:
    network = supernet.member(rows(STOCK.replace("_c256", "_c320")))
    weight = network.model[7].conv.weight
    assert weight.shape[0] == 320 and not weight[256:].any() and weight[:256].any()


def test_the_largest_member_is_the_teacher(supernet: Supernet) -> None:
    teacher = Network(rows(STOCK), 0).eval()
    assert torch.equal(supernet.largest()(images()), teacher(images()))


def test_recalibration_gives_the_statistics_of_the_batches(supernet: Supernet) -> None:
    network = supernet.member(rows(NARROW))
    batches = [images(seed) for seed in (1, 2)]
    recalibrate(network, batches)
    assert not network.training
    first = network.model[0]
    means = torch.stack([first.conv(batch).mean((0, 2, 3)) for batch in batches]).mean(0)
    torch.testing.assert_close(first.bn.running_mean, means, rtol=1e-4, atol=1e-5)
    assert first.bn.momentum == 0.03


def test_it_is_stored_and_read(supernet: Supernet) -> None:
    other = Supernet(supernet.detector, Network(rows(STOCK), 7), supernet.importance)
    other.load_state_dict(supernet.state_dict())
    for text in (STOCK, NARROW):
        expected, found = (net.member(rows(text)).state_dict() for net in (supernet, other))
        assert all(torch.equal(value, found[key]) for key, value in expected.items())
