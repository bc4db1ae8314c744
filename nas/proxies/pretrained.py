"""Pretrained template: the user's trained model in place of one that is trained here."""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import Tensor

from nas.data.dataset import Dataset
from nas.data.resolved import FILE, write_resolved
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.detectors.wide_head import hidden_channels, network_with_hidden
from nas.errors import ModelError, TransferError
from nas.files import replacing
from nas.integrations.checkpoint import read_checkpoint
from nas.integrations.safe_checkpoint import load_checkpoint
from nas.integrations.start_checkpoint import write_start, write_weights
from nas.integrations.training import Training, ultralytics_device
from nas.integrations.training import train as train_with_ultralytics
from nas.progress import Progress
from nas.proxies.recipe import Recipe
from nas.proxies.teacher import Teacher
from nas.proxies.train import reproducible, train
from nas.proxies.trained_template import SEED, TrainedTemplate


@dataclass(frozen=True)
class FineTuning:
    """Training of a pretrained model on the data of a search.

    Attributes:
        epochs: Number of epochs; 0: a model of other classes is refused.
        imgsz: Image size in pixels.
    """

    epochs: int = 30
    imgsz: int = 320


FINE_TUNING = FineTuning()


class PretrainedTemplate(TrainedTemplate):
    """The user's trained model. It is trained on the data first if it was trained for other classes.

    The training is that of ``python -m nas.train``. The built-in data set has no files for it: our own loop trains on
    that.

    Args:
        name: Name of the template.
        dataset: The data set.
        recipe: Constants of our own loop.
        device: Torch device of the training.
        file: The model, see `read_pretrained`.
        training: The training.
    """

    def __init__(
        self, name: str, dataset: Dataset, recipe: Recipe, device: str, file: Path, training: FineTuning = FINE_TUNING
    ):
        super().__init__(name, dataset, recipe, device)
        self._file, self._training = file, training
        self._sha256 = hashlib.sha256(file.read_bytes()).hexdigest()

    def facts(self) -> dict[str, object]:
        return {"template": repr(self.detector), "weights": self._sha256, "training": asdict(self._training)}

    @property
    def sha256(self) -> str:
        """Hash of the file."""
        return self._sha256

    @property
    def file(self) -> Path:
        """The file that the user gave."""
        return self._file

    def write(self, file: Path, folder: Path) -> None:
        """Write the model as it is used, as a checkpoint where Ultralytics is installed.

        Args:
            file: The file to write: a copy of the user's checkpoint, or the result of the training.
            folder: As for `prepare`, which comes first.
        """
        best = folder / "teacher" / "weights" / "best.pt"
        trained_elsewhere = best.is_file() if self.teacher.epochs else not _is_state_dict(load_checkpoint(self._file))
        if not trained_elsewhere:
            write_weights(file, self.teacher.detector, self.teacher.network, self.teacher.names)
            return
        with replacing(file) as unfinished:
            shutil.copyfile(best if self.teacher.epochs else self._file, unfinished)

    def _trained(self, folder: Path, progress: Progress) -> Teacher:
        given = read_pretrained(self._file, [self.name])
        if not given.is_foreign(self._dataset):
            return Teacher(given.detector, given.network, self._dataset.classes)
        if self._dataset.source is None:
            return self._trained_here(given, progress)
        folder.mkdir(parents=True, exist_ok=True)
        training = self._prepared_training(given, folder)
        train_with_ultralytics(training, progress)
        found = read_pretrained(training.best, [self.name])
        return Teacher(found.detector, found.network, self._dataset.classes, training.epochs)

    def _prepared_training(self, given: PretrainedModel, folder: Path) -> Training:
        assert self._dataset.source is not None
        data, start = folder / f"teacher-{FILE}", folder / "teacher-start.pt"
        write_resolved(self._dataset.source, data)
        if given.is_checkpoint:
            with replacing(start) as unfinished:
                shutil.copyfile(self._file, unfinished)
        else:
            write_start(start, given.detector, given.network, tuple(map(str, range(given.detector.nc))))
        return Training(
            model=start.resolve(),
            data=str(data.resolve()),
            imgsz=self._training.imgsz,
            epochs=self._training.epochs,
            folder=folder / "teacher",
            options=[f"device={ultralytics_device(self._device)}", f"seed={SEED}", "plots=False"],
        )

    def _trained_here(self, given: Teacher, progress: Progress) -> Teacher:
        detector = _with_classes(given.detector, self._dataset.nc)
        network = Network(detector, SEED)
        own, theirs = network.state_dict(), given.network.state_dict()
        network.load_state_dict({key: value for key, value in theirs.items() if value.shape == own[key].shape}, False)
        steps = self._training.epochs * math.ceil(len(self._dataset.train) / self._recipe.batch)
        recipe = replace(self._recipe, steps=steps)
        with reproducible(SEED):
            train(network, self._dataset.train, recipe, SEED, device=self._device, progress=progress)
        return Teacher(detector, network.cpu().eval(), self._dataset.classes, self._training.epochs)


