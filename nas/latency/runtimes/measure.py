"""Measuring: the clock, the sessions of runtimes that read ONNX files, and one statistic for rows and detectors.

The file needs only numpy, the runtime, and Python 3.10 or newer. `python -m nas.latency bundle` copies it into a
measuring kit, where it is the script to run on the device.

A shared machine has quiet and slow windows. Slow ones take up to twice as long and last from milliseconds to minutes.
The clock of a single thread does not count the time that other processes take from its core, but they also affect
caches and clock rates. So every sample is taken between two readings of a reference kernel in the same runtime:

* A sample waits for a quiet window. All waiting together takes at most twice the time of the sampling.
* A sample is the shortest of a few runs in a row. The first run warms the caches.
* A sample is quiet if both readings are within 15 % of the reference's nominal time, or of its level in this session if
  that is lower. Rounds over all entries, in alternating order, continue until each entry has enough quiet samples and
  its median is known to 3 %, or until the rounds are used up.
* The result is the median, over the quiet samples of an entry, of sample / mean of its two readings, times the nominal
  time.

An entry without quiet samples takes its least disturbed ones. Its spread shows this, and so does the noise of `Bench`.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import functools
import gc
import hashlib
import json
import os
import platform
import re
import sys
import time
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

try:
    import numpy as np
except ImportError as missing:
    if __name__ != "__main__":
        raise
    sys.exit(f"error: numpy is missing ({missing}); run: pip install numpy")

QUIET = 1.15
SAMPLES = 4
ROUNDS = 2
"""Largest number of rounds for each wanted quiet sample."""
WAIT = 2.0
"""Longest waiting for quiet windows, as a multiple of the sampling time."""
SURE = 0.03
"""Relative standard error of a median that is known well enough."""
SAMPLE_SECONDS = 2e-3
RUNS = (2, 20)
"""Smallest and largest number of runs in a sample; between them, as many as fit into ``SAMPLE_SECONDS``."""
STEAL = 0.05
"""Share of the time that the host may take before a measurement counts as disturbed."""
DRIFT = 1.5
"""Largest ratio, either way, between the reference kernel's time and its nominal time when measuring continues. Beyond
it, the machine counts as another one. Slow windows of a shared machine reach 2, but end."""
PATIENCE = (10, 2.0)
"""Number of tries for a machine to become quiet, and their length in seconds."""
BATCH = 32
"""Number of rows that are prepared together, timed interleaved and then saved."""
WHOLE_SAMPLES = 12
"""Number of quiet samples of a complete model. A row gets ``SAMPLES``."""

Ends = tuple[bool, bool]
"""True if a row's input is the image, and True if its output is the predictions. There a runtime converts from and to
the user's memory layout. At the other ends it keeps its own layout."""


Model = bytes | tuple[bytes, bytes]
"""An ONNX file, or the two files of OpenVINO's IR."""


class Session(ABC):
    """A model with bound inputs, ready to run: a detector, or a row with its ends.

    A quantized model has its precision in itself; ``precision`` is that of the other nodes.
    """

    @abstractmethod
    def __init__(
        self,
        model: Model,
        inputs: Sequence[Any],
        threads: int,
        ends: Ends = (True, True),
        precision: str = "float32",
    ): ...

    @abstractmethod
    def seconds(self) -> float:
        """Run once and return the time of the run in seconds."""

    @abstractmethod
    def outputs(self) -> list[Any]:
        """Run once and return the outputs."""

    @abstractmethod
    def run(self, inputs: Sequence[Any]) -> list[Any]:
        """Run once on other inputs of the same shapes and return the outputs."""

    @staticmethod
    @abstractmethod
    def fingerprint() -> dict[str, str]:
        """Properties of the runtime that change a time."""


class Measurement(NamedTuple):
    """Time of one image in ms, half the interquartile range of its samples in ms, and the number of samples."""

    ms: float
    spread_ms: float
    n: int


