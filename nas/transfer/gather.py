"""Parameters of a member as a selection of its teacher's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from nas.transfer.channels import NONE, Channels


class Gather(NamedTuple):
    """A tensor of the member, entry by entry, as entries of a tensor of the teacher.

    Attributes:
        source: State-dict key of the teacher.
        entries: int64, shape of the member's tensor: position in the flattened tensor of the teacher; `NONE` where the
            teacher has no such entry.
    """

    source: str
    entries: Tensor

    @property
    def complete(self) -> bool:
        """True if every entry comes from the teacher."""
        return bool((self.entries != NONE).all())


@dataclass(frozen=True)
class Restriction:
    """A member's parameters as a function of its teacher's. Gradients of the member's pass to the teacher's.

    Attributes:
        gathers: By state-dict key of the member.
        fresh: Keys of parameters that no entry of the teacher stands for; they keep the member's own values.
        reads: By row, the teacher's channels in each map that it reads.
        outputs: By row, the teacher's channels in its output.
    """

    gathers: dict[str, Gather] = field(default_factory=dict)
    fresh: tuple[str, ...] = ()
    reads: tuple[tuple[Channels, ...], ...] = ()
    outputs: tuple[Channels, ...] = ()

    @property
    def complete(self) -> bool:
        """True if every parameter of the member comes from the teacher."""
        return not self.fresh and all(gather.complete for gather in self.gathers.values())

    def apply(self, teacher: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The member's parameters and buffers.

        Args:
            teacher: State dict of the teacher.
            own: State dict of the member; gives the entries that the teacher lacks.

        Returns:
            One tensor for each key of ``own``.
        """
        state = dict(own)
        for key, (source, entries) in self.gathers.items():
            index = entries.to(teacher[source].device)
            taken = teacher[source].flatten()[index.clamp(min=0)]
            state[key] = taken if (index != NONE).all() else torch.where(index == NONE, own[key], taken)
        return state


def kernel_index(output: Channels, inputs: Tensor, teacher: torch.Size, size: tuple[int, int]) -> Tensor:
    """Positions of a convolution's kernel in the teacher's.

    Args:
        output: Channels of the convolution's output, O of the member.
        inputs: int64 (O, I): for each kernel, the teacher's input channel, counted within its group; or `NONE`.
        teacher: Shape of the teacher's kernel (O', I', H', W').
        size: Height and width (H, W) of the member's kernel. A smaller one is the middle of the teacher's; a larger one
            has the teacher's in its middle.

    Returns:
        int64 (O, I, H, W).
    """
    _, columns, *theirs = teacher
    rows = output.theirs[:, None].expand_as(inputs)
    y, x = (torch.arange(own) + (other - own) // 2 for own, other in zip(size, theirs, strict=True))
    inside = ((y >= 0) & (y < theirs[0]))[:, None] & ((x >= 0) & (x < theirs[1]))
    known = (rows != NONE) & (inputs != NONE)
    place = (rows * columns + inputs)[:, :, None, None] * (theirs[0] * theirs[1]) + (y[:, None] * theirs[1] + x)
    return torch.where(known[:, :, None, None] & inside, place, NONE)