@dataclass(frozen=True)
class PretrainedModel(Teacher):
    """A trained model as the user gave it.

    Attributes:
        file: Its file.
        is_checkpoint: True for a checkpoint of Ultralytics' trainer, False for a state dict.
    """

    file: Path = Path()
    is_checkpoint: bool = True

    def is_foreign(self, dataset: Dataset) -> bool:
        """Return True if the model was trained for other classes than those of a data set."""
        return self.detector.nc != dataset.nc or (bool(self.names) and self.names != dataset.classes)


def read_pretrained(file: Path, templates: Sequence[str]) -> PretrainedModel:
    """Read a trained model. No code of the file runs.

    Args:
        file: A checkpoint of Ultralytics' trainer, or a state dict of a template.
        templates: Names of templates that a state dict may belong to.

    Raises:
        TransferError: The file is no such model.
        InputError: It is a checkpoint, and Ultralytics is not installed.
    """
    if not file.is_file():
        raise TransferError("no such file", file=file, hint="give the best.pt of a training")
    held = load_checkpoint(file)
    if _is_state_dict(held):
        detector, network = _of_state_dict(held, file, templates)
        return PretrainedModel(detector, network, (), file=file, is_checkpoint=False)
    found = read_checkpoint(file)
    return PretrainedModel(found.detector, found.network, found.names, file=file)


def _is_state_dict(held: Mapping[str, object]) -> bool:
    return bool(held) and all(isinstance(value, Tensor) for value in held.values())


def _of_state_dict(held: Mapping[str, Tensor], file: Path, templates: Sequence[str]) -> tuple[Detector, Network]:
    """A model whose rows are those of a template, since a state dict does not tell them."""
    weights = {key.removeprefix("model.") if "model.model." in key else key: value for key, value in held.items()}
    errors = []
    for template in templates:
        try:
            return _loaded(weights, template)
        except ModelError as error:
            errors.append(error)
    first = errors[0] if len(errors) == 1 else ModelError(f"is a state dict of none of {', '.join(templates)}")
    hint = "give a checkpoint of Ultralytics' trainer, or the space of its template"
    raise TransferError(first.problem, file=file, field=first.field, hint=hint)


def _loaded(weights: Mapping[str, Tensor], template: str) -> tuple[Detector, Network]:
    """The template's network with these weights.

    Raises:
        ModelError: They are weights of another model.
    """
    last = f"model.{len(TEMPLATES[template].stock(1).rows) - 1}.cv3.0.2.weight"
    if last not in weights:
        raise ModelError(f"lacks parameters of {template}", field=last)
    detector = TEMPLATES[template].stock(len(weights[last]))
    network = network_with_hidden(detector, hidden_channels(weights))
    for key, own in network.state_dict().items():
        if key not in weights:
            raise ModelError(f"lacks parameters of {template}", field=key)
        if (shape := weights[key].shape) != own.shape:
            raise ModelError(f"has shape {list(shape)}, but {list(own.shape)} in {template}", field=key)
    network.load_state_dict({key: weights[key].float() for key in network.state_dict()})
    return detector, network.eval()


def _with_classes(detector: Detector, nc: int) -> Detector:
    *rows, head = detector.rows
    return replace(detector, nc=nc, rows=(*rows, replace(head, args=(nc, *head.args[1:]))))
