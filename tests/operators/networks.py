"""Published networks built from our operators, each as a module and as its closed-form cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from torch import nn

from nas.detectors.rows import Detector
from nas.operators.base import Cost, Shape, conv_cost, total
from nas.operators.faster import FasterBlockOperator
from nas.operators.modules.conv import Conv
from nas.operators.modules.faster import FasterBlock
from nas.operators.modules.shufflev2 import ShuffleV2Block, ShuffleV2Down
from nas.operators.registry import OPERATORS


def fasternet(width: int, depths: tuple[int, ...]) -> nn.Sequential:
    """The classification network of the paper; its activation has no parameters, so ours stays."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 4, bias=False), nn.BatchNorm2d(width)]
    for stage, depth in enumerate(depths):
        channels = width * 2**stage
        if stage:
            layers += [nn.Conv2d(channels // 2, channels, 2, 2, bias=False), nn.BatchNorm2d(channels)]
        layers += [FasterBlock(channels, 4, 2) for _ in range(depth)]
    last = width * 2 ** (len(depths) - 1)
    head = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(last, 1280, 1, bias=False), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(*layers, *head, nn.Linear(1280, 1000))


def fasternet_cost(width: int, depths: tuple[int, ...]) -> Cost:
    costs = [conv_cost(4, 3, width, (56, 56), stride=4)]
    for stage, depth in enumerate(depths):
        channels, side = width * 2**stage, 56 // 2**stage
        if stage:
            costs.append(conv_cost(2, channels // 2, channels, (side, side), stride=2))
        costs += FasterBlockOperator.costs(channels, 4, 2, grid=(side, side)) * depth
    last = width * 2 ** (len(depths) - 1)
    costs += [conv_cost(1, last, 1280, (1, 1), after="nothing"), conv_cost(1, 1280, 1000, (1, 1), after="bias")]
    return total(costs)


UNITS = (4, 8, 4)  # S6


def shufflenet(widths: tuple[int, ...], last: int) -> nn.Sequential:
    """The classification network. YOLO's SiLU stays; it counts nothing."""
    layers: list[nn.Module] = [Conv(3, 24, 3, 2), nn.MaxPool2d(3, 2, 1)]
    for before, width, units in zip((24, *widths), widths, UNITS, strict=False):
        layers += [ShuffleV2Down(before, width), *(ShuffleV2Block(width) for _ in range(units - 1))]
    head = [Conv(widths[-1], last, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, 1000)]
    return nn.Sequential(*layers, *head)


def shufflenet_cost(widths: tuple[int, ...], last: int, units: tuple[int, ...] = UNITS) -> Cost:
    shape: Shape = (24, 56, 56)
    costs = [conv_cost(3, 3, 24, (112, 112), stride=2)]
    for width, repeats in zip(widths, units, strict=True):
        for name, args, copies in (("ShuffleV2Down", (width,), 1), ("ShuffleV2Block", (width,), repeats - 1)):
            call = OPERATORS[name].resolve([shape], copies, args)
            costs += OPERATORS[name].row_costs([shape], *call.arguments) * copies
            shape = call.output
    assert shape == (widths[-1], 7, 7)
    costs += [conv_cost(1, widths[-1], last, (7, 7)), conv_cost(1, last, 1000, (1, 1), after="bias")]
    return total(costs)


def vgg16() -> Iterator[tuple[int, int, int]]:
    """Inputs, outputs and map side of the thirteen convolutions at 32 x 32 pixels."""
    inputs = 3
    for side, outputs, layers in ((32, 64, 2), (16, 128, 2), (8, 256, 3), (4, 512, 3), (2, 512, 3)):
        for _ in range(layers):
            yield inputs, outputs, side
            inputs = outputs


def replaced(detector: Detector, module: str) -> Detector:
    """The detector with every CSP stage of another kind; arguments and repeats stay."""
    rows = (replace(row, module=module) if row.module in {"C2f", "C3"} else row for row in detector.rows)
    return Detector(tuple(rows), detector.nc, detector.backbone)