class Noise(NamedTuple):
    """Disturbance of a machine: the share of samples in quiet windows, and the share of the time that the host took.

    The second is None if the system does not say.
    """

    quiet: float
    steal: float | None

    @property
    def too_much(self) -> bool:
        """True if a table that was measured with this noise should not be trusted."""
        return self.quiet < 0.5 or (self.steal or 0.0) > STEAL

    def worse(self, other: Noise) -> Noise:
        """The worse of two sessions, in both figures."""
        steal = [noise.steal for noise in (self, other) if noise.steal is not None]
        return Noise(min(self.quiet, other.quiet), max(steal, default=None))

    def __str__(self) -> str:
        stolen = "" if self.steal is None else f", {self.steal:.1%} of the time stolen by the host"
        return f"{self.quiet:.0%} of the samples in quiet windows{stolen}"


def clock(threads: int) -> Callable[[], float]:
    """A clock: the computing time of the thread if there is one and the system counts finely, otherwise real time.

    A single thread computes during the entire run, so both agree on an idle machine. On a busy machine, the first
    leaves out the moments in which another process has the core. A detector cannot run without such moments, and took
    twice its time in real time with one busy process for each core. A short row often can.
    """
    fine = time.get_clock_info("thread_time").resolution <= 1e-6
    return time.thread_time if threads == 1 and fine else time.perf_counter


def machine() -> dict[str, str]:
    """Description of this machine: ``cpu``, the processor's model name if there is one, and ``system``."""
    name = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
        name = " ".join(found.group(1).split()) if found else ""
    return {"cpu": name or platform.processor() or platform.machine(), "system": _system()}


def _system() -> str:
    return f"{platform.system()} {platform.machine()}"


