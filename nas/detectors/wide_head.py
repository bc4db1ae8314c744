"""Networks whose head is wider than their rows build it.

Ultralytics takes over the class branch of the weights that a training starts from. A model fine-tuned from 80 classes
to one keeps 80 channels there, where its rows alone build 64.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from torch import Tensor

from nas.detectors.network import Network, with_trainers_norms
from nas.detectors.rows import Detector
from nas.operators.modules.detect import Detect

LAST = re.compile(r"\.cv3\.0\.\d\.weight$")
"""Key of the last convolution of a class branch; the others have a norm, and other keys."""


def hidden_channels(weights: Mapping[str, Tensor]) -> int:
    """The channels inside the class branch of a state dict: the input channels of its last convolution; 0 without."""
    return next((int(value.shape[1]) for key, value in weights.items() if LAST.search(key)), 0)


def network_with_hidden(detector: Detector, hidden: int) -> Network:
    """A network with so many channels inside its class branches.

    Args:
        detector: The rows.
        hidden: Number of channels, see `hidden_channels`.
    """
    network = Network(detector)
    if hidden != hidden_channels(network.state_dict()):
        head = cast(Detect, network.model[-1])
        for name in ("cv3", "one2one_cv3"):
            if hasattr(head, name):
                setattr(head, name, with_trainers_norms(head.class_branches(hidden)))
    return network
