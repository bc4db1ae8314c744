"""Export: the front of a run, or any model, as YAMLs of a trainer, ONNX files or a new search space."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nas.detectors.heads import DIALECTS, in_dialect
from nas.detectors.rows import Detector, Notify
from nas.detectors.scales import scaled_name
from nas.errors import ConfigError, ModelError
from nas.files import replacing, write
from nas.runs.next_commands import train_command, training_notes
from nas.runs.onnx_file import check_onnx, onnx_file
from nas.runs.run import Run, load_run
from nas.runs.trainer_checkouts import CHECKOUTS, checkout_command, checkout_note
from nas.spaces.architecture import decode
from nas.spaces.models import check_exists, load_detector, size_of
from nas.spaces.new_space import new_space

if TYPE_CHECKING:
    from nas.detectors.network import Network

SIZE = 640
"""The default image size in pixels."""


class ExportedModel(NamedTuple):
    """A model to export.

    Attributes:
        name: The name of its files.
        detector: Its rows.
        imgsz: The side of its images in pixels.
        comment: Lines at the top of its YAML.
        trained: Its trained network; None: it has no weights.
        data: The data.yaml of its run; None: not known.
        weights: The checkpoint of its run with its trained weights; None: it has none.
        fingerprint: Fingerprint of the latency table of its run; None: not known.
    """

    name: str
    detector: Detector
    imgsz: int
    comment: str = ""
    trained: Network | None = None
    data: str | None = None
    weights: Path | None = None
    fingerprint: Mapping[str, str | int] | None = None

    def in_dialect(self, dialect: str) -> ExportedModel:
        """The model with the head of a trainer.

        Raises:
            ModelError: With the row that the trainer cannot build.
            ConfigError: If the model is trained and would lose its head.
        """
        try:
            detector = in_dialect(self.detector, dialect)
        except ModelError as error:
            error.file = self.name
            raise
        if self.trained is not None and detector != self.detector:
            problem = "a checkpoint keeps the head that it was trained with"
            raise ConfigError(problem, field="dialect", value=dialect, hint="drop `dialect`")
        return self._replace(detector=detector)


def models_to_export(
    source: str, nc: int | None = None, imgsz: int | None = None, notify: Notify = warnings.warn
) -> list[ExportedModel]:
    """The models of a run's front, or one model.

    Args:
        source: A run directory, or a source of `load_detector`.
        nc: The number of classes. Default: the run's, the YAML's, the checkpoint's, or 80 for an architecture.
        imgsz: The side of the images in pixels. Default: the run's, the architecture's, or 640.
        notify: Receives a line for each assumption.

    Raises:
        ConfigError: If the run or a value cannot be used.
        ModelError: If the model is wrong.
        TransferError: If the checkpoint cannot be read.
    """
    path = Path(source)
    if path.is_dir():
        return _front(load_run(path), nc, imgsz)
    check_exists(source, "run, model YAML, checkpoint")
    size = size_of(source, imgsz, SIZE)
    if path.suffix == ".pt":
        return [_trained_model(path, nc, size, notify)]
    detector = load_detector(source, nc, size, notify)
    if path.suffix in {".yaml", ".yml"}:
        return [ExportedModel(path.stem, detector, size)]
    digest = hashlib.sha256(source.encode()).hexdigest()[:6]
    return [ExportedModel(re.sub(r"\W", "-", source.partition("/")[0]) + "-" + digest, detector, size, source)]


def _front(run: Run, nc: int | None, imgsz: int | None) -> list[ExportedModel]:
    data = None if run.config.data == "shapes" or not Path(run.config.data).is_file() else run.config.data
    return [
        ExportedModel(
            model.name,
            decode(model.arch).detector(nc or run.result.nc),
            imgsz or model.imgsz,
            f"{model.arch}\nthe stock model" if model.stock else model.arch,
            data=data,
            weights=run.folder / model.weights if model.weights and nc in {None, run.result.nc} else None,
            fingerprint=run.record.fingerprint,
        )
        for model in run.result.front
    ]


def _trained_model(path: Path, nc: int | None, size: int, notify: Notify) -> ExportedModel:
    from nas.integrations.checkpoint import read_checkpoint  # imports torch and Ultralytics

    detector, network, hidden, stock, _ = read_checkpoint(path, nc)
    if hidden != stock:
        notify(
            f"{path}: the class branch of its head is {hidden} channels wide inside and not {stock}, from the weights "
            "that its training started from: it is larger and slower than the model that was searched and measured"
        )
    return ExportedModel(path.stem, detector, size, f"trained: {path}", network)


def write_model_yaml(model: ExportedModel, dialect: str, folder: Path) -> tuple[Path, str]:
    """Write the YAML of a trainer. Its header has the command that trains it.

    Args:
        model: The model.
        dialect: A key of `nas.detectors.heads.DIALECTS`.
        folder: The folder to write into.

    Returns:
        The path of the YAML, and the command.

    Raises:
        ModelError: With the row that the trainer cannot build.
        ConfigError: If the model is trained and would lose its head.
    """
    detector = model.in_dialect(dialect).detector
    path = folder / f"{scaled_name(model.name)}.yaml"
    if dialect in CHECKOUTS:
        command = checkout_command(dialect, path, model.data, model.imgsz)
        notes = [f"train it: {command}", checkout_note(dialect)]
    else:
        command = train_command(path, model.data, model.imgsz, model.weights or "")
        notes = training_notes(command)
    header = [model.comment, f"for {DIALECTS[dialect].title}", *notes]
    write(path, detector.to_yaml("\n".join(filter(None, header))))
    return path, command


def write_onnx(model: ExportedModel, dialect: str, folder: Path, notify: Notify = warnings.warn) -> Path:
    """Write the ONNX file that a runtime loads: the deployed form that the latency table measures.

    The input is ``images`` (1, 3, imgsz, imgsz) in 0..1, the output ``output0``.

    Args:
        model: The model. Without trained weights, they are random.
        dialect: A key of `nas.detectors.heads.DIALECTS`.
        folder: The folder to write into.
        notify: Receives a line for each assumption.

    Returns:
        The path of the file.

    Raises:
        ConfigError: If onnx is not installed, or the model is trained and would lose its head.
        ModelError: With the row that the trainer cannot build, or with the head, if the file gives other boxes or
            scores than torch.
    """
    check_onnx()
    if model.trained is None and model.weights is not None:
        from nas.integrations.checkpoint import read_checkpoint  # imports torch and Ultralytics

        model = model._replace(trained=read_checkpoint(model.weights).network)
    detector = model.in_dialect(dialect).detector
    if model.trained is None:
        notify("the weights are random, as for measuring; give a checkpoint for trained ones")
    content = onnx_file(detector, model.trained or detector.network(seed=0), model.imgsz)
    path = folder / f"{scaled_name(model.name)}.onnx"
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path


def write_new_space(path: Path, source: str, nc: int | None = None, notify: Notify = warnings.warn) -> None:
    """Write a space file with a model as a member, to be edited.

    Args:
        path: The YAML to write; it must not exist.
        source: A source of `load_detector`.
        nc: The number of classes.
        notify: Receives a line for each assumption.

    Raises:
        ConfigError: If ``path`` cannot be used.
        ModelError: If the model is wrong, or differs from every template outside its stages.
    """
    if path.suffix not in {".yaml", ".yml"}:
        raise ConfigError("give the path of a .yaml file", field="new_space", value=path)
    if path.exists():
        raise ConfigError("exists already", field="new_space", value=path, hint="give another path, or remove it")
    detector = load_detector(source, nc, SIZE, notify)
    try:
        text = new_space(detector, path.stem)
    except ModelError as error:
        error.file = source
        raise
    write(path, text)
