"""TensorBoard logger: event files in the run directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from nas.integrations.loggers.base import LoggedRun


class TensorBoardLogger:
    """Writes RUN/tensorboard. A step is the number of a trial; in ``front/`` it is the rank of a model."""

    def __init__(self, run: LoggedRun) -> None:
        self._folder = run.folder / "tensorboard"
        self._new = not self._folder.exists()
        self._writer = SummaryWriter(str(self._folder))
        if self._new:
            rows = "\n".join(f"| {name} | {value} |" for name, value in run.options.items())
            self._writer.add_text("options", f"| option | value |\n| --- | --- |\n{rows}")

    @property
    def place(self) -> str:
        return f"tensorboard --logdir {self._folder}"

    def trial(self, number: int, values: Mapping[str, float], architecture: str) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"trial/{name}", value, number)
        self._writer.add_text("architecture", architecture, number)
        self._writer.flush()

    def front(self, models: Sequence[Mapping[str, float | str]], files: Sequence[Path]) -> None:
        for rank, model in enumerate(models, 1):
            for name, value in model.items():
                if isinstance(value, str):
                    self._writer.add_text(f"front/{name}", value, rank)
                else:
                    self._writer.add_scalar(f"front/{name}", value, rank)
        for file in files:
            if file.suffix == ".png":
                self._writer.add_image(file.stem, _pixels(file), dataformats="HWC")

    def close(self, finished: bool) -> None:
        self._writer.close()


def _pixels(file: Path) -> object:
    import numpy as np
    from PIL import Image

    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))
