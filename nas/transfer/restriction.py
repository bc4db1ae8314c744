"""The parameters of a member as a restriction of its teacher's.

A member that has fewer channels or blocks than the teacher, groups, or 3x3 kernels on a part of the inputs is a
restriction of it: its parameters are entries of the teacher's. So all members share the teacher's parameters, and one
training serves them all (Cai et al., "Once-for-All: Train One Network and Specialize it for Efficient Deployment", ICLR
2020; Yu et al., "BigNAS: Scaling Up Neural Architecture Search with Big Single-Stage Models", ECCV 2020).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from nas.detectors.network import Network
from nas.detectors.rows import Detector, ResolvedRow
from nas.operators.modules.bottleneck import Bottleneck
from nas.operators.modules.c3 import C3Shell
from nas.operators.modules.concat import Concat
from nas.operators.modules.conv import Conv
from nas.operators.modules.detect import Detect, Head
from nas.operators.modules.grouped import GroupedBlock
from nas.operators.modules.het import HetBlock, HetConv
from nas.operators.modules.scdown import SCDown
from nas.operators.modules.shell import Shell
from nas.operators.modules.slim_detect import SlimDetect
from nas.operators.modules.sppf import SPPF
from nas.transfer.channels import NONE, Channels, first, joined, most_important
from nas.transfer.gather import Gather, Restriction, kernel_index

Importance = Mapping[str, Tensor]
"""For each convolution of the teacher, by its name such as ``model.2.cv1``, one number for each output channel."""


def restrict(
    member: Detector, teacher: Detector, importance: Importance, network: Network | None = None
) -> Restriction:
    """Select the parameters of a member among its teacher's.

    A narrower row takes the teacher's most important channels, and rows that read it take the same ones. A wider row
    has all of the teacher's channels first. A row whose operator is no restriction of the teacher's starts fresh.

    Args:
        member: Rows with the same numbers as the teacher's.
        teacher: Rows of the trained network.
        importance: See `Importance`.
        network: The trained network, if its head is wider than these rows build it.

    Returns:
        The selection. Parameters that it calls fresh keep the member's own values.
    """
    return _Walk(member, teacher, importance, network).restriction()


class _Walk:
    """Goes through the rows in order, and notes the channels of every row's output."""

    def __init__(self, member: Detector, teacher: Detector, importance: Importance, network: Network | None):
        with torch.device("meta"):  # only shapes count
            self._member, self._teacher = Network(member), network or Network(teacher)
        self._widths = [(ours.call.output[0], theirs.call.output[0]) for ours, theirs in _rows(member, teacher)]
        self._importance = importance
        self._shapes = {key: value.shape for key, value in self._teacher.state_dict().items()}
        self._gathers: dict[str, Gather] = {}

    def restriction(self) -> Restriction:
        outputs: list[Channels] = []
        reads: list[tuple[Channels, ...]] = []
        pairs = zip(self._member.model, self._teacher.model, self._member.sources, strict=True)
        for index, (mine, theirs, sources) in enumerate(pairs):
            read = [outputs[index + s if s < 0 else s] if outputs else first(3, 3) for s in sources]
            found = self._row(f"model.{index}", mine, theirs, read)
            outputs.append(found or self._default_output(index))
            reads.append(tuple(read))
        own = self._member.state_dict()
        fresh = tuple(key for key in own if key not in self._gathers)
        return Restriction(self._gathers, fresh, tuple(reads), tuple(outputs))

    def _default_output(self, index: int) -> Channels:
        """The output channels of a row without a rule: those that matter most in the row that it replaces."""
        importance, (count, total) = self._importance.get(f"model.{index}"), self._widths[index]
        return first(count, total) if importance is None else most_important(importance, count)

    def _row(self, name: str, mine: nn.Module, theirs: nn.Module, read: Sequence[Channels]) -> Channels | None:
        """Restrict a row; returns the channels of its output, None if it has no rule."""
        if isinstance(mine, Concat):
            return joined(read)
        if isinstance(mine, Head) and isinstance(theirs, Head) and _alike(mine, theirs):
            self._head(name, mine, theirs, read)
            return None
        if not any(True for _ in mine.parameters()):
            return read[0]  # resizing and pooling keep channels
        return self._block(name, name, mine, theirs, read[0])

    def _block(self, name: str, other: str, mine: nn.Module, theirs: nn.Module, read: Channels) -> Channels | None:
        """Restrict a module that reads one map.

        Args:
            name: Name of the member's module.
            other: Name of the teacher's.
            mine: The member's module.
            theirs: The teacher's.
            read: Channels of the map.

        Returns:
            Channels of its output, as for `_row`.
        """
        if isinstance(mine, Conv) and isinstance(theirs, Conv):
            return self._conv(name, other, mine, theirs, read)
        if isinstance(mine, SPPF) and isinstance(theirs, SPPF):
            return self._sppf(name, other, mine, theirs, read)
        if isinstance(mine, SCDown) and isinstance(theirs, SCDown):
            passed = self._conv(f"{name}.cv1", f"{other}.cv1", mine.cv1, theirs.cv1, read)
            return self._conv(f"{name}.cv2", f"{other}.cv2", mine.cv2, theirs.cv2, passed)
        if isinstance(mine, Shell) and isinstance(theirs, Shell):
            return self._shell(name, other, mine, theirs, read)
        if isinstance(mine, C3Shell) and isinstance(theirs, C3Shell):
            return self._c3(name, other, mine, theirs, read)
        self._same(name, other, mine, theirs, read)
        return None

    # --- convolutions

    def _conv(
        self, name: str, other: str, mine: Conv, theirs: Conv, read: Channels, output: Channels | None = None
    ) -> Channels:
        """A convolution and its norm. ``output`` fixes the channels of its output."""
        if mine.conv.groups == mine.conv.in_channels > 1:
            output = read  # a depthwise convolution passes channels on
        output = output or self._chosen(other, mine.conv.out_channels)
        self._kernel(f"{name}.conv", f"{other}.conv", mine.conv, theirs.conv, (read, output))
        self._norm(f"{name}.bn", f"{other}.bn", output)
        return output

    def _kernel(
        self, name: str, other: str, mine: nn.Conv2d, theirs: nn.Conv2d, ends: tuple[Channels, Channels]
    ) -> None:
        """A kernel, and its bias if there is one."""
        read, output = ends
        columns = _columns(read, output, mine, theirs)
        size = cast("tuple[int, int]", mine.kernel_size)
        self._gathers[f"{name}.weight"] = Gather(
            f"{other}.weight", kernel_index(output, columns, theirs.weight.shape, size)
        )
        if mine.bias is not None and theirs.bias is not None:
            self._gathers[f"{name}.bias"] = Gather(f"{other}.bias", output.theirs)

    def _norm(self, name: str, other: str, output: Channels) -> None:
        for key in ("weight", "bias", "running_mean", "running_var"):
            self._gathers[f"{name}.{key}"] = Gather(f"{other}.{key}", output.theirs)
        self._gathers[f"{name}.num_batches_tracked"] = Gather(f"{other}.num_batches_tracked", torch.tensor(0))

    def _het(self, name: str, other: str, mine: HetConv, theirs: Conv, ends: tuple[Channels, Channels]) -> None:
        """A HetConv: the teacher's 3x3 kernels in its own blocks of inputs, and their middles elsewhere."""
        read, output = ends
        shape = theirs.conv.weight.shape
        own = torch.arange(mine.conv.out_channels)[:, None] // (mine.conv.out_channels // mine.groups)
        block = mine.c1 // mine.groups
        inside = own * block + torch.arange(block)
        rest = torch.arange(mine.c1 - block)
        outside = torch.where(rest >= own * block, rest + block, rest)
        for key, columns, size in (("conv.weight", inside, (3, 3)), ("point", outside, (1, 1))):
            index = kernel_index(output, read.theirs[columns], shape, size)
            self._gathers[f"{name}.{key}"] = Gather(f"{other}.conv.weight", index)
        self._norm(f"{name}.bn", f"{other}.bn", output)

    # --- blocks that keep their channels

    def _bottleneck(self, name: str, other: str, mine: nn.Module, theirs: nn.Module, tied: Channels) -> bool:
        """Restrict a block of a chain, whose input and output have the same channels; False if that is impossible."""
        if isinstance(mine, C3Shell) and isinstance(theirs, C3Shell):
            self._c3(name, other, mine, theirs, tied, tied)
            return True
        if not isinstance(theirs, Bottleneck) or not isinstance(mine, Bottleneck | HetBlock | GroupedBlock):
            return False
        if getattr(mine, "add", True) != theirs.add:
            return False
        width = _out_channels(mine.cv1)
        inner = self._chosen(f"{other}.cv1", width)
        for part, ends in (("cv1", (tied, inner)), ("cv2", (inner, tied))):
            module, model = getattr(mine, part), getattr(theirs, part)
            if isinstance(module, HetConv):
                self._het(f"{name}.{part}", f"{other}.{part}", module, model, ends)
            else:
                self._conv(f"{name}.{part}", f"{other}.{part}", module, model, *ends)
        return True

    def _blocks(self, name: str, mine: nn.Module, theirs: nn.Module, other: str, tied: Channels) -> None:
        """The chain ``m`` of a stage: its first blocks."""
        ours, blocks = _children(mine), _children(theirs)
        for number, (block, model) in enumerate(zip(ours, blocks, strict=False)):
            place, origin = f"{name}.{number}", f"{other}.{number}"
            if not self._bottleneck(place, origin, block, model, tied):
                self._same(place, origin, block, model, tied)

    # --- stages

    def _shell(self, name: str, other: str, mine: Shell, theirs: Shell, read: Channels) -> Channels:
        """C2f and its relatives. Shortcuts tie the second half and every block's output to the same channels."""
        chain = range(min(len(mine.m), len(theirs.m)))
        halves = self._importance[f"{other}.cv1"].chunk(2)
        width = mine.cv1.conv.out_channels // 2
        passed = most_important(halves[0], width)
        scores = halves[1] + sum(self._block_importance(f"{other}.m.{number}", theirs.m[number]) for number in chain)
        tied = most_important(scores, width)
        self._conv(f"{name}.cv1", f"{other}.cv1", mine.cv1, theirs.cv1, read, joined((passed, tied)))
        self._blocks(f"{name}.m", mine.m, theirs.m, f"{other}.m", tied)
        maps = [passed, *[tied] * (1 + len(chain))]
        lost = len(mine.m) - len(chain)  # blocks that the teacher does not have
        nothing = Channels(torch.full((width,), NONE), 0)
        inputs = joined([*maps, *[nothing] * lost])
        total = theirs.cv2.conv.in_channels
        return self._conv(f"{name}.cv2", f"{other}.cv2", mine.cv2, theirs.cv2, Channels(inputs.theirs, total))

    def _c3(
        self, name: str, other: str, mine: C3Shell, theirs: C3Shell, read: Channels, output: Channels | None = None
    ) -> Channels:
        """C3 and its relatives: a chain of blocks beside a convolution."""
        chain = range(min(len(mine.m), len(theirs.m)))
        width = mine.cv1.conv.out_channels
        scores = self._importance[f"{other}.cv1"] + sum(
            self._block_importance(f"{other}.m.{number}", theirs.m[number]) for number in chain
        )
        tied = most_important(scores, width)
        self._conv(f"{name}.cv1", f"{other}.cv1", mine.cv1, theirs.cv1, read, tied)
        beside = self._conv(f"{name}.cv2", f"{other}.cv2", mine.cv2, theirs.cv2, read)
        self._blocks(f"{name}.m", mine.m, theirs.m, f"{other}.m", tied)
        return self._conv(f"{name}.cv3", f"{other}.cv3", mine.cv3, theirs.cv3, joined((tied, beside)), output)

    def _sppf(self, name: str, other: str, mine: SPPF, theirs: SPPF, read: Channels) -> Channels:
        inner = self._conv(f"{name}.cv1", f"{other}.cv1", mine.cv1, theirs.cv1, read)
        output = read if mine.add and theirs.add else None
        maps = joined([inner] * (1 + mine.pools))
        return self._conv(f"{name}.cv2", f"{other}.cv2", mine.cv2, theirs.cv2, maps, output)

    # --- the head

    def _head(self, name: str, mine: Head, theirs: Head, read: Sequence[Channels]) -> None:
        """The branches of every level; each list of modules in a head has one for each level."""
        for branch, levels in mine.named_children():
            if not isinstance(levels, nn.ModuleList):
                self._copy(name, name, f"{branch}.")
                continue
            models = cast(nn.ModuleList, theirs.get_submodule(branch))
            for number, (own, model, channels) in enumerate(zip(levels, models, read, strict=True)):
                self._branch(f"{name}.{branch}.{number}", own, model, channels)

    def _branch(self, name: str, mine: nn.Module, theirs: nn.Module, read: Channels) -> None:
        """A branch of one level: convolutions, the last one without a norm.

        A shallower branch keeps the teacher's first convolutions and its last one, as if those between them passed
        their input on: of all, only the first one reads a map of the level's width. Those of a deeper branch that the
        teacher lacks start fresh.
        """
        if not isinstance(mine, nn.Sequential) or not isinstance(theirs, nn.Sequential):
            self._sequence(name, name, mine, theirs, read)
            return
        (*steps, last), (*models, final) = _children(mine), _children(theirs)
        for number, (step, model) in enumerate(zip(steps, models, strict=False)):
            read = self._step(f"{name}.{number}", step, model, read)
        self._sequence(f"{name}.{len(steps)}", f"{name}.{len(models)}", last, final, read)

    def _step(self, name: str, mine: nn.Module, theirs: nn.Module, read: Channels) -> Channels:
        """A 3x3 convolution of a branch; or a depthwise one and a 1x1.

        Beside a dense 3x3, the 1x1 takes the middles of its kernels. The depthwise one starts fresh: a dense
        convolution filters each input differently for each output. A dense one beside a depthwise one starts fresh.
        """
        if type(mine) is type(theirs):
            return self._sequence(name, name, mine, theirs, read)
        if isinstance(theirs, Conv):
            point = cast(Conv, _children(mine)[-1])
            return self._conv(f"{name}.1", name, point, theirs, read)
        return self._chosen(f"{name}.1", _out_channels(mine))

    def _sequence(self, name: str, other: str, mine: nn.Module, theirs: nn.Module, read: Channels) -> Channels:
        """Convolutions one after the other; one without a norm keeps the order of its outputs."""
        if isinstance(mine, nn.Conv2d) and isinstance(theirs, nn.Conv2d):
            output = first(mine.out_channels, theirs.out_channels)
            self._kernel(name, other, mine, theirs, (read, output))
            return output
        if isinstance(mine, Conv) and isinstance(theirs, Conv):
            return self._conv(name, other, mine, theirs, read)
        for number, (part, model) in enumerate(zip(_children(mine), _children(theirs), strict=True)):
            read = self._sequence(f"{name}.{number}", f"{other}.{number}", part, model, read)
        return read

    # --- other modules

    def _same(self, name: str, other: str, mine: nn.Module, theirs: nn.Module, read: Channels) -> None:
        """A module without a rule: copied if it is the teacher's own, at its full width; fresh otherwise."""
        own, given = mine.state_dict(), theirs.state_dict()
        equal = {key: value.shape for key, value in own.items()} == {key: value.shape for key, value in given.items()}
        if type(mine) is type(theirs) and equal and _identical(read):
            self._copy(name, other)

    def _copy(self, name: str, other: str, prefix: str = "") -> None:
        for key, shape in self._shapes.items():
            if key.startswith(f"{other}.{prefix}"):
                index = torch.arange(shape.numel()).reshape(shape)
                self._gathers[f"{name}.{key.removeprefix(f'{other}.')}"] = Gather(key, index)

    # --- importance

    def _chosen(self, other: str, count: int) -> Channels:
        return most_important(self._importance[other], count)

    def _block_importance(self, name: str, block: nn.Module) -> Tensor | float:
        """The importance of a block's output channels: that of its last convolution; 0 of a block without a rule."""
        last = "cv2" if isinstance(block, Bottleneck) else "cv3" if isinstance(block, C3Shell) else ""
        return self._importance[f"{name}.{last}"] if last else 0.0


