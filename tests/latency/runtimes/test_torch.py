"""The torch runtime: layout and precision, and calls to a GPU, with a torch.cuda that only keeps a log."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from nas.latency.runtimes.base import Runtime
from nas.latency.runtimes.registry import choose
from nas.latency.runtimes.torch_runtime import TorchRuntime, by_events, clocked


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: ("RTX 4090", "T400")[device.index])
    monkeypatch.setattr(torch.version, "cuda", "12.6")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 90501)


class Seen(nn.Module):
    """A convolution that keeps what it was run with."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.seen = nn.Conv2d(3, 4, 3), SimpleNamespace()
        self.seen.__deepcopy__ = lambda memo: self.seen

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.x, self.seen.weight = x, self.conv.weight
        self.seen.threads, self.seen.inference = torch.get_num_threads(), torch.is_inference_mode_enabled()
        y: torch.Tensor = self.conv(x)
        return y


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_what_runs_has_the_layout_and_the_precision(precision: str) -> None:
    # float16 is refused on a CPU because it says nothing of one, but a CPU can show that the numbers come out right.
    module, x = Seen().eval(), torch.randn(1, 3, 8, 8)
    (got,) = TorchRuntime(1, "cpu", precision).prepare(module, [x]).outputs()
    for tensor in (module.seen.x, module.seen.weight):
        assert tensor.dtype == getattr(torch, precision)
        assert tensor.is_contiguous(memory_format=torch.channels_last)
    assert module.conv.weight.dtype == x.dtype == torch.float32
    assert module.conv.weight.is_contiguous() and x.is_contiguous()
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(got), module.conv(x), atol=5e-3, rtol=5e-3)


def test_threads_and_inference_mode_hold_while_it_runs() -> None:
    module, before = Seen().eval(), torch.get_num_threads()
    runtime = choose("torch", threads=1)
    prepared = runtime.prepare(module, [torch.randn(1, 3, 8, 8)])
    with runtime.measuring():
        assert torch.get_num_threads() == 1
        prepared.seconds()
    assert (module.seen.threads, module.seen.inference) == (1, True)
    assert torch.get_num_threads() == before
    prepared.outputs()
    assert (module.seen.threads, module.seen.inference) == (1, True)


def test_inputs_that_are_no_maps_are_taken() -> None:
    prepared = choose("torch").prepare(nn.Identity(), [torch.arange(3.0)])
    assert prepared.outputs()[0].tolist() == [0, 1, 2]


def test_a_clock_is_read_round_the_run_alone() -> None:
    log: list[str] = []
    times = iter([10.0, 10.25])

    def clock() -> float:
        log.append("clock")
        return next(times)

    assert clocked(clock)(lambda: log.append("run")) == 0.25
    assert log == ["clock", "run", "clock"]


def test_events_enclose_the_run_on_an_idle_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[object] = []

    class Event:
        made = 0

        def __init__(self, enable_timing: bool):
            assert enable_timing
            self.number, Event.made = Event.made, Event.made + 1

        def record(self, stream: str) -> None:
            log.append(("record", self.number, stream))

        def synchronize(self) -> None:
            log.append(("wait for", self.number))

        def elapsed_time(self, end: Event) -> float:
            log.append(("elapsed", self.number, end.number))
            return 2.5

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"stream of {device}")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: log.append(("idle", str(device))))
    assert by_events(torch.device("cuda", 1))(lambda: log.append("run")) == 2.5e-3
    assert log == [
        ("idle", "cuda:1"),
        ("record", 0, "stream of cuda:1"),
        "run",
        ("record", 1, "stream of cuda:1"),
        ("wait for", 1),
        ("elapsed", 0, 1),
    ]


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_is_in_the_identity() -> None:
    one, half, other = (choose("auto", *a) for a in (("cuda",), ("cuda:0", 1, "float16"), ("cuda:1",)))
    assert one.name == "torch"
    cpu = choose("torch").device()
    assert one.device() == half.device() == {**cpu, "device": "cuda", "gpu": "RTX 4090"}
    assert other.device() == {**cpu, "device": "cuda", "gpu": "T400"}
    assert one.fingerprint() == other.fingerprint()
    assert one.fingerprint()["cuda"] == "12.6" and one.fingerprint()["cudnn"] == "90501"
    assert "NCHW" in str(one.fingerprint()["options"]) and "channels last" in str(half.fingerprint()["options"])
    assert (one.fingerprint()["precision"], half.fingerprint()["precision"]) == ("float32", "float16")


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize("before", [(False, False), (True, True)])
def test_cudnn_tries_its_algorithms_while_measuring(before: tuple[bool, bool]) -> None:
    cudnn = torch.backends.cudnn

    def enter(runtime: Runtime) -> tuple[bool, bool]:
        with runtime.measuring():
            return cudnn.benchmark, cudnn.allow_tf32

    with cudnn.flags(enabled=True, benchmark=before[0], allow_tf32=before[1]):
        assert enter(choose("torch", "cuda")) == (True, True)
        assert (cudnn.benchmark, cudnn.allow_tf32) == before
        assert enter(choose("torch", "cpu")) == before
