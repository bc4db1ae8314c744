"""Finish: a model of a run is trained, validated, exported to ONNX and measured on the device.

Each step leaves its result in RUN/finish. A repeated call does what is missing, and resumes an interrupted training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from nas.errors import ConfigError, InputError, TableError
from nas.files import replacing, write
from nas.installation import install_command
from nas.integrations.training import Training, check_ultralytics, train, ultralytics_device, validate
from nas.latency.devices import is_local
from nas.plurals import counted
from nas.progress import Reporter
from nas.runs.finalist_weights import stored_weights
from nas.runs.finalists import STOCK, Finalist
from nas.runs.finish_record import FILE, Accuracy, FinishOptions, FinishRecord, MeasuredLatency
from nas.runs.model_card import data_name
from nas.runs.next_commands import EPOCHS, bundle_command, finish_command
from nas.runs.run import Run
from nas.terminal import Terminal

if TYPE_CHECKING:
    from nas.latency.runtimes.base import Prepared, Runtime

FOLDER = "finish"
"""Folder of the finished model in a run directory."""


@dataclass(frozen=True)
class Finished:
    """A finished model.

    Attributes:
        run: Its run.
        model: The model, as the search measured it.
        folder: The folder with best.pt, best.onnx, card.md and result.json.
        record: Content of result.json.
    """

    run: Run
    model: Finalist
    folder: Path
    record: FinishRecord

    @property
    def weights(self) -> Path:
        """The trained checkpoint."""
        return self.folder / "best.pt"

    @property
    def other_data(self) -> str | None:
        """The data.yaml of the training; None for that of the run."""
        data = self.record.options.data
        return None if data == _resolved(self.run.data) else data

    @property
    def data_name(self) -> str:
        """A short name of the data set."""
        return data_name(self.other_data or self.run.config.data)

    @property
    def onnx(self) -> Path:
        """The ONNX file."""
        return self.folder / "best.onnx"

    @property
    def card(self) -> Path:
        """The model card."""
        return self.folder / "card.md"


def trained_stock(finished: Finished) -> FinishRecord | None:
    """The record of the stock model where the run has one that was trained with the same options."""
    same = finished.record.options.model_copy(update={"arch": finished.run.stock.arch})
    for file in sorted(finished.run.folder.glob(f"{FOLDER}*/{FILE}")):
        record = FinishRecord.load(file.parent)
        if record is not None and record.options == same and record.accuracy is not None:
            return record
    return None


def check_tools(data: str) -> None:
    """Refuse what a later step would refuse, before anything is spent.

    Args:
        data: The data set of the training.

    Raises:
        InputError: Ultralytics or onnx is not installed, or the data set has no data.yaml.
    """
    check_ultralytics()
    if find_spec("onnx") is None:
        raise InputError("onnx is not installed", hint=f"run {install_command('onnx')}")
    if data == "shapes":
        problem = "Ultralytics trains on a data.yaml, and the built-in set shapes has none"
        raise ConfigError(problem, field="data", value=data, hint="give the data.yaml of your images with `data`")


def chosen_model(run: Run, name: str | None = None, max_latency: float | None = None) -> Finalist:
    """The model of a finished run to finish.

    Args:
        run: The run.
        name: Its name, such as ``03-5f0c1d``, or ``stock``. Default: the recommended model.
        max_latency: The highest latency of one image in ms, for the recommendation.

    Raises:
        ConfigError: The run is not finished, or has no such model.
    """
    result = run.result  # refuses a run that is not finished
    if name is None:
        return run.pick(max_latency).model
    if max_latency is not None:
        raise ConfigError("chooses another model than `model`", field="max_latency", hint="give one of them")
    models = {model.name: model for model in result.front} | {STOCK: run.stock}
    if name not in models:
        known = ", ".join(models)
        raise ConfigError(f"no such model in {run.folder}", field="model", value=name, hint=f"known are {known}")
    return models[name]


def finish_model(
    run: Run,
    model: Finalist,
    reporter: Reporter | None = None,
    *,
    epochs: int = EPOCHS,
    data: str | None = None,
    options: Sequence[str] = (),
    out: Path | None = None,
) -> Finished:
    """Train, validate, export and measure a model of a run. The training starts from its trained weights, if any.

    Args:
        run: A finished run.
        model: One of its models, see `chosen_model`.
        reporter: Shows messages and progress; the terminal by default.
        epochs: Epochs of the training.
        data: The data.yaml; default: that of the run.
        options: More arguments of Ultralytics, such as ``batch=8``.
        out: The folder of the result; default: ``finish`` in the run directory.

    Raises:
        InputError: Ultralytics or onnx is not installed, or an option cannot be used.
        ConfigError: The folder holds another finished model.
        SearchError: The training failed.
        KeyboardInterrupt: Ctrl-C was pressed; the next call continues.

    Example:
        >>> run = load_run("runs/mine")
        >>> finish_model(run, run.pick(max_latency=40).model, epochs=300).onnx
        PosixPath('runs/mine/finish/best.onnx')
    """
    if reporter is None:
        with Terminal() as terminal:
            return finish_model(run, model, terminal, epochs=epochs, data=data, options=options, out=out)
    source = _resolved(data or run.data)
    check_tools(source)
    wanted = FinishOptions(
        arch=model.arch,
        epochs=epochs,
        data=source,
        imgsz=model.imgsz,
        train=tuple(options),
        pretrained=bool(model.weights) and not any(option.startswith("pretrained=") for option in options),
    )
    folder = out or run.folder / FOLDER
    with _owned(folder):
        finished = Finished(run, model, folder, _begun(folder, model.name, wanted))
        try:
            for step in (_train, _validate, _export, _measure):
                finished = step(finished, reporter)
        except KeyboardInterrupt:
            extra = list(options) if out is None else ["--out", str(out), *options]
            reporter.say(f"interrupted; continue with {finish_command(run.folder, model.name, data, epochs, extra)}")
            raise
    from nas.runs.finished_card import finished_card

    write(finished.card, finished_card(finished).markdown())
    return finished


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder for the length of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise ConfigError("another process is finishing a model here", file=folder, hint="wait for it to end") from None


def _resolved(data: str) -> str:
    """An absolute path of a data.yaml, so that the working directory does not count; other names stay."""
    return str(Path(data).resolve()) if Path(data).is_file() else data


def _begun(folder: Path, name: str, wanted: FinishOptions) -> FinishRecord:
    """The record to continue, or a new one."""
    found = FinishRecord.load(folder)
    if found is None:
        record = FinishRecord(name=name, options=wanted)
        record.save(folder)
        return record
    if found.options != wanted:
        pairs = zip(found.options, wanted, strict=True)
        changed = [(key, before, after) for (key, before), (_, after) in pairs if before != after]
        shown = [(key, found.name, name) if key == "arch" else (key, before, after) for key, before, after in changed]
        differences = "; ".join(f"{_word(key)} was {_word(a)} and is {_word(b)}" for key, a, b in shown)
        problem = f"holds another finished model: {differences}"
        raise ConfigError(problem, file=folder, hint="give another folder with `out`, or its options to continue it")
    return found


def _word(value: object) -> str:
    """A name or value of `FinishOptions` for people."""
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "nothing"
    return {"arch": "model", "train": "KEY=VALUE", "pretrained": "start from trained weights"}.get(
        str(value), str(value)
    )


def _kept(finished: Finished, **changes: object) -> Finished:
    """Save fields of the record."""
    record = finished.record.model_copy(update=changes)
    record.save(finished.folder)
    return replace(finished, record=record)


def _training(finished: Finished) -> Training:
    options, extra = finished.record.options, list(finished.record.options.train)
    given = {argument.partition("=")[0] for argument in extra}
    own = {"device": _train_device(finished.run), "seed": str(finished.run.config.seed)}
    own |= {"pretrained": str(_start(finished))} if options.pretrained else {}
    extra += [f"{key}={value}" for key, value in own.items() if key not in given]
    return Training(
        model=_yaml(finished),
        data=options.data,
        imgsz=options.imgsz,
        epochs=options.epochs,
        folder=finished.folder / "train",
        options=extra,
    )


def _yaml(finished: Finished) -> Path:
    """The model's YAML; that of a stock model that is off the front is written now."""
    run, model = finished.run, finished.model
    if model.yaml:
        return run.folder / "pareto" / Path(model.yaml).name
    from nas.detectors.yaml_files import to_yaml
    from nas.spaces.architecture import decode

    path = finished.folder / "stock.yaml"
    write(path, to_yaml(decode(model.arch).detector(run.result.nc), model.arch))
    return path


