"""A trained template's weights, carried over to a member of its space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nas.detectors.network import Network
from nas.detectors.rows import Detector, ResolvedRow


class Channels(NamedTuple):
    """Corresponding channels of two maps: ``theirs[k]`` of the template for ``ours[k]`` of the member.

    ``sizes`` are the numbers of channels of both maps.
    """

    ours: Tensor
    theirs: Tensor
    sizes: tuple[int, int]


def carry(
    network: Network, detector: Detector, template: Detector, weights: Mapping[str, Tensor], first: int = 0
) -> dict[str, Tensor]:
    """The network's state with the template's ``weights`` in every row from ``first`` on that both have.

    Rows are the same where their module is and, but for convolutions, C2f and SPPF, their shapes are. Of these three a
    narrower one takes over the channels whose convolutions weigh most, wherever they are read; a wider one has all of
    the template's as its first channels, and the rest starts fresh. A map that an operator of another kind gives is
    read as if its channels were the template's first ones.
    """
    state = network.state_dict()
    return _Carrier(state, weights, list(detector.resolve()), list(template.resolve())).carried(first)


class _Carrier:
    def __init__(
        self,
        state: dict[str, Tensor],
        weights: Mapping[str, Tensor],
        ours: Sequence[ResolvedRow],
        theirs: Sequence[ResolvedRow],
    ):
        self._new, self._old, self._ours, self._theirs = state, weights, ours, theirs
        self._given: list[Channels] = []

    def carried(self, first: int) -> dict[str, Tensor]:
        for index, (mine, other) in enumerate(zip(self._ours, self._theirs, strict=True)):
            read = [self._read(source, index, mine, other) for source in mine.row.source]
            self._given.append(self._row(index, mine, other, read, carried=index >= first))
        return self._new

    def _read(self, source: int, index: int, mine: ResolvedRow, other: ResolvedRow) -> Channels:
        position = index + source if source < 0 else source
        # The image reaches the first row.
        return self._given[position] if position >= 0 else _first(mine.inputs[0][0], other.inputs[0][0])

    def _row(
        self, index: int, mine: ResolvedRow, other: ResolvedRow, read: Sequence[Channels], carried: bool
    ) -> Channels:
        """Carry a row over; returns the channels of its output."""
        sizes = mine.call.output[0], other.call.output[0]
        kind, row = mine.row.module, f"model.{index}"
        if kind == "Concat":
            return _join(read)
        if kind == "Upsample":
            return read[0]
        if kind != other.row.module or not carried:
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
        """Carry a C2f over. Bottlenecks add their input to their output, so all of them use the channels of the second
        half of the first convolution."""
        halves = [self._heaviest(f"{row}.cv1", half) for half in (0, 1)]
        self._convolution(f"{row}.cv1", read, _join(halves))
        depths = [self._count(f"{row}.m", state) for state in (self._new, self._old)]
        for number in range(min(depths)):
            inner = self._convolution(f"{row}.m.{number}.cv1", halves[1])
            self._convolution(f"{row}.m.{number}.cv2", inner, halves[1])
        joined = _join([halves[0], *([halves[1]] * (1 + min(depths)))])
        return self._convolution(f"{row}.cv2", joined)

    def _convolution(self, name: str, read: Channels, given: Channels | None = None) -> Channels:
        """Carry a convolution and its norm over; returns the channels of its output."""
        new, old = self._new[f"{name}.conv.weight"], self._old[f"{name}.conv.weight"]
        given = given or self._heaviest(name)
        if new.shape[2:] == old.shape[2:]:
            new[given.ours[:, None], read.ours[None]] = old[given.theirs[:, None], read.theirs[None]]
            for key in ("weight", "bias", "running_mean", "running_var"):
                self._new[f"{name}.bn.{key}"][given.ours] = self._old[f"{name}.bn.{key}"][given.theirs]
        return given

    def _heaviest(self, name: str, half: int | None = None) -> Channels:
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
