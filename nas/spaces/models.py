"""A detector as a person names it."""

from __future__ import annotations

import re
from collections.abc import Callable

from nas.detectors.rows import Detector
from nas.detectors.yaml_files import from_yaml
from nas.errors import InputError
from nas.spaces.architecture import decode


def read_model(model: str, imgsz: int, nc: int | None, tell: Callable[[str], object]) -> Detector:
    """The detector of a YAML's path, in any dialect that `from_yaml` reads, or of an architecture string.

    ``nc`` replaces the YAML's number of classes and is 80 for an architecture without it; ``tell`` takes what had to be
    assumed. Raises InputError for what is neither, or cannot take an image of ``imgsz`` x ``imgsz`` pixels; an
    architecture's own image size is not looked at.
    """
    try:
        detector = decode(model).detector(nc or 80) if _is_architecture(model) else from_yaml(model, nc, tell)
        for _ in detector.resolve(imgsz):
            pass
    except ValueError as error:
        raise InputError(f"{model}: {error}") from None
    return detector


def size_of(model: str, imgsz: int | None, default: int) -> int:
    """The image size in pixels to take for a model: what is asked for, what its architecture string names, or a
    default. Raises InputError where the first two differ."""
    try:
        named = named_size(model)
    except ValueError as error:
        raise InputError(f"{model}: {error}") from None
    if imgsz is not None and named not in {None, imgsz}:
        raise InputError(
            f"--imgsz {imgsz}: {model} is for images of {named} px; give --imgsz {named}, or drop @{named}"
        )
    return imgsz or named or default


def named_size(model: str) -> int | None:
    """The image size in pixels that an architecture string names; None for any other name."""
    return decode(model).imgsz if _is_architecture(model) else None


def _is_architecture(model: str) -> bool:
    return re.match(r"[\w-]+\.\d+(@\d+)?/\w+:", model) is not None
