"""The folder that Ultralytics writes a training, a validation or a prediction into."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from nas.integrations.ultralytics import import_ultralytics
from nas.integrations.yolo_arguments import YoloArguments


class OutputFolder(NamedTuple):
    """An output folder.

    Attributes:
        project: The folder in which the training gets one of its own; None: Ultralytics decides, as it resumes one.
        notes: Settings of the user that apply, in words.
    """

    project: Path | None
    notes: list[str]


def output_folder(arguments: YoloArguments) -> OutputFolder:
    """The folder for the results of a command: below ``project``, the user's ``runs_dir``, or the working directory.

    Ultralytics itself writes to the git repository that its own files lie in, if they lie in one: with a virtual
    environment inside a clone, that is the clone, whatever folder a person works in.

    Args:
        arguments: Arguments of the command.
    """
    settings = import_ultralytics("ultralytics.utils").SETTINGS
    notes = [f"Ultralytics' setting {name} applies: {value}" for name in SETTINGS if (value := _own(settings, name))]
    values = arguments.values
    if values.get("resume") or values.get("save_dir"):
        return OutputFolder(None, notes)
    root = Path(_own(settings, "runs_dir") or "runs")
    # As Ultralytics does, a relative project lies below the folder of the task.
    project = root / (arguments.task or "detect") / str(values.get("project") or "")
    return OutputFolder(Path.cwd() / project, notes)


SETTINGS = ("runs_dir", "datasets_dir")
"""Settings of Ultralytics that are folders of results and of data."""


def _own(settings: object, name: str) -> str:
    """A setting that the user has changed; empty if it is that of a new installation."""
    value, default = settings[name], settings.defaults[name]  # type: ignore[index, attr-defined]
    return "" if value == default else str(value)
