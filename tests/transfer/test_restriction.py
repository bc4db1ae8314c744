"""Restriction of a teacher's parameters: members share them, and compute what the masked teacher computes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from nas.detectors.network import Network
from nas.detectors.templates import TEMPLATES
from nas.operators.modules.conv import Conv
from nas.spaces.architecture import decode, stock
from nas.transfer.gather import Restriction
from nas.transfer.importance import channel_importance
from nas.transfer.restriction import restrict

STOCK = "yolov8n.1/p2:c2f_e0.5_n1_c32/p3:c2f_e0.5_n2_c64/p4:c2f_e0.5_n2_c128/p5:c2f_e0.5_n1_c256"


def stages(p2: str, p3: str, p4: str, p5: str) -> str:
    return f"yolov8n.1/p2:{p2}/p3:{p3}/p4:{p4}/p5:{p5}"


MEMBERS = {
    "narrow": stages("c2f_e0.5_n1_c16", "c2f_e0.5_n2_c48", "c2f_e0.5_n2_c96", "c2f_e0.5_n1_c128"),
    "thin": stages("c2f_e0.25_n1_c32", "c2f_e0.25_n2_c64", "c2f_e0.25_n2_c128", "c2f_e0.25_n1_c256"),
    "shallow": stages("c2f_e0.5_n1_c32", "c2f_e0.5_n1_c64", "c2f_e0.5_n1_c128", "c2f_e0.5_n1_c256"),
    "het": stages("csp-het_p2_e1_n1_c32", "csp-het_p4_e1_n2_c64", "csp-het_p4_e1_n1_c96", "csp-het_p8_e0.5_n1_c256"),
    "grouped": stages(
        "csp-grouped_g2_e1_n1_c32", "csp-grouped_g4_e1_n2_c64", "csp-grouped_g4_e0.5_n2_c128", "c2f_e0.5_n1_c256"
    ),
    "slim head": f"{STOCK}/head:dense_b0.5_c0.75_n2",
    "slim head of narrow maps": stages("c2f_e0.5_n1_c16", "c2f_e0.5_n2_c48", "c2f_e0.5_n2_c96", "c2f_e0.5_n1_c128")
    + "/t4:c2f_e0.5_n1_c64/t3:c2f_e0.5_n1_c48/b4:c2f_e0.5_n1_c64/b5:c2f_e0.5_n1_c64/head:dense_b0.25_c0.5_n2",
}


STOCK_ROWS = decode(STOCK).detector(3)


@pytest.fixture(scope="module")
def teacher() -> Network:
    network = Network(STOCK_ROWS, 0)
    generator = torch.Generator().manual_seed(1)
    for part in network.modules():  # norms of a trained network are not those of a new one
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.copy_(torch.randn(part.num_features, generator=generator) * 0.1)
            part.running_var.copy_(torch.rand(part.num_features, generator=generator) + 0.5)
            part.weight.data.copy_(torch.rand(part.num_features, generator=generator) + 0.5)
            part.bias.data.copy_(torch.randn(part.num_features, generator=generator) * 0.1)
    return network.eval()


@pytest.fixture(scope="module")
def importance(teacher: Network) -> dict[str, Tensor]:
    return channel_importance(teacher, [torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))])


def member(
    text: str, teacher: Network, importance: dict[str, Tensor]
) -> tuple[Network, Restriction, dict[str, Tensor]]:
    """A new network of an architecture, its restriction, and its state restricted from the teacher."""
    detector = decode(text).detector(3)
    network, found = Network(detector, 5), restrict(detector, STOCK_ROWS, importance)
    return network, found, found.apply(teacher.state_dict(), network.state_dict())


def test_the_stock_member_is_the_teacher(teacher: Network, importance: dict[str, Tensor]) -> None:
    network, found, state = member(STOCK, teacher, importance)
    assert found.complete
    network.load_state_dict(state)
    x = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(network.eval()(x), teacher(x))


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_computes_what_the_masked_teacher_does(
    name: str, teacher: Network, importance: dict[str, Tensor]
) -> None:
    """Independent of the member's modules: the teacher's own, with all entries zero that the member does not take."""
    network, found, state = member(MEMBERS[name], teacher, importance)
    assert found.complete, found.fresh
    network.load_state_dict(state)
    given = teacher.state_dict()
    taken = {key: torch.zeros(value.numel(), dtype=torch.bool) for key, value in given.items()}
    for source, entries in found.gathers.values():
        taken[source][entries.flatten()] = True
    masked = Network(STOCK_ROWS, 0)
    shapes = {key: taken[key].view(value.shape) for key, value in given.items()}
    masked.load_state_dict({key: torch.where(shapes[key], value, off(key, value)) for key, value in given.items()})
    x = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(network.eval()(x), masked.eval()(x), rtol=1e-4, atol=1e-4)


def off(key: str, value: Tensor) -> Tensor:
    """The value that switches a channel off: weight, mean and bias zero, so that SiLU of the norm is zero."""
    return torch.ones_like(value) if key.endswith("running_var") else torch.zeros_like(value)


def test_gradients_reach_the_teacher(teacher: Network, importance: dict[str, Tensor]) -> None:
    network, found, _ = member(MEMBERS["het"], teacher, importance)
    shared = {name: value.detach().clone().requires_grad_() for name, value in teacher.named_parameters()}
    state = found.apply(teacher.state_dict() | shared, network.state_dict())
    functional_call(network.eval(), state, (torch.rand(1, 3, 64, 64),)).sum().backward()
    kernel = shared["model.4.m.0.cv1.conv.weight"].grad
    assert kernel is not None
    # One input in four has a 3x3 kernel. The corners of the others are not part of the member.
    assert (kernel[:, :, 0, 0] != 0).float().mean().item() == pytest.approx(1 / 4, abs=0.01)
    assert (kernel[:, :, 1, 1] != 0).all()


def test_widths_are_nested(teacher: Network, importance: dict[str, Tensor]) -> None:
    _, found, _ = member(MEMBERS["narrow"], teacher, importance)
    chosen = found.gathers["model.3.bn.weight"].entries
    assert set(chosen.tolist()) == set(importance["model.3"].topk(48).indices.tolist())


def test_another_operator_starts_fresh(teacher: Network, importance: dict[str, Tensor]) -> None:
    text = MEMBERS["shallow"].replace("p3:c2f_e0.5_n1_c64", "p3:plain-faster_r4_e2_n1_c64")
    network, found, state = member(text, teacher, importance)
    assert {key.split(".")[1] for key in found.fresh} == {"4"}
    assert all(torch.equal(state[key], network.state_dict()[key]) for key in found.fresh)


def test_a_wider_member_has_the_teacher_in_it(teacher: Network, importance: dict[str, Tensor]) -> None:
    network, found, state = member(STOCK.replace("_c32", "_c48"), teacher, importance)
    assert not found.complete and not found.fresh
    weight = state["model.1.conv.weight"]
    torch.testing.assert_close(weight[:32], teacher.state_dict()["model.1.conv.weight"])
    assert torch.equal(weight[32:], network.state_dict()["model.1.conv.weight"][32:])


def test_a_shallow_head_keeps_the_first_convolutions_and_the_last(
    teacher: Network, importance: dict[str, Tensor]
) -> None:
    _, found, state = member(f"{STOCK}/head:dense_b0.5_c1_n1", teacher, importance)
    assert found.complete
    chosen = importance["model.22.cv2.1.0"].topk(32).indices.sort().values
    given = teacher.state_dict()
    assert torch.equal(state["model.22.cv2.1.0.conv.weight"], given["model.22.cv2.1.0.conv.weight"][chosen])
    assert torch.equal(state["model.22.cv2.1.1.weight"], given["model.22.cv2.1.2.weight"][:, chosen])
    assert torch.equal(state["model.22.cv3.0.1.bias"], given["model.22.cv3.0.2.bias"])


def test_a_depthwise_head_keeps_the_middles_of_dense_kernels(teacher: Network, importance: dict[str, Tensor]) -> None:
    _, found, state = member(f"{STOCK}/head:depthwise_b1_c1_n2", teacher, importance)
    assert {key.rsplit(".", 2)[0] for key in found.fresh} == {
        f"model.22.cv3.{level}.{step}.0" for level in range(3) for step in range(2)
    }
    kernel = teacher.state_dict()["model.22.cv3.2.1.conv.weight"]
    assert torch.equal(state["model.22.cv3.2.1.1.conv.weight"], kernel[:, :, 1:2, 1:2])


def test_a_stock_head_takes_what_a_slim_teacher_has(importance: dict[str, Tensor]) -> None:
    """Of a found model that is the teacher of another."""
    slim, own = decode(f"{STOCK}/head:depthwise_b0.5_c0.5_n1").detector(3), STOCK_ROWS
    convolutions = [(n, p) for n, p in Network(slim, 0).named_modules() if isinstance(p, Conv)]
    found = restrict(own, slim, {name: torch.rand(part.conv.out_channels) for name, part in convolutions})
    assert not found.complete
    state, network = Network(slim, 0).state_dict(), Network(own, 0)
    network.load_state_dict(found.apply(state, network.state_dict()))


@pytest.mark.parametrize("template", sorted(TEMPLATES))
def test_every_template_restricts_to_itself(template: str) -> None:
    detector = stock(TEMPLATES[template]).detector(2)
    given, network = Network(detector, 0).eval(), Network(detector, 1).eval()
    convolutions = [(name, part) for name, part in given.named_modules() if isinstance(part, Conv)]
    found = restrict(detector, detector, {name: torch.rand(part.conv.out_channels) for name, part in convolutions})
    assert found.complete, found.fresh
    network.load_state_dict(found.apply(given.state_dict(), network.state_dict()))
    x = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(network(x), given(x))
