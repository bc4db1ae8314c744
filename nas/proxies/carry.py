"""Transfer of a trained template's weights to another member of its search space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nas.detectors.network import Network
from nas.detectors.rows import Detector, ResolvedRow


class Channels(NamedTuple):
    """Corresponding channels of a feature map of the member and one of the template.

    Attributes:
        ours: int64 (K,), channels of the member.
        theirs: int64 (K,), channels of the template; ``theirs[k]`` corresponds to ``ours[k]``.
        sizes: Numbers of channels of the two maps.
    """

    ours: Tensor
    theirs: Tensor
    sizes: tuple[int, int]


def carry(
    network: Network, detector: Detector, template: Detector, weights: Mapping[str, Tensor], first: int = 0
) -> dict[str, Tensor]:
    """Copy a template's weights into every row that the member and the template share.

    Two rows are shared if they have the same module. Convolutions, C2f and SPPF may then differ in width; of other
    modules, only parameters of equal shape are copied.

    * A narrower row takes the template's most important channels: those with the largest folded weights. Rows that
      read it take the same channels.
    * A wider row holds all of the template's channels first. The remaining channels keep their initial weights.
    * The channels of a row of another module count as the template's first channels.

    Args:
        network: The member; its parameters are changed.
        detector: Rows of the member.
        template: Rows of the template.
        weights: State dict of the trained template.
        first: Number of the first row to copy; earlier rows keep their initial weights.

    Returns:
        The state dict of the network.
    """
    state = network.state_dict()
    return _Carrier(state, weights, list(detector.resolve()), list(template.resolve())).copy_rows(first)


class _Carrier:
    """Copies the rows in order, and notes the corresponding channels of every row's output."""

    def __init__(
        self,
        state: dict[str, Tensor],
        weights: Mapping[str, Tensor],
        ours: Sequence[ResolvedRow],
        theirs: Sequence[ResolvedRow],
    ):
        self._new, self._old, self._ours, self._theirs = state, weights, ours, theirs
        self._outputs: list[Channels] = []

    def copy_rows(self, first: int) -> dict[str, Tensor]:
        for index, (mine, other) in enumerate(zip(self._ours, self._theirs, strict=True)):
            read = [self._read(source, index, mine, other) for source in mine.row.source]
            self._outputs.append(self._row(index, mine, other, read, copied=index >= first))
        return self._new

    def _read(self, source: int, index: int, mine: ResolvedRow, other: ResolvedRow) -> Channels:
        position = index + source if source < 0 else source
        # The image reaches the first row.
        return self._outputs[position] if position >= 0 else _first(mine.inputs[0][0], other.inputs[0][0])

    def _row(
        self, index: int, mine: ResolvedRow, other: ResolvedRow, read: Sequence[Channels], copied: bool
    ) -> Channels:
        """Copy a row; returns the channels of its output."""
        sizes = mine.call.output[0], other.call.output[0]
        kind, row = mine.row.module, f"model.{index}"
        if kind == "Concat":
            return _join(read)
        if kind in {"nn.Upsample", "nn.Identity"}:
            return read[0]
        if kind != other.row.module or not copied:
            return _first(*sizes)
        if kind == "Conv":
            return self._convolution(row, read[0])
        if kind == "SPPF":
            inner = self._convolution(f"{row}.cv1", read[0])
            return self._convolution(f"{row}.cv2", _join([inner] * 4))
        if kind == "C2f" and mine.call.copies == other.call.copies == 1:
            return self._c2f(row, read[0])
        keys = [key for key in self._new if key.startswith(f"{row}.")]
        for key in keys:
            if key in self._old and self._old[key].shape == self._new[key].shape:
                self._new[key].copy_(self._old[key])
        return _first(*sizes)

    def _c2f(self, row: str, read: Channels) -> Channels:
        """Copy a C2f; returns the channels of its output.

        Bottlenecks add their input to their output, so all of them use the channels of the second half of the first
        convolution.
        """
        halves = [self._most_important(f"{row}.cv1", half) for half in (0, 1)]
        self._convolution(f"{row}.cv1", read, _join(halves))
        depths = [self._count(f"{row}.m", state) for state in (self._new, self._old)]
        for number in range(min(depths)):
            inner = self._convolution(f"{row}.m.{number}.cv1", halves[1])
            self._convolution(f"{row}.m.{number}.cv2", inner, halves[1])
        joined = _join([halves[0], *([halves[1]] * (1 + min(depths)))])
        return self._convolution(f"{row}.cv2", joined)

    def _convolution(self, name: str, read: Channels, output: Channels | None = None) -> Channels:
        """Copy a convolution and its norm; returns the channels of its output."""
        new, old = self._new[f"{name}.conv.weight"], self._old[f"{name}.conv.weight"]
        output = output or self._most_important(name)
        if new.shape[2:] == old.shape[2:]:
            new[output.ours[:, None], read.ours[None]] = old[output.theirs[:, None], read.theirs[None]]
            for key in ("weight", "bias", "running_mean", "running_var"):
                self._new[f"{name}.bn.{key}"][output.ours] = self._old[f"{name}.bn.{key}"][output.theirs]
        return output

    def _most_important(self, name: str, half: int | None = None) -> Channels:
        """The most important output channels of a convolution, or of one half of them."""
        weight, gain = self._old[f"{name}.conv.weight"], self._old[f"{name}.bn.weight"]
        deviation = (self._old[f"{name}.bn.running_var"] + 1e-3).sqrt()
        importance = weight.abs().sum((1, 2, 3)) * gain.abs() / deviation
        ours, theirs = len(self._new[f"{name}.conv.weight"]), len(weight)
        if half is not None:
            ours, theirs = ours // 2, theirs // 2
            importance = importance[half * theirs : (half + 1) * theirs]
        if ours >= theirs:
            return _first(ours, theirs)
        return Channels(torch.arange(ours), importance.topk(ours).indices.sort().values, (ours, theirs))

    @staticmethod
    def _count(prefix: str, state: Mapping[str, Tensor]) -> int:
        return len({key[len(prefix) + 1 :].split(".")[0] for key in state if key.startswith(f"{prefix}.")})


def _first(ours: int, theirs: int) -> Channels:
    shared = torch.arange(min(ours, theirs))
    return Channels(shared, shared, (ours, theirs))


def _join(parts: Sequence[Channels]) -> Channels:
    """Maps side by side."""
    ours, theirs, before = [], [], (0, 0)
    for part in parts:
        ours.append(part.ours + before[0])
        theirs.append(part.theirs + before[1])
        before = before[0] + part.sizes[0], before[1] + part.sizes[1]
    return Channels(torch.cat(ours), torch.cat(theirs), before)
