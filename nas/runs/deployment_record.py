"""Record of a deployment: deployment.json, beside the deployed file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from nas.files import write

FILE = "deployment.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeployedFigures(_Part):
    """Figures of one file.

    Attributes:
        precision: Its precision.
        keep_float: Parts that are not quantized: ``head`` for the last layers of the head, or numbers of rows.
        ap: AP50-95 on the validation split, computed in the runtime; None without data.
        loss_sd: Standard deviation of the AP that it loses against float32, over choices of validation images.
        ms: Latency of one image in ms.
        spread_ms: Half the interquartile range of its samples.
        samples: Number of samples.
        noisy: True if the machine was too busy to trust the latency.
        size: Bytes of the files.
    """

    precision: str
    keep_float: tuple[str, ...] = ()
    ap: float | None = None
    loss_sd: float | None = None
    ms: float
    spread_ms: float
    samples: int
    noisy: bool
    size: int


class DeploymentRecord(_Part):
    """Content of deployment.json.

    Attributes:
        name: Name of the model.
        file: Name of the file that the runtime opens.
        runtime: The runtime.
        version: Its version.
        imgsz: Side of the images in pixels.
        nc: Number of classes.
        classes: Names of the classes; empty without data.
        data: The data.yaml; empty without data.
        val_images: Number of validation images.
        calibration_images: Number of training images that calibrated the file.
        recipe: Method of the conversion.
        threads: Threads of the runtime when it was measured.
        cpu: The processor.
        date: Date of the measurement.
        note: One line on the processor; empty if there is nothing to say.
        float32: Figures of the float32 file in the same runtime.
        deployed: Figures of the deployed file.
        other: Figures of the quantized file that was tried and not written, if any.
    """

    name: str
    file: str
    runtime: str
    version: str
    imgsz: int
    nc: int
    classes: tuple[str, ...] = ()
    data: str = ""
    val_images: int = 0
    calibration_images: int = 0
    recipe: str
    threads: int
    cpu: str
    date: str
    note: str = ""
    float32: DeployedFigures
    deployed: DeployedFigures
    other: DeployedFigures | None = None

    @property
    def loss(self) -> float | None:
        """AP that the deployed file loses against float32; None without data."""
        before, after = self.float32.ap, self.deployed.ap
        return None if before is None or after is None else before - after

    def to_json(self) -> dict[str, Any]:
        """Content of deployment.json."""
        return self.model_dump(mode="json")

    def save(self, folder: Path) -> None:
        """Write deployment.json."""
        write(folder / FILE, json.dumps(self.to_json(), indent=2) + "\n")
