"""Deployment of a trained detector: files, figures, README, and the choice of what stays in float."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from rich.console import Console

from nas.data.shapes import draw_shapes
from nas.errors import ConfigError
from nas.latency.runtimes.measure import Bench
from nas.quantization.base import HEAD, Deployed
from nas.quantization.sensitivity import RowSensitivity
from nas.runs import deployment
from nas.runs.deployment import deploy
from nas.runs.deployment_options import DeployOptions, check_options
from nas.runs.deployment_readme import deployment_readme
from nas.runs.deployment_record import FILE, DeploymentRecord
from nas.runs.export import ExportedModel
from nas.terminal import Terminal
from tests.quantization.tiny import DETECTOR, NC, SIZE, network

pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A data.yaml with two classes."""
    folder = tmp_path_factory.mktemp("data")
    drawn = draw_shapes(SIZE, n_train=4, n_val=4)
    for split, of in (("train", drawn.train), ("val", drawn.val)):
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
        for number, image in enumerate(of.images):
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(folder / "images" / split / f"{number}.png")
            (folder / "labels" / split / f"{number}.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    (folder / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cat, dog]\n")
    return str(folder / "data.yaml")


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference kernel is watched for a moment rather than for 2 s."""
    watch = Bench.watch
    monkeypatch.setattr(Bench, "watch", lambda self, seconds: watch(self, 0.01))


def model(trained: bool = True) -> ExportedModel:
    return ExportedModel("best", DETECTOR, SIZE, trained=network() if trained else None)


def run(options: DeployOptions, folder: Path, of: ExportedModel | None = None) -> tuple[DeploymentRecord, str]:
    """Deploy; the record, and what was said."""
    said = StringIO()
    with Terminal(Console(file=said, soft_wrap=True)) as terminal:
        return deploy(of or model(), options, folder, terminal), said.getvalue()


def script(monkeypatch: pytest.MonkeyPatch, ap: dict[tuple[str, tuple[str, ...]], float]) -> None:
    """Let files score as scripted, by precision and parts in float."""

    class Scripted(NamedTuple):
        ap: float

        def score(self, nc: int) -> float:
            return self.ap

    def detections_of(deployed: Deployed, *_: object, **__: object) -> Scripted:
        return Scripted(ap[deployed.precision, deployed.keep_float])

    monkeypatch.setattr(deployment, "detections_of", detections_of)
    monkeypatch.setattr(deployment, "loss_spread", lambda *_: 0.01)


@pytest.mark.parametrize(("runtime", "precision"), [("onnxruntime", "int8"), ("openvino", "float32")])
def test_the_files_the_figures_and_the_readme(runtime: str, precision: str, data: str, tmp_path: Path) -> None:
    pytest.importorskip(runtime)
    record, _ = run(DeployOptions(runtime, precision, data, ("none",) * (precision == "int8")), tmp_path)
    assert json.loads((tmp_path / FILE).read_text()) == record.to_json()
    assert DeploymentRecord.model_validate_json((tmp_path / FILE).read_text()) == record
    assert (record.runtime, record.deployed.precision, record.imgsz, record.nc) == (runtime, precision, SIZE, NC)
    assert record.classes == ("cat", "dog") and record.val_images == 4
    assert record.calibration_images == (4 if precision == "int8" else 0)
    size = sum(file.stat().st_size for file in tmp_path.iterdir() if file.suffix in {".onnx", ".xml", ".bin"})
    assert record.deployed.size == size and record.deployed.ms > 0 and record.deployed.ap is not None
    text = (tmp_path / "README.md").read_text()
    assert text == deployment_readme(record)
    assert f"| AP50-95 | {record.float32.ap:.3f} |" in text and f"{record.deployed.ms:.2f} ±" in text
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    Image.effect_noise((90, 60), 200).convert("RGB").save(tmp_path / "image.jpg")
    code += f"assert found and found[0].shape == (4 + {NC},)\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("repaired", "kept"), [(0.49, (HEAD,)), (0.474, ())])
def test_the_head_stays_in_float_where_that_saves_ap(
    repaired: float, kept: tuple[str, ...], data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(monkeypatch, {("float32", ()): 0.5, ("int8", ()): 0.47, ("int8", (HEAD,)): repaired})
    record, said = run(DeployOptions("onnxruntime", "int8", data), tmp_path)
    assert "int8 loses 0.030 AP" in said
    assert record.deployed.keep_float == kept and record.other is not None
    assert {record.deployed.ap, record.other.ap} == {0.47, repaired}
    assert (tmp_path / "best.onnx").stat().st_size == record.deployed.size
    text = (tmp_path / "README.md").read_text()
    assert "last layers of the head in float" in text
    noise = ", which is within the noise" if kept else ""
    assert f"int8 loses {record.loss:.3f} ± 0.010 AP{noise} (±: standard deviation over choices of 4 images)" in text


def test_a_small_loss_is_left(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, {("float32", ()): 0.5, ("int8", ()): 0.491})
    record, _ = run(DeployOptions("onnxruntime", "int8", data), tmp_path)
    assert record.other is None and record.loss == pytest.approx(0.009)


def test_the_worst_rows_stay_in_float(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, {("float32", ()): 0.5, ("int8", ("head", "3", "1")): 0.4})
    found = [RowSensitivity(row, 1.0 - row) for row in (3, 1, 0)]
    monkeypatch.setattr(deployment, "row_sensitivity", lambda *_, **__: found)
    record, _ = run(DeployOptions("onnxruntime", "int8", data, ("head", "worst:2")), tmp_path)
    assert record.deployed.keep_float == ("head", "3", "1")
    assert "last layers of the head and rows 3, 1 in float" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (DeployOptions("torch", "int8", "data.yaml"), "runtime"),
        (DeployOptions("onnxruntime", "int4", "data.yaml"), "precision"),
        (DeployOptions("onnxruntime", "int8"), "data"),
        (DeployOptions("onnxruntime", "float32", keep_float=("head",)), "keep_float"),
        (DeployOptions("onnxruntime", "int8", "data.yaml", ("worst:x",)), "keep_float"),
        (DeployOptions("onnxruntime", "float32", threads=0), "threads"),
    ],
)
def test_options_are_checked(options: DeployOptions, field: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_options(options)
    assert refused.value.field == field


def test_what_cannot_be_deployed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no trained weights"):
        run(DeployOptions("onnxruntime", "float32"), tmp_path, model(trained=False))
    with pytest.raises(ConfigError) as refused:
        run(DeployOptions("onnxruntime", "float32", "shapes"), tmp_path)
    assert refused.value.field == "data" and "6 classes" in refused.value.problem
    assert not list(tmp_path.iterdir())