def _start(finished: Finished) -> Path:
    """The trained weights of the model in the run: one off the front has them in another folder than the front."""
    run, model = finished.run, finished.model
    place = run.folder / stored_weights(model.arch)
    return (place if model.rejected else run.folder / "pareto" / Path(model.weights).name).resolve()


def _train_device(run: Run) -> str:
    name = run.config.train_device
    return ultralytics_device("cpu" if name == "auto" else name)


def _train(finished: Finished, reporter: Reporter) -> Finished:
    if finished.weights.is_file():
        return finished
    training = _training(finished)
    title = f"training of {finished.model.name}, {counted(training.epochs, 'epoch')}; log in {training.log}"
    with reporter.bar(title) as progress:
        train(training, progress)
    with replacing(finished.weights) as temporary:
        copyfile(training.best, temporary)
    return _kept(finished, epochs_done=training.epochs_done())


def _validate(finished: Finished, reporter: Reporter) -> Finished:
    if finished.record.accuracy is not None:
        return finished
    options = finished.record.options
    with reporter.bar(f"validation at {options.imgsz} px"):
        found = validate(finished.weights, options.data, options.imgsz, _train_device(finished.run))
    return _kept(finished, accuracy=Accuracy(**found._asdict()))


def _export(finished: Finished, reporter: Reporter) -> Finished:
    if finished.record.onnx is not None and finished.onnx.is_file():
        return finished
    from nas.runs.export import models_to_export, write_onnx

    with reporter.bar("export to ONNX, compared with torch"):
        (model,) = models_to_export(str(finished.weights), imgsz=finished.model.imgsz, notify=reporter.say)
        path = write_onnx(model, "ultralytics", finished.folder, reporter.say)
        if path != finished.onnx:
            path.replace(finished.onnx)
    return _kept(finished, onnx=finished.onnx.name, latency=None, unmeasured="")


