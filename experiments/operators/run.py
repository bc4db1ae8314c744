"""Time of operators over their MACs, by runtime; see README.md. Results go to results/."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn

from nas.detectors.network import fuse
from nas.latency.fingerprint import identity
from nas.latency.reference import bench
from nas.latency.runtimes.base import Runtime
from nas.latency.runtimes.registry import choose
from nas.operators.modules.conv import Conv
from nas.operators.modules.dual import DualConv
from nas.operators.modules.dwsep import DWBlock
from nas.operators.modules.faster import FasterBlock, PConv
from nas.operators.modules.ghost import GhostConv
from nas.operators.modules.gsconv import GSConv
from nas.operators.modules.het import HetConv
from nas.operators.modules.shufflev2 import ShuffleV2Block
from nas.operators.modules.star import StarBlock
from nas.operators.modules.tconv import TConv
from nas.operators.modules.uib import UIBBlock

RESULTS = Path(__file__).parent / "results"
SHAPES = ((16, 160), (32, 160), (32, 80), (64, 80), (64, 40), (128, 40), (128, 20), (256, 20), (256, 10), (512, 10))
"""Channels and side of feature maps in YOLOs of the nano and small sizes at 320 and 640 pixels."""
CHAIN = 4
"""Consecutive layers that are timed together, as in a network: onnxruntime then stays in its blocked layout."""

Make = Callable[[int], nn.Module]
DENSE = "conv 3x3"
OPERATORS: dict[str, Make] = {
    DENSE: lambda c: Conv(c, c, 3),
    "conv 1x1": lambda c: Conv(c, c, 1),
    "depthwise 3x3": lambda c: Conv(c, c, 3, g=c),
    "depthwise 3x3 + 1x1": lambda c: DWBlock(c, 3),
    **{f"PConv 1/{n} + 1x1": lambda c, n=n: nn.Sequential(PConv(c, n), Conv(c, c, 1)) for n in (2, 4, 8)},
    "FasterNet block 1/4": lambda c: FasterBlock(c, 4, 2),
    "T-conv 1/4": lambda c: TConv(c, c, 4),
    **{f"HetConv P={p}": lambda c, p=p: HetConv(c, c, p) for p in (2, 4, 8)},
    **{f"DualConv G={g}": lambda c, g=g: DualConv(c, c, g) for g in (2, 4, 8)},
    **{f"grouped 3x3 g={g}": lambda c, g=g: Conv(c, c, 3, g=g) for g in (2, 4, 8)},
    "ShuffleNetV2 unit": lambda c: ShuffleV2Block(c),
    "UIB extradw": lambda c: UIBBlock(c, 3, 3, 2),
    "GhostConv 3x3": lambda c: GhostConv(c, c, 3),
    "GSConv 3x3": lambda c: GSConv(c, c, 3),
    "StarNet block": lambda c: StarBlock(c, 3),
}


def macs(module: nn.Module, channels: int, side: int) -> int:
    """MACs of one layer's convolutions, counted by fvcore."""
    count = FlopCountAnalysis(module, torch.zeros(1, channels, side, side))
    return int(count.unsupported_ops_warnings(False).uncalled_modules_warnings(False).by_operator()["conv"])


class Session:
    """Layers that are timed in one run, interleaved: `add` all of them, then `run`."""

    def __init__(self, runtime: Runtime):
        self.runtime = runtime
        self.wanted: dict[tuple[object, ...], tuple[nn.Module, tuple[int, int, int]]] = {}

    def add(self, key: tuple[object, ...], layers: Sequence[nn.Module], channels: int, side: int) -> None:
        self.wanted[key] = fuse(nn.Sequential(*layers).eval()), (channels, side, side)

    def run(self) -> dict[tuple[object, ...], tuple[float, float]]:
        """Milliseconds and spread by key. Entries that share the first two fields of their key are interleaved."""
        timer, found = bench(self.runtime), {}
        for part in dict.fromkeys(key[:2] for key in self.wanted):
            keys = [key for key in self.wanted if key[:2] == part]
            prepared = []
            for key in keys:
                module, shape = self.wanted[key]
                torch.manual_seed(0)
                prepared.append(self.runtime.prepare(module, [torch.randn(1, *shape)]))
            for key, (ms, spread, _) in zip(keys, timer.measure(prepared, samples=7), strict=True):
                found[key] = ms, spread
            print(self.runtime.name, *part, flush=True)
        return found


def equal_macs_width(dense_macs: int, own_macs: int, channels: int) -> int:
    """The width, a multiple of 4, at which a dense 3x3 convolution comes closest to the operator's MACs."""
    return max(4, 4 * round(channels * math.sqrt(own_macs / dense_macs) / 4))


