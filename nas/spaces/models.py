"""Detectors by name: a model YAML, an architecture string or a checkpoint."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from nas.detectors.rows import Detector, Notify
from nas.detectors.templates import TEMPLATES
from nas.detectors.yaml_files import from_yaml
from nas.errors import ConfigError, ModelError
from nas.files import similar_paths
from nas.spaces.architecture import decode, stock


def load_detector(
    source: str | Path, nc: int | None = None, imgsz: int = 640, notify: Notify = warnings.warn
) -> Detector:
    """Load a detector from a model YAML, an architecture string or a checkpoint.

    A YAML or an architecture string needs no torch. No code that a checkpoint contains runs.

    Args:
        source: The path of a model YAML of Ultralytics, YOLOv5 or YOLOv9; an architecture string; or the path of a
            checkpoint of Ultralytics' trainer (.pt).
        nc: The number of classes. Default: the YAML's, the checkpoint's, or 80 for an architecture.
        imgsz: The side of an image in pixels that the detector must take. An image size in an architecture string is
            ignored here; `named_size` reads it.
        notify: Receives a line for each assumption.

    Returns:
        The detector.

    Raises:
        ModelError: If the YAML or the architecture is wrong or cannot take such images.
        TransferError: If the checkpoint cannot be read, or was trained for another number of classes.
        ConfigError: If ``imgsz`` is no multiple of 32.

    Example:
        >>> detector = load_detector("runs/first/pareto/03-faster.yaml", imgsz=320)
        >>> detector.cost(320).macs
    """
    name = str(source)
    try:
        check_exists(name, "model YAML, checkpoint")
        if is_architecture(name):
            detector = decode(name).detector(nc or 80)
        elif name.endswith(".pt"):
            from nas.integrations.checkpoint import read_checkpoint  # imports torch and Ultralytics

            detector = read_checkpoint(Path(name), nc).detector
        else:
            detector = from_yaml(name, nc, notify)
        for _ in detector.resolve(imgsz):
            pass
    except ModelError as error:
        error.file = error.file or name
        raise
    return detector


def check_exists(source: str, kinds: str) -> None:
    """Check that a source of `load_detector` is there.

    Args:
        source: A path or an architecture string.
        kinds: The kinds of path that are possible, for the message.

    Raises:
        ModelError: It is neither, nor the path of a YAML or a checkpoint. The hint names similar paths, or the stock
            model of a template of this name.
    """
    if is_architecture(source) or Path(source).exists() or Path(source).suffix in {".yaml", ".yml", ".pt"}:
        return  # a YAML may be a scale of another file, such as yolov8s.yaml of yolov8.yaml
    if source in TEMPLATES:
        hint = f"for the stock model give {stock(TEMPLATES[source])}"
    elif found := similar_paths(Path(source)):
        hint = f"did you mean {' or '.join(found[:3])}?"
    else:
        hint = "give an existing path, or an architecture string such as trials.csv has"
    raise ModelError(f"no such {kinds} or architecture", file=source, hint=hint)


def size_of(model: str, imgsz: int | None, default: int) -> int:
    """The image size to use for a model.

    Args:
        model: A source of `load_detector`.
        imgsz: The size that was asked for, in pixels; None: none.
        default: The size in pixels if neither the user nor the architecture string names one.

    Raises:
        ConfigError: If ``imgsz`` differs from the size in the architecture string.
        ModelError: If the architecture string is wrong.
    """
    named = named_size(model)
    if imgsz is not None and named not in {None, imgsz}:
        problem, hint = f"{model} is for images of {named} px", f"give `imgsz={named}`, or drop @{named}"
        raise ConfigError(problem, field="imgsz", value=imgsz, hint=hint)
    return imgsz or named or default


def named_size(model: str) -> int | None:
    """The image size in pixels in an architecture string; None if it has none, and for any other model."""
    return decode(model).imgsz if is_architecture(model) else None


def is_architecture(model: str) -> bool:
    """Return True for a name that looks like an architecture string."""
    return re.match(r"[\w-]+\.\d+(@\d+)?/\w+:", model) is not None
