"""Spaces and models of a command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.latency.models import Model
    from nas.spaces.space import Space
    from nas.terminal import Terminal


def read_spaces(names: Sequence[str] | None) -> list[Space]:
    """The search spaces of a command line; the default one if none is named."""
    from nas.spaces.space import DEFAULT_SPACE, load_space

    return [load_space(name) for name in dict.fromkeys(names or [DEFAULT_SPACE])]


def read_models(models: Sequence[str] | None, imgsz: int, nc: int | None, display: Terminal) -> list[Model]:
    """The models of a command line, on images of one size."""
    from nas.latency.models import Model
    from nas.spaces.models import load_detector, size_of

    for model in models or ():
        size_of(model, imgsz, imgsz)  # refuses an architecture with another image size
    return [Model(model, "other", load_detector(model, nc, imgsz, display.say)) for model in models or ()]