def operators(session: Session) -> pd.DataFrame:
    """Time of every operator at every shape, relative to dense convolutions of equal channels and of equal MACs."""
    rows: list[dict[str, object]] = []
    for c, side in SHAPES:
        part = ("operators", f"{c}x{side}")
        dense = macs(fuse(OPERATORS[DENSE](c).eval()), c, side)
        widths = set()
        for name, make in OPERATORS.items():
            session.add((*part, name), [make(c) for _ in range(CHAIN)], c, side)
            own = macs(fuse(make(c).eval()), c, side)
            width = equal_macs_width(dense, own, c)
            widths.add(width)
            rows.append({"part": part, "operator": name, "channels": c, "side": side, "macs": own, "width": width})
        for width in widths:
            session.add((*part, width), [Conv(width, width, 3) for _ in range(CHAIN)], width, side)
    found = session.run()
    for row in rows:
        part = row.pop("part")
        ms, spread = found[(*part, row["operator"])]  # type: ignore[misc]
        dense_ms, equal_ms = found[(*part, DENSE)][0], found[(*part, row["width"])][0]  # type: ignore[misc]
        row |= {
            "ms": ms / CHAIN,
            "spread_ms": spread / CHAIN,
            "to_dense": ms / dense_ms,
            "to_equal_macs": ms / equal_ms,
        }
    return pd.DataFrame(rows).round({"ms": 5, "spread_ms": 5, "to_dense": 3, "to_equal_macs": 3})


def forms(session: Session) -> pd.DataFrame:
    """Time of the deployed forms that the modules choose from, also at widths that are no power of two."""
    for c, side in sorted((*SHAPES, *((c, 80) for c in (16, 24, 40, 48)), (96, 40))):
        part = ("forms", f"{c}x{side}")
        for n in (2, 4, 8):
            for form in ("split", "slice"):
                layers = [Form(PConv(c, n), form) for _ in range(CHAIN)]
                session.add((*part, f"PConv 1/{n}", form), layers, c, side)
        for groups in (1, 2, 4, 8):
            session.add((*part, f"two kernels g={groups}", "two"), [Two(c, groups) for _ in range(CHAIN)], c, side)
            session.add((*part, f"two kernels g={groups}", "dense"), [Conv(c, c, 3) for _ in range(CHAIN)], c, side)
    return listed(session.run(), ("table", "shape", "operator", "form"))


def listed(found: dict[tuple[object, ...], tuple[float, float]], names: Sequence[str]) -> pd.DataFrame:
    """One row for each measurement."""
    rows = [(*key, round(ms, 4), round(spread, 4)) for key, (ms, spread) in found.items()]
    return pd.DataFrame(rows, columns=[*names, "ms", "spread_ms"])