def _measure(finished: Finished, reporter: Reporter) -> Finished:
    if finished.record.latency is not None:
        return finished
    if reason := unmeasurable(finished.run):
        return _kept(finished, unmeasured=reason, versions=_versions())
    try:
        with reporter.bar("latency of the exported model and of the stock model") as progress:
            latency = _measured(finished, progress)
    except TableError as error:  # this machine is another one than that of the run
        return _kept(finished, unmeasured=str(error), versions=_versions())
    return _kept(finished, latency=latency, unmeasured="", versions=_versions())


def unmeasurable(run: Run) -> str:
    """The reason why a device cannot be measured here, with the command that does it; empty if it can."""
    device = str(run.record.fingerprint["device"])
    if not is_local(device):
        command = bundle_command(run.folder, "KIT")
        return f"the device {device} is not this machine; a kit measures the models of the run there: {command}"
    if run.record.forced:
        return f"the latency table does not fit the device: {run.record.forced}"
    return ""


def _measured(finished: Finished, progress: Callable[[float], None]) -> MeasuredLatency:
    """Measure the exported file, or the trained network where the runtime reads no ONNX, beside the stock model."""
    from nas.latency.modules import end_to_end
    from nas.latency.opening import open_builder
    from nas.spaces.architecture import decode

    run, stock = finished.run, finished.run.stock
    config = run.config
    builder = open_builder(config.device, config.runtime, config.threads, config.precision, config.table)
    detector = decode(stock.arch).detector(run.result.nc)

    def of_stock(runtime: Runtime) -> Prepared:
        return runtime.prepare(*end_to_end(detector, stock.imgsz))

    makers: list[Callable[[Runtime], Prepared]] = [partial(_prepared, finished), of_stock]
    own, its = builder.measure_prepared(makers, progress)
    return MeasuredLatency(
        ms=own.ms,
        spread_ms=own.spread_ms,
        n=own.n,
        stock_ms=its.ms,
        stock_spread_ms=its.spread_ms,
        fingerprint=dict(builder.table.fingerprint),
    )


def _prepared(finished: Finished, runtime: Runtime) -> Prepared:
    """The ONNX file in its runtime, or the trained network where the runtime reads no ONNX."""
    import torch

    from nas.integrations.checkpoint import read_checkpoint
    from nas.latency.runtimes.onnx_runtimes import OnnxFileRuntime

    image = torch.rand(1, 3, finished.model.imgsz, finished.model.imgsz)
    if isinstance(runtime, OnnxFileRuntime):
        return runtime.load(finished.onnx.read_bytes(), [image.numpy()], (True, True))
    from nas.detectors.network import fuse

    return runtime.prepare(fuse(read_checkpoint(finished.weights).network), [image])


def _versions() -> dict[str, str]:
    """Versions of the packages that this process uses."""
    from nas.runs.directory import versions

    with suppress(PackageNotFoundError):
        return versions() | {"ultralytics": version("ultralytics")}
    return versions()