def _ticks() -> tuple[int, int] | None:
    """Stolen and all ticks of the processors since the start; None if the system does not say."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            fields = [int(field) for field in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    return (fields[7], sum(fields)) if len(fields) == 8 else None


class _Sample(NamedTuple):
    seconds: float
    before: float
    after: float


class Bench:
    """Times entries in units of a reference kernel.

    Args:
        reference: The kernel, prepared on the runtime.
        nominal: Its time on this machine when it is quiet, in seconds; measured now if None.
        measuring: Makes a context that is entered around all timing.
        timed: False if times are computed, so that repetition is useless.

    Attributes:
        nominal: The nominal time, in seconds.
        level: Time of the reference kernel in the last `measure`, in seconds.
        last: Noise during the last `measure`.
    """

    def __init__(
        self,
        reference: Any,
        nominal: float | None = None,
        measuring: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext,
        timed: bool = True,
    ):
        self._reference, self._measuring, self._timed = reference, measuring, timed
        self._quiet = self._taken = self._stolen = self._passed = 0
        self.nominal = nominal if nominal is not None else self.watch(2.0)
        self.level = self.nominal
        self.last = Noise(1.0, None)

    @property
    def noise(self) -> Noise:
        """Noise during everything that was measured."""
        quiet = self._quiet / self._taken if self._taken else 1.0
        return Noise(quiet, self._stolen / self._passed if self._passed else None)

    def watch(self, seconds: float) -> float:
        """Run the reference kernel for some seconds; returns its level: its time in the quieter moments, in seconds."""
        readings: list[float] = []
        with self._measuring():
            start = time.perf_counter()
            while not readings or (self._timed and time.perf_counter() - start < seconds):
                readings.append(self._read())
        return _level(readings)

    def settle(self, here: float) -> float | None:
        """Wait until the level is near the nominal time.

        Args:
            here: The level now, in seconds.

        Returns:
            None if it is or becomes near; otherwise the last level.
        """
        tries, seconds = PATIENCE
        for _ in range(tries):
            if self.nominal / DRIFT <= here <= self.nominal * DRIFT:
                return None
            here = self.watch(seconds)
        return here

    def measure(
        self, entries: Sequence[Any], samples: int = SAMPLES, progress: Callable[[float], None] | None = None
    ) -> list[Measurement]:
        """Time entries, interleaved, until each has enough quiet samples and its median is known."""
        taken: list[list[_Sample]] = [[] for _ in entries]
        collecting = gc.isenabled()
        gc.disable()
        before = _ticks()
        try:
            with self._measuring():
                self._rounds(entries, taken, samples, progress)
        finally:
            if collecting:
                gc.enable()
        self._count(taken, before, _ticks())
        return [self._summary(of_entry) for of_entry in taken]

    def _rounds(
        self,
        entries: Sequence[Any],
        taken: list[list[_Sample]],
        samples: int,
        progress: Callable[[float], None] | None,
    ) -> None:
        runs = [self._runs(entry) for entry in entries]
        rounds = ROUNDS * samples if self._timed else 1
        pending = list(range(len(entries)))
        patience = 0.0
        for number in range(rounds):
            before = self._read()
            # In alternating order, so that no entry always follows the same neighbor.
            for index in pending if number % 2 else reversed(pending):
                waiting = time.perf_counter()
                before = self._wait(before, patience)
                sampling = time.perf_counter()
                shortest = min(entries[index].seconds() for _ in range(runs[index]))
                after = self._read()
                taken[index].append(_Sample(shortest, before, after))
                before = after
                patience += WAIT * (time.perf_counter() - sampling) - (sampling - waiting)
            self.level = _level([sample.before for of_entry in taken for sample in of_entry])
            pending = [index for index in range(len(entries)) if not self._known(taken[index], samples)]
            if progress is not None:
                progress(max((number + 1) / rounds, 1 - len(pending) / len(entries)))
            if not pending:
                break

    def _read(self) -> float:
        # Twice, because the run before has emptied the caches.
        return float(min(self._reference.seconds(), self._reference.seconds()))

    def _wait(self, reading: float, patience: float) -> float:
        """A reading in a quiet window, or the last one after ``patience`` seconds."""
        start = time.perf_counter()
        while self._timed and reading > self._limit and time.perf_counter() - start < patience:
            reading = self._read()
        return reading

    @property
    def _limit(self) -> float:
        """Longest reading in a quiet window, in seconds."""
        return QUIET * min(self.nominal, self.level)

    def _runs(self, entry: Any) -> int:
        entry.seconds()
        return int(np.clip(SAMPLE_SECONDS / max(entry.seconds(), 1e-9), *RUNS)) if self._timed else 1

    def _is_quiet(self, sample: _Sample) -> bool:
        return max(sample.before, sample.after) <= self._limit

    def _known(self, taken: Sequence[_Sample], samples: int) -> bool:
        quiet = [sample for sample in taken if self._is_quiet(sample)]
        if len(quiet) < samples:
            return False
        ratios = [sample.seconds / (sample.before + sample.after) for sample in quiet]
        low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
        # Standard error of a median of normal samples, with the deviation from the interquartile range.
        return bool(1.253 * (high - low) / 1.349 / len(ratios) ** 0.5 <= SURE * middle)

    def _count(
        self,
        taken: Sequence[Sequence[_Sample]],
        before: tuple[int, int] | None,
        after: tuple[int, int] | None,
    ) -> None:
        if self._timed:
            count = sum(map(len, taken))
            quiet = sum(self._is_quiet(sample) for of_entry in taken for sample in of_entry)
            stolen = passed = 0
            if before is not None and after is not None:
                stolen, passed = after[0] - before[0], after[1] - before[1]
            self._taken, self._quiet = self._taken + count, self._quiet + quiet
            self._stolen, self._passed = self._stolen + stolen, self._passed + passed
            self.last = Noise(quiet / count if count else 1.0, stolen / passed if passed else None)

    def _summary(self, samples: Sequence[_Sample]) -> Measurement:
        kept = [sample for sample in samples if self._is_quiet(sample)]
        if len(kept) < 3:
            kept = sorted(samples, key=lambda sample: max(sample.before, sample.after))[:3]
        ms = [1e3 * self.nominal * s.seconds / ((s.before + s.after) / 2) for s in kept]
        low, middle, high = np.quantile(ms, (0.25, 0.5, 0.75))
        return Measurement(float(middle), float(high - low) / 2, len(ms))


def _level(readings: Sequence[float]) -> float:
    return float(np.quantile(readings, 0.1))


class OnnxSession(Session):
    """An ONNX model in onnxruntime: CPU provider, all graph optimizations, sequential, inputs and outputs bound."""

    def __init__(
        self,
        model: Model,
        inputs: Sequence[Any],
        threads: int,
        ends: Ends = (True, True),
        precision: str = "float32",
    ):
        import onnxruntime

        options = self.options(threads)
        session = onnxruntime.InferenceSession(model, options, ["CPUExecutionProvider"])
        self._clock, self._session = clock(threads), session
        # Copies, because `run` writes into them.
        self._inputs = [onnxruntime.OrtValue.ortvalue_from_numpy(np.array(x, order="C")) for x in inputs]
        feed = dict(zip([i.name for i in session.get_inputs()], self._inputs, strict=True))
        names = [o.name for o in session.get_outputs()]
        self._results = session.run_with_ort_values(names, feed)
        # With bound buffers, a run neither allocates its outputs nor copies them into Python.
        self._binding = session.io_binding()
        for name, value in feed.items():
            self._binding.bind_ortvalue_input(name, value)
        for name, value in zip(names, self._results, strict=True):
            self._binding.bind_ortvalue_output(name, value)

    def seconds(self) -> float:
        start = self._clock()
        self._session.run_with_iobinding(self._binding)
        return self._clock() - start

    def outputs(self) -> list[Any]:
        self._session.run_with_iobinding(self._binding)
        return [value.numpy().copy() for value in self._results]

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        for bound, value in zip(self._inputs, inputs, strict=True):
            bound.update_inplace(np.ascontiguousarray(value))
        return self.outputs()

    @staticmethod
    def options(threads: int) -> Any:
        """The session's options."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        # Spinning is the default that a deployed model runs with. It ends with each run, or else the idle threads of
        # the many sessions alive here would take the cores from the one that is timed.
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        options.add_session_config_entry("session.force_spinning_stop", "1")
        return options

    @staticmethod
    def fingerprint() -> dict[str, str]:
        import onnxruntime

        options = "CPUExecutionProvider, ORT_ENABLE_ALL, sequential, buffers bound, spinning within a run"
        return {"runtime": "onnxruntime", "version": onnxruntime.__version__, "options": options}