def _rows(member: Detector, teacher: Detector) -> Iterator[tuple[ResolvedRow, ResolvedRow]]:
    return zip(member.resolve(), teacher.resolve(), strict=True)


def _alike(mine: Head, theirs: Head) -> bool:
    """Return True for heads of the same branches, which may differ in width and depth."""
    return type(mine) is type(theirs) or {type(mine), type(theirs)} == {Detect, SlimDetect}


def _children(module: nn.Module) -> list[nn.Module]:
    return list(module.children())


def _out_channels(module: nn.Module) -> int:
    return cast(nn.Conv2d, module.conv).out_channels


def _identical(channels: Channels) -> bool:
    return torch.equal(channels.theirs, torch.arange(channels.total))


def _columns(read: Channels, output: Channels, mine: nn.Conv2d, theirs: nn.Conv2d) -> Tensor:
    """int64 (O, I): the teacher's input channel of each kernel, counted within the teacher's group; or `NONE`."""
    rows, width = torch.arange(mine.out_channels), mine.in_channels // mine.groups
    group = rows // (mine.out_channels // mine.groups)
    found = read.theirs[group[:, None] * width + torch.arange(width)]
    share = theirs.in_channels // theirs.groups
    start = output.theirs // (theirs.out_channels // theirs.groups) * share
    within = found - start[:, None]
    known = (found != NONE) & (output.theirs[:, None] != NONE) & (within >= 0) & (within < share)
    return torch.where(known, within, NONE)
