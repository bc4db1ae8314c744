"""The statistic, on a machine whose slow windows are scripted."""

from __future__ import annotations

import gc
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from nas.detectors.templates import TEMPLATES
from nas.latency.builder import TableBuilder
from nas.latency.header import Header
from nas.latency.modules import build
from nas.latency.notices import noise_warning
from nas.latency.opening import builder_for
from nas.latency.reference import bench
from nas.latency.reference_modules import reference
from nas.latency.runtimes import measure
from nas.latency.runtimes.base import Prepared
from nas.latency.runtimes.fake import FakeRuntime
from nas.latency.runtimes.measure import Noise
from nas.latency.runtimes.registry import choose
from nas.latency.table import LatencyTable

Slowness = Callable[[float], float]


class Scripted:
    """Takes ``cost`` seconds, slowed by what the machine is at that moment; every run moves the clock on."""

    def __init__(self, machine: Machine, cost: float, slowness: Slowness | None = None):
        self.machine, self.cost, self.slowness = machine, cost, slowness or machine.slowness
        self.runs = 0

    def seconds(self) -> float:
        self.runs += 1
        taken = self.cost * self.slowness(self.machine.now)
        self.machine.now += taken
        return taken

    def outputs(self) -> list[torch.Tensor]:
        return []


class Uneven(Scripted):
    """Its samples, of two runs each after two to warm up, are off by ``share`` of the cost, up and down in turn."""

    def __init__(self, machine: Machine, cost: float, share: float):
        assert cost > measure.SAMPLE_SECONDS / 2
        super().__init__(machine, cost, lambda now: 1 + share * (-1) ** ((self.runs - 1) // 2))

    @property
    def samples(self) -> int:
        return (self.runs - 2) // 2


class Machine(FakeRuntime):
    """Timed, unlike the fake; whatever is prepared takes 1 ms, the reference kernel too."""

    timed = True

    def __init__(self, slowness: Slowness = lambda now: 1.0):
        super().__init__()
        self.slowness, self.now = slowness, 0.0

    def prepare(self, module: nn.Module, inputs: Sequence[torch.Tensor]) -> Prepared:
        return Scripted(self, 1e-3)

    def keep_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A bench watches the reference for so many seconds of this machine's clock."""
        monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: self.now))