OPENVINO_FLOATS = {"bfloat16": "bf16", "float16": "f16"}
"""OpenVINO's names of precisions; its name of float32 holds for a quantized model too."""


class OpenVINORequest(Session):
    """An ONNX model or an IR in OpenVINO: CPU plugin, one stream, synchronous requests on bound inputs.

    The nodes that a file does not quantize run in float32, or in the precision that is asked for.

    The plugin keeps maps channels-last or blocked and converts them at a model's ends. A row that runs as a model pays
    for conversions that a row inside a detector does not. So a row's time leaves out the share of its conversions at
    inner ends, by its profile.
    """

    def __init__(
        self,
        model: Model,
        inputs: Sequence[Any],
        threads: int,
        ends: Ends = (True, True),
        precision: str = "float32",
    ):
        import openvino

        options = {**self.options(threads, precision), "PERF_COUNT": not all(ends)}
        files = model if isinstance(model, tuple) else (model,)
        compiled = _core().compile_model(_core().read_model(*files), "CPU", options)
        self._clock = clock(threads)
        # Shared memory: the arrays must live as long as the request. Copies, because `run` writes into them.
        self._inputs = [openvino.Tensor(np.array(x, order="C"), shared_memory=True) for x in inputs]
        self._request = compiled.create_infer_request()
        for index, tensor in enumerate(self._inputs):
            self._request.set_input_tensor(index, tensor)
        self._request.infer()
        self._conversions = set() if all(ends) else _conversions(compiled.get_runtime_model(), ends)
        self._inner: float | None = None

    def seconds(self) -> float:
        if self._inner is None:  # not earlier: sessions may be made in parallel, but now nothing else runs
            self._inner = 1.0 - self._converting(self._conversions)
        start = self._clock()
        # With one thread, the request runs in the caller's thread, whose clock counts it.
        self._request.infer()
        return (self._clock() - start) * self._inner

    def _converting(self, nodes: set[str]) -> float:
        """The share of these nodes in a run. The profile has means over all runs; the first run is subtracted."""
        if not nodes:
            return 0.0
        runs, first = 4, self._profile()
        for _ in range(runs):
            self._request.infer()
        later = {name: (runs + 1) * mean - first[name] for name, mean in self._profile().items()}
        total = sum(later.values())
        return sum(later[name] for name in nodes) / total if total > 0 else 0.0

    def _profile(self) -> dict[str, float]:
        return {node.node_name: node.real_time.total_seconds() for node in self._request.get_profiling_info()}

    def outputs(self) -> list[Any]:
        self._request.infer()
        return [tensor.data.copy() for tensor in self._request.output_tensors]

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        for bound, value in zip(self._inputs, inputs, strict=True):
            bound.data[:] = value
        return self.outputs()

    @staticmethod
    def options(threads: int, precision: str = "float32") -> dict[str, Any]:
        """Options of the compiled model. The rest is the CPU plugin's default, with all graph optimizations."""
        return {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": OPENVINO_FLOATS.get(precision, "f32"),
        }

    @staticmethod
    def fingerprint() -> dict[str, str]:
        import openvino

        options = "CPU plugin, LATENCY, one stream, synchronous, inputs bound"
        return {"runtime": "openvino", "version": openvino.__version__, "options": options}


