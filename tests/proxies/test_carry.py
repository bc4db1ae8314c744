"""Weights that are carried over from the template."""

from __future__ import annotations

import pytest
import torch

from nas.detectors.network import Network
from nas.detectors.rows import Detector, Row
from nas.detectors.templates import BACKBONE, TEMPLATES, Stage
from nas.proxies.carry import carry

TEMPLATE = TEMPLATES["yolov8n"]
STOCK = TEMPLATE.stock(2)
WIDTHS, DEPTHS = (32, 64, 128, 256), (1, 2, 2, 1)


def member(widths: tuple[int, ...] = WIDTHS, depths: tuple[int, ...] = DEPTHS) -> Detector:
    stages = [Stage(c, n, "C2f", (c, True)) for c, n in zip(widths, depths, strict=True)]
    return TEMPLATE.assemble(dict(zip(BACKBONE, stages, strict=True)), 2)


def trained(detector: Detector) -> Network:
    """Random weights and statistics, as if it had been trained."""
    torch.manual_seed(0)
    network = Network(detector)
    for key, value in network.state_dict().items():
        if key.endswith(("running_mean", "bn.bias")):
            value.normal_(0, 0.1)
        elif key.endswith(("running_var", "bn.weight")):
            value.uniform_(0.5, 1.5)
    return network


def test_the_template_itself_is_taken_over_whole() -> None:
    weights = trained(STOCK).state_dict()
    state = carry(Network(STOCK, 1), STOCK, STOCK, weights)
    for key, value in state.items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(value, weights[key]), key


def test_only_neck_and_head_where_that_is_asked_for() -> None:
    weights, network = trained(STOCK).state_dict(), Network(STOCK, 1)
    own = {key: value.clone() for key, value in network.state_dict().items()}
    state = carry(network, STOCK, STOCK, weights, first=STOCK.backbone)
    for key, value in state.items():
        if not key.endswith("num_batches_tracked"):
            backbone = int(key.split(".")[1]) < STOCK.backbone
            assert torch.equal(value, own[key] if backbone else weights[key]), key


@pytest.mark.parametrize("stage", range(4))
def test_a_narrower_stage_without_what_was_dead_gives_the_same(stage: int) -> None:
    """In the template a random half of the stage's channels, here and there, is dead: a member of half the width that
    takes over the others is the same function."""
    network = trained(STOCK)
    state = network.state_dict()
    entry, row = f"model.{1 + 2 * stage}", f"model.{2 + 2 * stage}"

    def kill(name: str, dead: torch.Tensor) -> None:
        state[f"{name}.bn.weight"][dead] = 0
        state[f"{name}.bn.bias"][dead] = 0
        state[f"{name}.bn.running_mean"][dead] = 0

    def half(count: int) -> torch.Tensor:
        return torch.randperm(count)[: count // 2]

    width = WIDTHS[stage]
    kill(entry, half(width))
    first, second = half(width // 2), half(width // 2)
    kill(f"{row}.cv1", torch.cat((first, second + width // 2)))
    for number in range(DEPTHS[stage]):
        kill(f"{row}.m.{number}.cv1", half(width // 2))
        kill(f"{row}.m.{number}.cv2", second)
    kill(f"{row}.cv2", half(width))
    if stage == 3:  # the last stage's width is that of the row after it
        kill("model.9.cv1", half(width // 2))
        kill("model.9.cv2", half(width))
    narrow = member(tuple(w // 2 if s == stage else w for s, w in enumerate(WIDTHS)))
    student = Network(narrow, 1)
    student.load_state_dict(carry(student, narrow, STOCK, state))
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        expected, found = network.eval()(images), student.eval()(images)
    assert isinstance(expected, torch.Tensor) and isinstance(found, torch.Tensor)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


def test_a_wider_and_deeper_member_holds_the_template() -> None:
    """Added channels start fresh; the first channels and bottlenecks are the template's."""
    large = member((48, 64, 128, 256), (2, 2, 2, 1))
    weights, network = trained(STOCK).state_dict(), Network(large, 1)
    own = {key: value.clone() for key, value in network.state_dict().items()}
    state = carry(network, large, STOCK, weights)
    name = "model.2.cv1.conv.weight"  # two halves: 16 of 24 channels each
    assert torch.equal(state[name][:16, :32], weights[name][:16])
    assert torch.equal(state[name][24:40, :32], weights[name][16:])
    assert torch.equal(state[name][16:24], own[name][16:24])
    assert torch.equal(state["model.2.m.1.cv1.conv.weight"], own["model.2.m.1.cv1.conv.weight"])


def test_maps_that_are_read_side_by_side_stay_apart() -> None:
    narrow = member((32, 96, 96, 192))
    weights, network = trained(STOCK).state_dict(), Network(narrow, 1)
    own = {key: value.clone() for key, value in network.state_dict().items()}
    state = carry(network, narrow, STOCK, weights, first=STOCK.backbone)
    old, new = weights["model.12.cv1.conv.weight"], state["model.12.cv1.conv.weight"]  # joins P5 (192) and P4 (96)
    assert torch.equal(new[:, :192], old[:, :192]) and torch.equal(new[:, 192:], old[:, 256:352])
    old, new = weights["model.15.cv1.conv.weight"], state["model.15.cv1.conv.weight"]  # the neck (128) and P3 (96)
    assert torch.equal(new[:, :192], old)
    assert torch.equal(new[:, 192:], own["model.15.cv1.conv.weight"][:, 192:])


def test_an_operator_of_another_kind_starts_fresh() -> None:
    stages = [Stage(c, n, "C2f", (c, True)) for c, n in zip(WIDTHS, DEPTHS, strict=True)]
    stages[1] = Stage(64, 2, "FasterBlock", (64, 4, 2))
    other = TEMPLATE.assemble(dict(zip(BACKBONE, stages, strict=True)), 2)
    weights, network = trained(STOCK).state_dict(), Network(other, 1)
    own = {key: value.clone() for key, value in network.state_dict().items()}
    state = carry(network, other, STOCK, weights)
    for key, value in state.items():
        if key.startswith("model.4."):
            assert torch.equal(value, own[key]), key
        elif not key.endswith("num_batches_tracked"):
            assert torch.equal(value, weights[key]), key


def test_an_upsampled_map_has_the_channels_of_its_row() -> None:
    """A narrower row takes the template's important channels; a row that reads them enlarged takes the same."""

    def detector(width: int) -> Detector:
        rows = (
            Row((-1,), 1, "Conv", (width, 3, 16)),
            Row((-1,), 1, "nn.Upsample", (None, 2, "nearest")),
            Row((-1,), 1, "Conv", (16, 1, 1)),
            Row((-1,), 1, "Detect", (2,)),
        )
        return Detector(rows, 2, 1)

    weights = trained(detector(16)).state_dict()
    weights["model.0.conv.weight"][::2] = 0  # the odd channels are the important ones
    narrow = detector(8)
    state = carry(Network(narrow, 1), narrow, detector(16), weights)
    assert torch.equal(state["model.2.conv.weight"], weights["model.2.conv.weight"][:, 1::2])
