"""Trainings and validations by Ultralytics, for a program that goes on afterwards.

A training is ``python -m nas.train`` in a process of its own. So Ctrl-C, a crash or the memory of a training do not
concern the program that waits for it, and a training is the same whoever starts it.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zipfile import is_zipfile

from nas.data.resolved import training_file
from nas.errors import InputError, SearchError
from nas.installation import install_command
from nas.integrations.safe_checkpoint import load_checkpoint
from nas.integrations.torchvision import patch_torchvision
from nas.integrations.ultralytics import import_ultralytics, register
from nas.interrupts import stop_if_asked
from nas.progress import Progress, silent

_POLL = 1.0
"""Seconds between two looks at a training."""
_GRACE = 20.0
"""Seconds that an interrupted training may take to end."""


class Training(NamedTuple):
    """A training to run.

    Attributes:
        model: The model YAML.
        data: The data.yaml.
        imgsz: Side of the images in pixels.
        epochs: Number of epochs.
        folder: Its output folder, see `weights`.
        options: More arguments of Ultralytics, such as ``batch=8``.
    """

    model: Path
    data: str
    imgsz: int
    epochs: int
    folder: Path
    options: Sequence[str] = ()

    @property
    def best(self) -> Path:
        """The checkpoint with the best validation."""
        return self.folder / "weights" / "best.pt"

    @property
    def last(self) -> Path:
        """The checkpoint of the last epoch, from which a training resumes."""
        return self.folder / "weights" / "last.pt"

    @property
    def log(self) -> Path:
        """The output of Ultralytics."""
        return self.folder.with_suffix(".log")

    def command(self) -> list[str]:
        """The command that begins it, or continues it from `last`."""
        start = [sys.executable, "-m", "nas.integrations.train_process", str(os.getpid())]
        if is_zipfile(self.last):  # a checkpoint that was killed while it was written is none
            return [*start, f"model={self.last}", "resume=True"]
        place = [f"project={self.folder.parent.resolve()}", f"name={self.folder.name}", "exist_ok=True"]
        what = [f"model={self.model}", f"data={self.data}", f"imgsz={self.imgsz}", f"epochs={self.epochs}"]
        return [*start, *what, *place, *self.options]

    def epochs_done(self) -> int:
        """Number of epochs that have ended."""
        try:
            lines = (self.folder / "results.csv").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return 0
        return int(lines[-1].partition(",")[0]) if len(lines) > 1 else 0  # a resumed epoch has two lines


class Validation(NamedTuple):
    """Accuracy of a trained detector on the validation split.

    Attributes:
        ap: AP50-95, from 0 to 1.
        ap50: AP at IoU 0.5.
        precision: Precision at the best F1.
        recall: Recall there.
        images: Number of images.
    """

    ap: float
    ap50: float
    precision: float
    recall: float
    images: int


def check_ultralytics() -> None:
    """Raise InputError if Ultralytics is not installed. It is not imported."""
    if find_spec("ultralytics") is None:
        raise InputError("ultralytics is not installed", hint=f"run {install_command('ultralytics')}")


def train(training: Training, progress: Progress = silent) -> None:
    """Run a training to its end, or continue one that was interrupted.

    Args:
        training: The training. Nothing happens if it has ended already.
        progress: Receives the share of epochs done.

    Raises:
        SearchError: The training failed; the message has the last line of its log.
        KeyboardInterrupt: Ctrl-C was pressed. The next call continues.
    """
    if has_ended(training):
        return
    training.folder.mkdir(parents=True, exist_ok=True)
    with training.log.open("a", encoding="utf-8") as log:
        process = subprocess.Popen(training.command(), stdout=log, stderr=subprocess.STDOUT)
        try:
            while process.poll() is None:
                progress(min(1.0, training.epochs_done() / training.epochs))
                stop_if_asked()
                try:
                    process.wait(_POLL)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            _end(process)
    if process.returncode or not training.best.is_file():
        lines = training.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = lines[-1] if lines else f"exit status {process.returncode}"
        raise SearchError(f"the training failed: {last}", file=training.log, hint="remove the cause and repeat")
    progress(1.0)


def has_ended(training: Training) -> bool:
    """Return True if a training has run all of its epochs, or stopped early. Its optimizer is then removed."""
    if not (is_zipfile(training.last) and is_zipfile(training.best)):
        return False
    register()
    import_ultralytics("ultralytics.nn.tasks")
    held = load_checkpoint(training.last)
    return held.get("optimizer") is None and held.get("epoch") == -1


def validate(checkpoint: Path, data: str, imgsz: int, device: str = "cpu") -> Validation:
    """Validate a trained detector with Ultralytics.

    Args:
        checkpoint: The checkpoint (.pt), a pickle: open only files from people you trust.
        data: The data.yaml.
        imgsz: Side of the images in pixels.
        device: ``cpu``, or ``cuda`` with a number.

    Raises:
        InputError: Ultralytics is not installed.
        DataError: The data cannot be read.
    """
    register()
    patch_torchvision()
    network, seen = import_ultralytics().YOLO(str(checkpoint)), list[int]()
    network.add_callback("on_val_end", lambda validator: seen.append(int(validator.seen)))
    options: dict[str, Any] = {"data": training_file(data), "imgsz": imgsz, "workers": 0}
    options |= {"device": ultralytics_device(device)}
    with TemporaryDirectory() as folder, _quiet():  # nothing that it writes is needed
        box = network.val(**options, plots=False, verbose=False, project=folder, name="val").box
    return Validation(float(box.map), float(box.map50), float(box.mp), float(box.mr), seen[-1])


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Ultralytics from printing anything but warnings."""
    logger = logging.getLogger("ultralytics")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(before)


def ultralytics_device(device: str) -> str:
    """A device of torch in the words of Ultralytics: ``cuda`` is 0."""
    kind, _, number = device.partition(":")
    return (number or "0") if kind == "cuda" else kind


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a training that still runs, and wait for it."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
