"""Record of a finished model: RUN/finish/result.json, written after each step so that no step is repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from nas.errors import ConfigError
from nas.files import write

FILE = "result.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FinishOptions(_Part):
    """Options that decide the result: one folder holds the result of one set of options.

    Attributes:
        arch: Architecture string of the model.
        epochs: Epochs of the training.
        data: The data.yaml.
        imgsz: Side of the images in pixels, in the training and in deployment.
        train: More arguments of Ultralytics.
        pretrained: True if the training starts from the model's trained weights in the run.
    """

    arch: str
    epochs: int
    data: str
    imgsz: int
    train: tuple[str, ...] = ()
    pretrained: bool = False


class Accuracy(_Part):
    """Accuracy of the trained model on the validation split, by Ultralytics: AP and the others are from 0 to 1."""

    ap: float
    ap50: float
    precision: float
    recall: float
    images: int


class MeasuredLatency(_Part):
    """Latency of the exported model and of the stock model in one session, in ms.

    Attributes:
        ms: Latency of one image.
        spread_ms: Half the interquartile range.
        n: Number of samples.
        stock_ms: Latency of the stock model in the same session, with random weights.
        stock_spread_ms: Its spread.
        fingerprint: Device, runtime, threads and precision.
    """

    ms: float
    spread_ms: float
    n: int
    stock_ms: float
    stock_spread_ms: float
    fingerprint: dict[str, str | int]


class FinishRecord(_Part):
    """Content of result.json. A step that is not done yet is None.

    Attributes:
        name: The model's name in the run.
        options: Options of the result.
        epochs_done: Epochs that were trained; fewer than asked for if the training stopped early.
        accuracy: Result of the validation.
        onnx: Name of the ONNX file.
        latency: Result of the measurement.
        unmeasured: The reason why the latency is not measured, with the command that measures it.
        versions: Versions of the packages.
    """

    name: str
    options: FinishOptions
    epochs_done: int | None = None
    accuracy: Accuracy | None = None
    onnx: str | None = None
    latency: MeasuredLatency | None = None
    unmeasured: str = ""
    versions: dict[str, str] = {}

    def to_json(self) -> dict[str, Any]:
        """Content of result.json."""
        return self.model_dump(mode="json")

    def save(self, folder: Path) -> None:
        """Write result.json."""
        write(folder / FILE, json.dumps(self.to_json(), indent=2) + "\n")

    @staticmethod
    def load(folder: Path) -> FinishRecord | None:
        """Read result.json; None if there is none.

        Raises:
            ConfigError: The file is damaged.
        """
        file = folder / FILE
        try:
            return FinishRecord.model_validate_json(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (ValidationError, UnicodeDecodeError):
            raise ConfigError("damaged", file=file, hint="remove it; finished files are used again") from None
