"""Supernet: a trained detector whose members share its parameters."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from functools import lru_cache

from torch import Tensor, nn
from torch.func import functional_call

from nas.detectors.network import Network
from nas.detectors.rows import Detector, resolved
from nas.errors import ModelError
from nas.operators.modules.detect import Predictions
from nas.transfer.gather import Restriction
from nas.transfer.importance import channel_importance
from nas.transfer.restriction import Importance, restrict

SEED = 0
"""Draws the first values of branches."""
CACHED = 256
"""Number of members whose restriction is kept."""


class Supernet(nn.Module):
    """The teacher's parameters, and branches for operators that are no restriction of the teacher's.

    A member's parameters are selected entries of these (`nas.transfer.restriction`). A row that starts fresh is a
    branch: all members with the same operator, arguments and widths in this row share its parameters.

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
        self.branches = nn.ParameterDict()
        self._restriction = lru_cache(CACHED)(self._restrict)

    @classmethod
    def of(cls, detector: Detector, network: Network, images: Iterable[Tensor]) -> Supernet:
        """The supernet of a trained network.

        Args:
            detector: Its rows.
            network: The network.
            images: Batches (B, 3, S, S) in 0..1, to measure the importance of channels.
        """
        return cls(detector, network, channel_importance(network, images))

    def add_branches(self, detector: Detector) -> None:
        """Create the branches that a member needs and that do not exist yet.

        Raises:
            ModelError: The detector is no member: a row is wider than the teacher's.
        """
        restriction = self._restriction(detector)
        for key, gather in restriction.gathers.items():
            if not gather.complete:
                row = int(key.split(".")[1])
                problem = "is wider than the pretrained model's row, so its weights cannot all come from there"
                raise ModelError(
                    problem, field=f"row {row} ({detector.rows[row].module})", hint="choose fewer channels"
                )
        fresh = [key for key in restriction.fresh if self._branch(detector, key) not in self.branches]
        if fresh:
            parameters = dict(Network(detector, SEED).named_parameters())
            for key in fresh:
                if key in parameters:
                    self.branches[self._branch(detector, key)] = nn.Parameter(parameters[key].detach())

    def member(self, detector: Detector) -> Network:
        """A network of its own with the member's present parameters. Its norms need `recalibrate`.

        Raises:
            ModelError: The detector is no member.
        """
        network = Network(detector, SEED)
        state = self._state(detector, network)
        network.load_state_dict({key: value.detach().clone() for key, value in state.items()})
        return network

    def predict(self, detector: Detector, images: Tensor) -> Predictions:
        """Raw outputs of a member in training. Gradients reach the shared parameters and the branches.

        Norms use the statistics of the batch; no running statistics change.

        Args:
            detector: The member.
            images: (B, 3, S, S) in 0..1.
        """
        network = Network(detector, SEED).to(images.device).train()
        found: Predictions = functional_call(network, self._state(detector, network), (images,))
        return found

    def _state(self, detector: Detector, network: Network) -> dict[str, Tensor]:
        self.add_branches(detector)
        restriction = self._restriction(detector)
        state = restriction.apply(self.teacher_state(), network.state_dict())
        for key in restriction.fresh:
            if (branch := self._branch(detector, key)) in self.branches:
                state[key] = self.branches[branch]
        return state

    def teacher_state(self) -> dict[str, Tensor]:
        """The parameters and buffers of the largest member, by the teacher's keys."""
        return {
            key: self.shared[name] if (name := _plain(key)) in self.shared else getattr(self, name)
            for key in self._keys
        }

    def _restrict(self, detector: Detector) -> Restriction:
        return restrict(detector, self.detector, self.importance, self._layout[0])

    def _branch(self, detector: Detector, key: str) -> str:
        """The name of a parameter of a branch: its row as written, its input widths and its key."""
        index = int(key.split(".")[1])
        row = resolved(detector, 640)[index]  # widths do not depend on the size
        widths = "-".join(str(shape[0]) for shape in row.inputs)
        return _plain(f"{index}:{row.row.module}{row.row.args}x{row.row.repeats}:{widths}:{key}")

    def trained(self) -> Iterator[nn.Parameter]:
        """The parameters that a training changes."""
        return (parameter for parameter in self.parameters() if parameter.requires_grad)


def _plain(key: str) -> str:
    """A key as the name of a parameter, which has no dots."""
    return key.replace(".", "/")