@pytest.mark.parametrize(
    "slowness",
    [
        lambda now: 1.0,
        lambda now: 1.9 if now % 0.5 < 0.2 else 1.0,  # windows of 200 ms
        lambda now: 1.7 if now < 1.5 else 1.0,  # a slow beginning
        lambda now: 1.0 + 0.1 * now,  # a machine that gets slower and slower
    ],
)
def test_slow_windows_do_not_show(slowness: Slowness, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(slowness)
    machine.keep_time(monkeypatch)
    costs = [0.1e-3, 1e-3, 5e-3]
    measured = bench(machine, nominal=1e-3).measure([Scripted(machine, c) for c in costs])
    for cost, found in zip(costs, measured, strict=True):
        assert found.ms == pytest.approx(1e3 * cost, rel=0.05)
        assert found.spread_ms <= 0.05 * found.ms


def test_noise_that_hits_single_samples_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(lambda now: 3.0 if int(now * 1e4) % 7 == 0 else 1.0)
    machine.keep_time(monkeypatch)
    (found,) = bench(machine, nominal=1e-3).measure([Scripted(machine, 1e-3)])
    assert found.ms == pytest.approx(1, rel=0.05)


def test_without_a_quiet_window_the_result_is_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(lambda now: 1.6)
    machine.keep_time(monkeypatch)
    timer = bench(machine, nominal=1e-3)
    (found,) = timer.measure([Scripted(machine, 4e-3)])
    assert found.ms == pytest.approx(4, rel=1e-6)
    assert found.n == 3
    assert timer.noise.quiet == 0
    assert timer.noise.too_much


def test_a_bench_made_in_a_slow_window_judges_by_the_sessions_own_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """The windows that go on later slow the entry more than the reference: what counts as quiet shows in the result."""

    def slow(by: float) -> Slowness:
        return lambda now: by if now < 2.1 or now % 0.2 < 0.12 else 1.0

    machine = Machine(slow(1.7))
    machine.keep_time(monkeypatch)
    timer = bench(machine)
    assert timer.nominal == pytest.approx(1.7e-3, rel=1e-6)
    (found,) = timer.measure([Scripted(machine, 4e-3, slow(2.5))], samples=20)
    assert timer.level == pytest.approx(1e-3, rel=1e-6)
    assert found.ms == pytest.approx(1.7 * 4, rel=0.01)  # in units of the nominal time, as a slow nominal asks for
    assert 0 < timer.noise.quiet < 0.9


@pytest.mark.parametrize(("share", "samples"), [(0.0, 4), (0.02, 4), (0.04, 7), (0.1, 8)])
def test_rounds_end_when_the_median_is_known(share: float, samples: int) -> None:
    """Samples at 1 - w and 1 + w lie 2w apart: their median's standard error is 1.253 x 2w / 1.349 / sqrt(n), which is
    3 % at n = (62 w)^2; at least 4 samples, at most twice as many rounds."""
    machine = Machine()
    uneven, steady = Uneven(machine, 5e-3, share), Scripted(machine, 5e-3)
    found, known = bench(machine, nominal=1e-3).measure([uneven, steady])
    assert uneven.samples == found.n == samples
    assert (steady.runs - 2) // 2 == known.n == 4
    assert found.ms == pytest.approx(5, rel=0.001 if samples % 2 == 0 else share + 1e-9)
    assert found.spread_ms == pytest.approx(5 * share, rel=1e-6, abs=1e-9)


def test_more_samples_where_more_are_asked_for() -> None:
    machine = Machine()
    entry = Uneven(machine, 5e-3, 0.0)
    (found,) = bench(machine, nominal=1e-3).measure([entry], samples=9)
    assert entry.samples == found.n == 9


def test_a_computed_time_is_taken_once() -> None:
    runtime = choose("fake")
    timer = bench(runtime)
    (found,) = timer.measure([runtime.prepare(*reference())])
    assert found == (pytest.approx(1e3 * timer.nominal), 0, 1)
    assert timer.noise == Noise(1.0, None)


def test_progress_ends_at_one() -> None:
    machine = Machine()
    shares: list[float] = []
    bench(machine, nominal=1e-3).measure([Uneven(machine, 5e-3, 0.1), Scripted(machine, 1e-3)], progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) == 8
    assert shares[-1] == 1


def test_noise_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first sample is slow; for the second it waits, and that and three more are quiet and enough."""
    ticks = iter([(10, 1000), (13, 1100), (13, 2000), (30, 2100)])
    monkeypatch.setattr(measure, "_ticks", lambda: next(ticks))
    machine = Machine(lambda now: 2.0 if now < 0.08 else 1.0)
    machine.keep_time(monkeypatch)
    timer = bench(machine, nominal=1e-3)
    assert timer.noise == Noise(1.0, None)
    entry = Scripted(machine, 5e-3)
    (found,) = timer.measure([entry])
    assert (found.n, (entry.runs - 2) // 2) == (4, 5)
    assert timer.noise == (pytest.approx(4 / 5), pytest.approx(3 / 100))
    assert not timer.noise.too_much
    timer.measure([Scripted(machine, 5e-3)])  # four more, all quiet
    assert timer.noise == (pytest.approx(8 / 9), pytest.approx(20 / 200))
    assert timer.noise.too_much
    assert str(timer.noise) == "89% of the samples in quiet windows, 10.0% of the time stolen by the host"


@pytest.mark.parametrize(("share", "waits"), [(0.0, 0.0), (0.5, 1.0), (1.0, 2.0)])
def test_waiting_for_quiet_windows_has_an_end(share: float, waits: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """With windows of a second it samples in the quiet ones alone; without any it waits twice as long as it samples."""
    machine = Machine(lambda now: 2.0 if now % 1 < share else 1.0)
    machine.keep_time(monkeypatch)
    entry = Scripted(machine, 5e-3)
    timer = bench(machine, nominal=1e-3)
    timer.measure([entry], samples=100)
    # A sample is two runs of the entry and a reading, which is two of the reference; each round reads once more.
    sampling = entry.runs / 2 * (2 * 5e-3 + 2e-3) * (2 if share == 1 else 1)
    assert (machine.now - sampling) / sampling == pytest.approx(waits, abs=0.4)
    assert timer.noise.quiet == pytest.approx(float(share < 1), abs=0.1)


def test_a_system_that_does_not_tell_what_is_stolen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "_ticks", lambda: None)
    machine = Machine()
    timer = bench(machine, nominal=1e-3)
    timer.measure([Scripted(machine, 5e-3)])
    assert timer.noise == Noise(1.0, None)
    assert str(timer.noise) == "100% of the samples in quiet windows"


@pytest.mark.parametrize(
    ("quiet", "steal", "too_much"),
    [(1.0, None, False), (0.5, 0.05, False), (0.49, None, True), (1.0, 0.051, True), (0.49, 0.051, True)],
)
def test_too_much_noise(quiet: float, steal: float | None, too_much: bool) -> None:
    assert Noise(quiet, steal).too_much is too_much


@pytest.mark.parametrize(
    ("first_line", "ticks"),
    [
        ("cpu  10 1 5 100 2 0 3 7 40 50", (7, 128)),  # guests are counted within user time already
        ("cpu  10 1 5 100", None),  # an old kernel
        ("", None),
        ("cpu  a b c d e f g h", None),
    ],
)
def test_what_the_system_tells(first_line: str, ticks: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "open", lambda *_, **__: io.StringIO(first_line + "\ncpu0 1 1\n"), raising=False)
    assert measure._ticks() == ticks


def test_a_system_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(measure, "open", missing, raising=False)
    assert measure._ticks() is None


def test_garbage_collection_is_put_back() -> None:
    machine = Machine()
    seen: list[bool] = []
    timer = bench(machine, nominal=1e-3)

    def watching(now: float) -> float:
        seen.append(gc.isenabled())
        return 1.0

    timer.measure([Scripted(machine, 1e-3, watching)])
    assert seen and not any(seen)
    assert gc.isenabled()

    def fail(now: float) -> float:
        raise RuntimeError("no such kernel")

    with pytest.raises(RuntimeError, match="no such kernel"):
        timer.measure([Scripted(machine, 1e-3, fail)])
    assert gc.isenabled()


def test_a_table_begun_in_a_slow_window_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow while the reference is first watched and over the first batch: nothing of it stays."""
    machine = Machine(lambda now: 1.7 if now < 2.5 else 1.0)
    machine.keep_time(monkeypatch)
    table = builder_for(machine, tmp_path / "t.csv")
    shares: list[float] = []
    table.ensure(TEMPLATES["yolov8n"].stock(2).resolve(64), shares.append)
    assert table.table.header.reference_ms == pytest.approx(1, rel=1e-6)
    assert shares[-1] == 1
    assert all(value.ms == pytest.approx(0, abs=1e-9) for value in table.table.entries.values())


def test_a_tables_header_tells_the_worst_of_its_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([(0, 0), (0, 100), (0, 100), (1, 200), (0, 0), (3, 100), (30, 100), (60, 200)])
    monkeypatch.setattr(measure, "_ticks", lambda: next(ticks))
    rows = list(TEMPLATES["yolov8n"].stock(2).resolve(64))

    def session(machine: Machine, count: int) -> TableBuilder:
        machine.keep_time(monkeypatch)
        table = builder_for(machine, tmp_path / "t.csv")
        table.ensure(rows[:count])
        return table

    assert session(Machine(), 2).table.header.noise == Noise(1.0, 1 / 200)
    noisy = session(Machine(lambda now: 1.7 if now % 0.05 < 0.02 else 1.0), 4)
    assert noisy.table.header.noise == noisy.noise
    assert (noisy.noise.quiet < 0.9, noisy.noise.steal) == (True, 0.03)
    again = session(Machine(), 6)
    assert again.noise == Noise(1.0, 0.3)
    assert again.table.header.noise == Noise(noisy.noise.quiet, 0.3)


def test_entries_of_a_noisy_session_are_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A noisy top-up marks its own entries, and the command of the warning measures them again."""
    counted, steal = [0, 0], [0]

    def ticks() -> tuple[int, int]:
        counted[:] = counted[0] + steal[0], counted[1] + 100
        return counted[0], counted[1]

    monkeypatch.setattr(measure, "_ticks", ticks)
    rows = list(TEMPLATES["yolov8n"].stock(2).resolve(64))

    def session(count: int, stolen: int, again: bool = False) -> LatencyTable:
        machine, steal[0] = Machine(), stolen
        machine.keep_time(monkeypatch)
        table = builder_for(machine, tmp_path / "t.csv")
        table.ensure(rows[:count], again=again)
        return table.table

    assert session(2, 0).header.noisy == ()
    table = session(4, 50)
    assert len(table.noisy(rows)) == len(table.noisy(rows[2:4])) > 0 == len(table.noisy(rows[:2]))
    assert noise_warning(table, rows[:2], "build") == ""
    warning = noise_warning(table, rows[:4], "build", "--space", "mine.yaml")
    assert (
        f"{len(table.noisy(rows))} entries of {tmp_path / 't.csv'} were measured while the machine was too" in warning
    )
    assert "python -m nas.latency build --space mine.yaml --device" in warning
    assert session(4, 0).noisy(rows) == table.noisy(rows)
    assert session(4, 0, again=True).noisy(rows) == []
    noisy = session(6, 50)
    assert noisy.noisy(rows[:4]) == [] != noisy.noisy(rows[:6])


def test_a_noisy_table_of_an_earlier_release_is_noisy_as_a_whole(tmp_path: Path) -> None:
    table = builder_for(Machine(), tmp_path / "t.csv").table
    header = Header({"device": "cpu"}, "2026-01-01", 1.0, 0.0, quiet=0.1)
    table = replace(table, contents=header)
    assert "t.csv was measured while the machine was too noisy" in noise_warning(table, [], "build")
    assert "build --rebuild" in noise_warning(table, [], "build")


def test_rows_are_timed_as_built() -> None:
    """The runtime receives the output of `build`: the fake one applies its formula to the row's own module."""
    row = next(iter(TEMPLATES["yolov8n"].stock(2).resolve(64)))
    runtime = choose("fake")
    (found,) = bench(runtime).measure([runtime.prepare(*build(row))])
    # 3 -> 16 channels, 3x3, stride 2 on 64x64: its MACs, and the elements of convolution and activation.
    assert found.ms == pytest.approx(1e3 * (20e-6 + 1e-10 * 16 * 32 * 32 * 27 + 1e-9 * 2 * 16 * 32 * 32))