@functools.cache
def _core() -> Any:
    import openvino

    return openvino.Core()


def _conversions(graph: Any, ends: Ends) -> set[str]:
    """Nodes of OpenVINO's execution graph that only convert the layout at the model's inner ends."""

    def kind(node: Any) -> str:
        return str(node.get_rt_info()["layerType"].astype(str))

    found = set()
    for node in graph.get_ordered_ops():
        if kind(node) == "Reorder":
            sources = [port.get_source_output().get_node() for port in node.inputs()]
            targets = [port.get_node() for output in node.outputs() for port in output.get_target_inputs()]
            at_input = any(kind(source) == "Input" for source in sources)
            at_output = any(kind(target) == "Output" for target in targets)
            if (at_input and not ends[0]) or (at_output and not ends[1]):
                found.add(node.get_friendly_name())
    return found


SESSIONS: dict[str, type[Session]] = {"onnxruntime": OnnxSession, "openvino": OpenVINORequest}
"""Sessions by the name of their runtime."""


# The script of a measuring kit. nas.latency.kit_results reads its results with the same functions.

KIT_FORMAT = 1
MANIFEST, MODELS, RESULTS = "manifest.json", "models.zip", "results.json"
WHOLE_BATCH = 8
"""Number of complete models that are prepared together: a small device has little memory."""


class KitError(Exception):
    """A kit or its results cannot be used.

    Args:
        problem: The fault, in words.
        hint: The next step.
        file: The file that is wrong.
    """

    def __init__(self, problem: str, hint: str, file: Path | str = ""):
        super().__init__(problem)
        self.problem, self.hint, self.file = problem, hint, file

    def __str__(self) -> str:
        file = f"{self.file}: " if str(self.file) else ""
        return f"{file}{self.problem}; {self.hint}"


