"""The statistic, on a machine whose slow windows are scripted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import nn

from nas.detectors import TEMPLATES
from nas.runtimes import Prepared
from nas.runtimes._fake import FakeRuntime
from nas.tables import LatencyTable
from nas.tables import _bench as module
from nas.tables._bench import Bench


class Scripted:
    """Takes ``cost`` seconds, slowed by what the machine is at that moment; every run moves the clock on."""

    def __init__(self, machine: Machine, cost: float):
        self.machine, self.cost = machine, cost

    def seconds(self) -> float:
        taken = self.cost * self.machine.slowness(self.machine.now)
        self.machine.now += taken
        return taken

    def outputs(self) -> list[torch.Tensor]:
        return []


class Machine(FakeRuntime):
    """Timed, unlike the fake; a prepared module costs what its one parameter says, the reference 1 ms."""

    timed = True

    def __init__(self, slowness: Callable[[float], float]):
        super().__init__()
        self.slowness, self.now = slowness, 0.0

    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        return Scripted(self, 1e-3)


@pytest.mark.parametrize(
    "slowness",
    [
        lambda now: 1.0,
        lambda now: 1.9 if now % 0.5 < 0.2 else 1.0,  # windows of 200 ms
        lambda now: 1.7 if now < 1.5 else 1.0,  # a slow beginning
        lambda now: 1.0 + 0.1 * now,  # a machine that gets slower and slower
    ],
)
def test_slow_windows_do_not_show(slowness: Callable[[float], float]) -> None:
    machine = Machine(slowness)
    bench = Bench(machine, nominal=1e-3)
    costs = [0.1e-3, 1e-3, 5e-3]
    for cost, found in zip(costs, bench.measure([Scripted(machine, c) for c in costs]), strict=True):
        assert found.ms == pytest.approx(1e3 * cost, rel=0.05)
        assert found.spread_ms <= 0.05 * found.ms


def test_noise_that_hits_single_samples_does_not_show() -> None:
    machine = Machine(lambda now: 3.0 if int(now * 1e4) % 7 == 0 else 1.0)
    (found,) = Bench(machine, nominal=1e-3).measure([Scripted(machine, 1e-3)])
    assert found.ms == pytest.approx(1, rel=0.05)


def test_without_a_quiet_window_the_result_is_normalised() -> None:
    machine = Machine(lambda now: 1.6)
    (found,) = Bench(machine, nominal=1e-3).measure([Scripted(machine, 4e-3)])
    assert found.ms == pytest.approx(4, rel=1e-6)
    assert found.n == 3


def test_garbage_collection_is_put_back() -> None:
    import gc

    machine = Machine(lambda now: 1.0)
    Bench(machine, nominal=1e-3).measure([Scripted(machine, 1e-3)])
    assert gc.isenabled()


def test_a_table_begun_in_a_slow_window_is_begun_again(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow while the reference is first watched and over the first batch: nothing of it stays."""
    machine = Machine(lambda now: 1.7 if now < 2.5 else 1.0)
    monkeypatch.setattr(module, "perf_counter", lambda: machine.now)
    table = LatencyTable.open(machine, f"{tmp_path}/t.csv")
    shares: list[float] = []
    table.ensure(TEMPLATES["yolov8n"].stock(2).resolve(64), shares.append)
    assert table.header.reference_ms == pytest.approx(1, rel=1e-6)
    assert shares[-1] == 1
    assert all(value.ms == pytest.approx(0, abs=1e-9) for value in table._entries.values())
