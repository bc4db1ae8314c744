"""Supernet: a trained detector whose members share its parameters."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.func import functional_call

from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.operators.modules.detect import Predictions
from nas.transfer.gather import Restriction
from nas.transfer.importance import channel_importance
from nas.transfer.restriction import Importance, restrict

SEED = 0
"""Draws the first values of parameters that the teacher lacks."""
CACHED = 256
"""Number of members whose restriction is kept."""


class Supernet(nn.Module):
    """The teacher's parameters, shared by all members.

    A member's parameters are selected entries of these (`nas.transfer.restriction`). Where a member is wider than the
    teacher, the kernels that the teacher lacks are 0. A row whose operator is no restriction of the teacher's has no
    trained parameters here, see `nas.supernet.branches`.

    Args:
        detector: Rows of the teacher.
        network: The teacher. Its head may be wider than these rows build it.
        importance: Importance of its channels, see `nas.transfer.importance`.
    """

    def __init__(self, detector: Detector, network: Network, importance: Importance):
        super().__init__()
        self.detector, self.importance = detector, dict(importance)
        self._layout = (copy.deepcopy(network).to("meta"),)  # in a tuple: it is no part of this module
        trained = dict(network.named_parameters())
        self._keys = list(network.state_dict())
        self.shared = nn.ParameterDict(
            {_plain(key): nn.Parameter(value.detach().clone()) for key, value in trained.items()}
        )
        for key, parameter in trained.items():
            self.shared[_plain(key)].requires_grad_(parameter.requires_grad)
        for key, value in network.named_buffers():
            self.register_buffer(_plain(key), value.detach().clone())
        self.restriction = lru_cache(CACHED)(self._restrict)

    @classmethod
    def of(cls, detector: Detector, network: Network, images: Iterable[Tensor]) -> Supernet:
        """The supernet of a trained network.

        Args:
            detector: Its rows.
            network: The network.
            images: Batches (B, 3, S, S) in 0..1, to measure the importance of channels.
        """
        return cls(detector, network, channel_importance(network, images))

    def fresh_rows(self, detector: Detector) -> frozenset[int]:
        """The rows of a member whose parameters cannot come from the teacher."""
        return frozenset(int(key.split(".")[1]) for key in self.restriction(detector).fresh)

    def largest(self) -> Network:
        """A network of its own with the shared parameters; its norms have the teacher's statistics."""
        network = copy.deepcopy(self._layout[0]).to_empty(device=next(iter(self.shared.values())).device)
        network.load_state_dict({key: value.detach() for key, value in self.teacher_state().items()})
        return network.eval()

    def member(self, detector: Detector) -> Network:
        """A network of its own with the member's present parameters. Its norms need `recalibrate`."""
        network = Network(detector, SEED)
        state = self._state(detector, network)
        network.load_state_dict({key: value.detach().clone() for key, value in state.items()})
        return network

    def predict(self, detector: Detector, images: Tensor) -> Predictions:
        """Raw outputs of a member in training. Gradients reach the shared parameters.

        Norms use the statistics of the batch; no running statistics change.

        Args:
            detector: The member.
            images: (B, 3, S, S) in 0..1.
        """
        network = Network(detector, SEED).to(images.device).train()
        found: Predictions = functional_call(network, self._state(detector, network), (images,))
        return found

    def teacher_state(self) -> dict[str, Tensor]:
        """The parameters and buffers of the largest member, by the teacher's keys."""
        return {
            key: self.shared[name] if (name := _plain(key)) in self.shared else getattr(self, name)
            for key in self._keys
        }

    def trained(self) -> Iterator[nn.Parameter]:
        """The parameters that a training changes."""
        return (parameter for parameter in self.parameters() if parameter.requires_grad)

    def _state(self, detector: Detector, network: Network) -> dict[str, Tensor]:
        restriction = self.restriction(detector)
        own = network.state_dict()
        for key in restriction.gathers:  # a kernel that the teacher lacks
            if own[key].ndim == 4:
                own[key] = torch.zeros_like(own[key])
        return restriction.apply(self.teacher_state(), own)

    def _restrict(self, detector: Detector) -> Restriction:
        return restrict(detector, self.detector, self.importance, self._layout[0])


def _plain(key: str) -> str:
    """A key as the name of a parameter, which has no dots."""
    return key.replace(".", "/")