def write_sealed(path: Path, content: dict[str, Any]) -> None:
    """Write JSON, completely or not at all, with the sha256 of its content as ``seal``."""
    content = {name: value for name, value in content.items() if name != "seal"}
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(json.dumps({**content, "seal": _seal(content)}, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())  # otherwise a power cut may leave an empty file
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_sealed(path: Path, hint: str) -> dict[str, Any]:
    """Read a file of `write_sealed`, with its seal. A file that is missing or damaged raises KitError with ``hint``."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        intact = content.get("seal") == _seal({name: value for name, value in content.items() if name != "seal"})
    except FileNotFoundError:
        raise KitError("missing", hint, path) from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise KitError("damaged, not readable", hint, path) from None
    if not intact:
        raise KitError("damaged, not as it was written", hint, path)
    if content.get("format") != KIT_FORMAT:
        raise KitError(f"format: must be {KIT_FORMAT}, the one that this release reads", hint, path)
    return dict(content)


def file_hash(path: Path) -> str:
    """The sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def _seal(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class _Step(NamedTuple):
    """Models that are measured in the same way: their turn, their number in a batch, and their samples."""

    title: str
    models: list[dict[str, Any]]
    turn: int
    batch: int
    samples: int


class Kit:
    """Measures the models of a kit and writes the results beside it. Errors are KitError.

    The results are ``identity``, the fingerprint; ``reference_ms`` and ``overhead_ms``, the times of the reference
    kernel and of a call that does nothing; ``quiet`` and ``steal``, the `Noise` of the noisiest session; ``measured``,
    by the model's file, a `Measurement` for each turn, with the cost of the call.
    """

    def __init__(self, folder: Path, threads: int | None = None):
        anew = "copy the kit here anew"
        self._manifest = read_sealed(folder / MANIFEST, anew)
        self._models = folder / MODELS
        if not self._models.is_file():
            raise KitError("missing", anew, self._models)
        if file_hash(self._models) != self._manifest["models"]:
            raise KitError("damaged, not as it was written", anew, self._models)
        self._threads = threads or self._manifest["threads"]
        self._runtime = self._manifest["runtime"]
        self._session = SESSIONS[self._runtime]
        try:
            fingerprint = self._session.fingerprint()
        except ImportError as error:
            raise KitError(f"{self._runtime} is missing ({error})", f"run: pip install {self._runtime}") from None
        self._identity = {**self._manifest["identity"], **machine(), **fingerprint, "threads": self._threads}
        self._path = folder / RESULTS
        if not os.access(folder, os.W_OK):
            raise KitError("is not writable", "copy the kit to a folder that you may write to", folder)
        rows, models = self._manifest["rows"], self._manifest["wholes"]
        again = [model for model in models if model["turns"] > 1]
        self._steps = [
            _Step("rows", rows, 0, BATCH, SAMPLES),
            _Step("complete models", models, 0, WHOLE_BATCH, WHOLE_SAMPLES),
            _Step("complete models, again", again, 1, WHOLE_BATCH, WHOLE_SAMPLES),
        ]

    def run(self) -> Noise:
        """Measure what is missing and return the noise of the machine."""
        results = self._held()
        continued = bool(results)
        bench = Bench(self._prepare(self._manifest["reference"]))
        if continued:
            self._compare(bench, results)
        else:
            self._begin(bench, bench.nominal, results)
        before = Noise(results["quiet"], results["steal"])
        for step in self._steps:
            _say(
                f"{step.title}: {len(step.models) - len(self._left(step, results))} of {len(step.models)} are measured"
            )
        step, started, done = self._steps[0], time.monotonic(), 0
        while todo := next((s for s in self._steps if self._left(s, results)), None):
            if todo is not step:
                step, started, done = todo, time.monotonic(), 0
            batch = self._left(step, results)[: step.batch]
            measured = bench.measure([self._prepare(model) for model in batch], step.samples)
            if not continued and bench.level < bench.nominal / QUIET:
                _say("the machine was slow until now: begin again")
                self._begin(bench, bench.level, results)
                started, done = time.monotonic(), 0
                continue
            for model, measurement in zip(batch, measured, strict=True):
                results["measured"].setdefault(model["file"], []).append(list(measurement))
            results["quiet"], results["steal"] = before.worse(bench.noise)
            write_sealed(self._path, results)
            left = len(self._left(step, results))
            done += len(batch)
            seconds = (time.monotonic() - started) / done * left
            eta = f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"
            _say(f"{step.title}: {len(step.models) - left} of {len(step.models)}, about {eta} left of these")
        return Noise(results["quiet"], results["steal"])

    def _held(self) -> dict[str, Any]:
        """Results of earlier sessions; empty if there are none."""
        if not self._path.exists():
            return {}
        hint = "delete it or move it away to measure anew"
        results = read_sealed(self._path, hint)
        if results["kit"] != self._manifest["seal"]:
            raise KitError("the results of another kit", hint, self._path)
        held, here = results["identity"], self._identity
        if other := [f"{n} was {held[n]} and is {here[n]}" for n in here if held.get(n) != here[n]]:
            raise KitError(f"measured in another way: {', '.join(other)}", hint, self._path)
        return results

    def _compare(self, bench: Bench, results: dict[str, Any]) -> None:
        """Continue in the units of the results."""
        here, bench.nominal = bench.nominal, results["reference_ms"] / 1e3
        if off := bench.settle(here):
            problem = (
                f"the reference kernel took {1e3 * bench.nominal:.3g} ms there and takes {1e3 * off:.3g} ms now: "
                "another machine, or a busy or hot one"
            )
            raise KitError(problem, "try again when it is idle, or delete the file to measure anew", self._path)

    def _begin(self, bench: Bench, nominal: float, results: dict[str, Any]) -> None:
        """Begin empty results, in units of a reference kernel that takes ``nominal`` seconds."""
        bench.nominal = nominal
        (nothing,) = bench.measure([self._prepare(self._manifest["nothing"])])
        results.clear()
        results.update(format=KIT_FORMAT, kit=self._manifest["seal"], identity=self._identity)
        results.update(date=datetime.date.today().isoformat(), reference_ms=1e3 * nominal, overhead_ms=nothing.ms)
        results.update(quiet=1.0, steal=None, measured={})

    def _left(self, step: _Step, results: dict[str, Any]) -> list[dict[str, Any]]:
        return [model for model in step.models if len(results["measured"].get(model["file"], [])) <= step.turn]

    def _prepare(self, model: dict[str, Any]) -> Session:
        """A session of a model on random inputs: an image for a complete model."""
        random = np.random.default_rng(0)
        draw = random.random if "yaml" in model else random.standard_normal
        inputs = [draw(shape, dtype=np.float32) for shape in model["shapes"]]
        with zipfile.ZipFile(self._models) as models:
            content = models.read(model["file"])
        try:
            first, last = model.get("ends", (True, True))
            return self._session(content, inputs, self._threads, (first, last))
        except Exception as error:  # any error of a runtime
            version = self._identity["version"]
            text = " ".join(str(error).split())
            problem = f"{self._runtime} {version} cannot run it: {text}"
            raise KitError(problem, "try another version of the runtime", model["file"]) from error


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    """Measure the kit in the folder of this script."""
    if sys.version_info < (3, 10):  # noqa: UP036  a kit runs on machines where this package cannot be installed
        sys.exit(f"error: Python {sys.version.split()[0]} is too old for this script; it needs 3.10")
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--threads", type=int, help="threads of the runtime; default: those of the kit")
    threads = parser.parse_args().threads
    if threads is not None and threads < 1:
        parser.error(f"--threads {threads}: must be at least 1")
    try:
        noise = Kit(Path(__file__).parent, threads).run()
    except KitError as error:
        sys.exit(f"error: {error}")
    except OSError as error:  # such as a full disk
        sys.exit(f"error: {error.filename or RESULTS}: {error.strerror}; correct it, and the same command continues")
    except KeyboardInterrupt:
        _say("interrupted; the same command continues from here")
        sys.exit(130)
    _say(f"done: {noise}. Copy this folder back, and there run: python -m nas.latency import FOLDER")
    if noise.too_much:
        _say(f"WARNING: this machine was too noisy. Stop other programs here, delete {RESULTS} and measure again.")


if __name__ == "__main__":
    main()