class Form(nn.Module):
    """A PConv in a given form, and the 1x1 convolution that always follows it."""

    def __init__(self, pconv: PConv, form: str):
        super().__init__()
        self.pconv, self.form, self.point = pconv, form, Conv(pconv.channels, pconv.channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.point(getattr(self.pconv, self.form)(x))
        return y


class Two(nn.Module):
    """SiLU(grouped 3x3 + 1x1): HetConv and DualConv in their deployed form of two kernels."""

    def __init__(self, c: int, groups: int):
        super().__init__()
        self.spatial = nn.Conv2d(c, c, 3, padding=1, groups=groups)
        self.point, self.act = nn.Conv2d(c, c, 1, bias=False), nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.act(self.spatial(x) + self.point(x))
        return y


def layer(c1: int, c2: int, k: int = 1, groups: int = 1) -> nn.Module:
    return nn.Conv2d(c1, c2, k, padding=k // 2, groups=groups, bias=False)


class Parallel(nn.Module):
    """Parallel fragments with concatenated outputs."""

    def __init__(self, c: int, fragments: int):
        super().__init__()
        self.parts = nn.ModuleList(layer(c, c // fragments) for _ in range(fragments))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([part(x) for part in self.parts], 1)


class Unit(nn.Module):
    """A bottleneck with or without its element-wise operations (ShuffleNetV2, G4)."""

    def __init__(self, c: int, relu: bool, shortcut: bool):
        super().__init__()
        acts = [nn.ReLU() if relu else nn.Identity() for _ in range(3)]
        convs = [layer(c, c // 4), layer(c // 4, c // 4, 3), layer(c // 4, c)]
        self.body = nn.Sequential(*(m for pair in zip(convs, acts, strict=True) for m in pair))
        self.shortcut = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.body(x)
        return x + y if self.shortcut else y


G1 = {"large": ((128, 128), (90, 180), (52, 312), (36, 432)), "small": ((32, 32), (22, 44), (13, 78), (9, 108))}
G2 = {"large": ((1, 128), (2, 180), (4, 256), (8, 360)), "small": ((1, 64), (2, 90), (4, 128), (8, 184))}
FASTER = ((96, 56), (192, 28), (384, 14), (768, 7))


def papers(session: Session) -> pd.DataFrame:
    """Guidelines G1 to G4 of the ShuffleNetV2 paper (Ma et al., 2018) at 56 x 56, and the operator table of the
    FasterNet paper (Chen et al., 2023): ten layers, pairs or units."""
    for size, pairs in G1.items():
        for a, b in pairs:
            layers = [layer(*p) for _ in range(10) for p in ((a, b), (b, a))]
            session.add(("G1", size, f"{a}:{b}"), layers, a, 56)
    for size, groups in G2.items():
        for g, c in groups:
            session.add(("G2", size, f"g={g}"), [layer(c, c, groups=g) for _ in range(10)], c, 56)
    for size, c in (("large", 128), ("small", 64)):
        session.add(("G3", size, "1 fragment"), [layer(c, c) for _ in range(10)], c, 56)
        for n in (2, 4):
            width = round(c / math.sqrt(n))
            session.add(("G3", size, f"{n} in series"), [layer(width, width) for _ in range(10 * n)], width, 56)
            session.add(("G3", size, f"{n} in parallel"), [Parallel(c, n) for _ in range(10)], c, 56)
        for relu in (True, False):
            for shortcut in (True, False):
                name = f"ReLU {'yes' if relu else 'no'}, shortcut {'yes' if shortcut else 'no'}"
                session.add(("G4", size, name), [Unit(c, relu, shortcut) for _ in range(10)], c, 56)
    add_fasternet(session)
    return listed(session.run(), ("table", "size", "case"))


def add_fasternet(session: Session) -> None:
    """Add the operator table of the FasterNet paper."""
    for c, side in FASTER:
        part = ("FasterNet", f"{c}x{side}")
        kinds = {
            "Conv3x3": lambda c=c: layer(c, c, 3),
            "GConv16": lambda c=c: layer(c, c, 3, 16),
            "DWConv": lambda c=c: layer(c, c, 3, c),
            "PConv 1/4": lambda c=c: PConv(c, 4),
        }
        for name, make in kinds.items():
            session.add((*part, name), [make() for _ in range(10)], c, side)


TABLES: dict[str, Callable[[Session], pd.DataFrame]] = {"operators": operators, "forms": forms, "papers": papers}


def draw() -> None:
    """Draw the time of every operator relative to the dense convolution, at equal channels and at equal MACs."""
    files = sorted(RESULTS.glob("operators-*.csv"))
    figure, axes = plt.subplots(2, len(files), figsize=(6 * len(files), 12), sharey=True, squeeze=False)
    for column, file in enumerate(files):
        frame = pd.read_csv(file)
        frame["shape"] = frame.channels.astype(str) + "x" + frame.side.astype(str)
        for ax, ratio in zip(axes[:, column], ("to_dense", "to_equal_macs"), strict=True):
            table = frame.pivot(index="operator", columns="shape", values=ratio)
            table = table.reindex(index=list(OPERATORS), columns=[f"{c}x{s}" for c, s in SHAPES])
            limits = (-math.log(8), math.log(8))
            ax.imshow(table.map(math.log), cmap="RdYlGn_r", vmin=limits[0], vmax=limits[1], aspect="auto")
            for i, j in ((i, j) for i in range(table.shape[0]) for j in range(table.shape[1])):
                ax.text(j, i, f"{table.iloc[i, j]:.2f}", ha="center", va="center", fontsize=7)
            ax.set_xticks(range(table.shape[1]), table.columns, rotation=60)
            ax.set_yticks(range(table.shape[0]), table.index)
            what = "the same channels" if ratio == "to_dense" else "the same MACs"
            ax.set_title(f"{file.stem.partition('-')[2]}: time over a dense 3x3 of {what}")
    figure.tight_layout()
    figure.savefig(RESULTS / "operators.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", nargs="*", default=["torch", "onnxruntime", "openvino"])
    parser.add_argument("--table", nargs="*", default=list(TABLES), choices=list(TABLES))
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for name in options.runtime:
        runtime = choose(name, threads=1)
        for table in options.table:
            TABLES[table](Session(runtime)).to_csv(RESULTS / f"{table}-{name}.csv", index=False)
        facts = {**identity(runtime), "date": date.today().isoformat()}
        (RESULTS / f"machine-{name}.json").write_text(json.dumps(facts, indent=2) + "\n")
    draw()


if __name__ == "__main__":
    main()
