"""``python -m nas.export`` as a person runs it."""

from __future__ import annotations

import shlex
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import nas.search.__main__ as search
from nas import cli, export
from nas.detectors.costs import cost
from nas.detectors.heads import in_dialect
from nas.detectors.network import Network, fuse
from nas.detectors.rows import Detector, Row
from nas.detectors.yaml_files import from_yaml, to_yaml
from nas.errors import ModelError
from nas.installation import install_command
from nas.latency.runtimes.onnx_runtimes import export as onnx_of
from nas.operators.base import KeepingOperator
from nas.operators.registry import OPERATORS
from nas.runs.export import ExportedModel, models_to_export
from nas.runs.run import load_run
from nas.spaces.architecture import decode
from nas.spaces.space import Space, load_space

RNG = np.random.default_rng(3)
OF_YOLOV5, OF_YOLOV9 = (load_space(name) for name in ("yolov5n", "gelan-t"))


def call(command: object, *options: object) -> tuple[int, str, str]:
    """Exit status, and what was printed."""
    out, error = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(error), pytest.raises(SystemExit) as ended:
        cli.run(lambda: command.app(list(map(str, options)), standalone_mode=False))  # type: ignore[attr-defined]
    return int(ended.value.code or 0), out.getvalue(), error.getvalue()


# those of the trainers' own YAMLs, with their own heads
@pytest.mark.parametrize(
    ("space", "dialect", "params"), [(OF_YOLOV5, "yolov5", 1_872_157), (OF_YOLOV9, "yolov9", 2_442_640)]
)
def test_the_stock_model_is_the_trainers_own(space: Space, dialect: str, params: int, tmp_path: Path) -> None:
    status, said, _ = call(export, space.stock(), "--dialect", dialect, "--out", tmp_path)
    (file,) = tmp_path.glob("*.yaml")
    assert status == 0 and f"--cfg {file} --data data.yaml --hyp data/hyps/" in said
    assert f"nas.latency predict {file}" in said
    assert cost(from_yaml(file)).params == params


@pytest.mark.parametrize(("space", "dialect"), [(OF_YOLOV5, "yolov5"), (OF_YOLOV9, "yolov9")])
def test_our_modules_are_found_by_the_names_that_these_trainers_evaluate(space: Space, dialect: str) -> None:
    seen = set()
    for _ in range(30):
        detector = in_dialect(space.random(RNG).detector(3), dialect)
        for line in to_yaml(detector).splitlines():
            if "__import__" in line:
                assert line.isascii()  # they drop what is not
                name = line.partition("'")[2].rpartition("'")[0].replace("''", "'")
                seen.add(eval(name))
    assert seen == {OPERATORS[cls.__name__].module for cls in seen} and len(seen) >= 4
    assert all(isinstance(OPERATORS[cls.__name__], KeepingOperator) for cls in seen)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["x.yaml"], "x.yaml: no such file"),
        (["runs/none/best.pt"], "runs/none/best.pt: no such file; give a checkpoint of nas.train"),
        (
            [OF_YOLOV9.stock(), "--dialect", "yolov5"],
            "row 2 (ELAN1): YOLOv5 has no such module; search",
        ),
        (
            [OF_YOLOV5.stock(), "--dialect", "yolo"],
            "--dialect yolo: no such trainer; known are",
        ),
        (
            [OF_YOLOV5.stock(), "--nc", "3", "--data", "shapes"],
            "--nc 3: --data gives the classes too; give one",
        ),
        ([OF_YOLOV5.stock(), "--imgsz", "100"], "--imgsz 100: must be a multiple of 32"),
        ([OF_YOLOV5.stock(), "--imgsz", "0"], "--imgsz 0: must be a multiple of 32"),
        (
            [replace(OF_YOLOV5.stock(), imgsz=416), "--imgsz", "320"],
            "is for images of 416 px; give --imgsz 416, or drop @416",
        ),
        (["x.pt", "--precision", "int8"], "--precision: is for deployed files; give --runtime too"),
        (["x.pt", "--runtime", "torch"], "--runtime torch: no files are written for this runtime; give onnxruntime or"),
        (["x.pt", "--runtime", "onnxruntime", "--onnx"], "--onnx: --runtime writes the file that it deploys; drop"),
        ([OF_YOLOV5.stock(), "--runtime", "onnxruntime"], "has no trained weights to deploy; give a checkpoint (.pt)"),
        (["."], ".: has no run.json; give a run directory"),
    ],
)
def test_bad_options(options: list[object], message: str, tmp_path: Path) -> None:
    with chdir(tmp_path):
        status, _, error = call(export, *options)
    assert (status, error.count("\n")) == (2, 1)
    assert message in error
    assert not list(tmp_path.iterdir())


def test_an_architecture_brings_its_image_size(tmp_path: Path) -> None:
    """As a search over several sizes writes it."""
    status, said, _ = call(export, replace(OF_YOLOV5.stock(), imgsz=416), "--out", tmp_path)
    assert status == 0
    assert "imgsz=416 epochs=300" in said


def test_a_scale_that_adds_to_rows_is_applied_once(tmp_path: Path) -> None:
    """Ultralytics reads it off the file's name: l makes C3k2 and A2C2f another."""
    (tmp_path / "yolo12l.yaml").write_text(to_yaml(load_space("yolo11n").stock().detector(3)))
    status, said, _ = call(export, tmp_path / "yolo12l.yaml", "--out", tmp_path / "out of here")
    assert status == 0
    (file,) = (tmp_path / "out of here").glob("*.yaml")
    assert from_yaml(file) == from_yaml(tmp_path / "yolo12l.yaml")
    assert f"'model={file}'" in said


def test_what_is_pasted_is_no_module_of_ultralytics(tmp_path: Path) -> None:
    rows = list(load_space("yolov8n").stock().detector(3).rows)
    rows[2] = Row((-1,), 1, "C2f_Faster", (32, True))
    (tmp_path / "pasted.yaml").write_text(to_yaml(Detector(tuple(rows), 3, 10)))
    status, _, error = call(export, tmp_path / "pasted.yaml", "--out", tmp_path / "out")
    assert status == 2
    assert "row 2 (C2f_Faster): Ultralytics has no such module" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("space", "dialect"), [(OF_YOLOV5, "yolov5"), (OF_YOLOV9, "yolov9")])
def test_a_trainer_gets_its_data_by_absolute_paths(space: Space, dialect: str, tmp_path: Path) -> None:
    """It resolves relative ones against its own checkout, and reads the file in the encoding of the system."""
    folder = tmp_path / "my dâta"
    for split in ("train", "val"):
        (folder / "images" / split).mkdir(parents=True)
    (folder / "d.yaml").write_text("train: images/train\nval: images/val\nnames: [Katze, Bär, 犬]\n", encoding="utf-8")
    with chdir(tmp_path):
        options = ("--dialect", dialect, "--data", "my dâta/d.yaml", "--out", "out")
        status, said, error = call(export, space.stock(), *options)
    assert status == 0, error
    text = (tmp_path / "out" / "data.yaml").read_text(encoding="ascii")
    content = yaml.safe_load(text)
    assert content["names"] == {0: "Katze", 1: "Bär", 2: "犬"}
    for split in ("train", "val"):
        # As both do: the root is absolute, so the checkout does not count.
        assert (Path("/checkout") / content["path"] / content[split]).samefile(folder / "images" / split)
    (model,) = (file for file in (tmp_path / "out").glob("*.yaml") if file.name != "data.yaml")
    command = next(line for line in said.splitlines() if "train.py" in line).partition(": ")[2]
    words = shlex.split(command)
    assert words[words.index("--data") + 1] == str(tmp_path / "out" / "data.yaml")
    assert words[words.index("--cfg") + 1] == str(model)
    assert f"# train it: {command}" in model.read_text()
    assert ("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1" in words) is (dialect == "yolov9")
    assert "git clone https://github.com/" in said


@pytest.mark.parametrize("name", ["2024", "no", "a: b", "plain"])
def test_a_new_space_may_be_called_anything(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.yaml"
    status, _, error = call(export, OF_YOLOV5.stock(), "--new-space", file)
    assert (status, error) == (0, "")
    assert load_space(file).name == name


def test_onnx_needs_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("nas.runs.onnx_file.find_spec", lambda name: None)
    status, _, error = call(export, OF_YOLOV5.stock(), "--onnx", "--out", tmp_path)
    assert (status, error) == (2, f"error: --onnx: onnx is not installed; run {install_command('onnx')}\n")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose candidates train for one step."""
    folder = tmp_path_factory.mktemp("run")
    options = ("--space", "tiny", "--runtime", "fake", "--imgsz", 64, "--steps", 1, "--budget", 3, "--no-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARETO_YOLO_HOME", str(folder / "home"))
        status, _, error = call(search, *options, "--out", folder / "run")
    assert status == 0, error
    return folder / "run"


def test_a_run_gives_its_front(run: Path, tmp_path: Path) -> None:
    status, said, _ = call(export, run, "--data", "shapes", "--out", tmp_path)
    front = pd.read_csv(run / "pareto.csv", dtype={"name": str})
    assert status == 0
    assert {path.stem for path in tmp_path.iterdir()} == set(front.name)
    for row in front.itertuples():
        assert from_yaml(tmp_path / f"{row.name}.yaml") == decode(row.arch).detector(6)
        assert f"{row.name}.yaml data=data.yaml imgsz=64" in said


def test_a_refused_model_leaves_no_file(run: Path, tmp_path: Path, bccd: Path) -> None:
    status, _, error = call(export, run, "--dialect", "yolov5", "--data", bccd, "--out", tmp_path / "v5")
    assert status == 2 and "YOLOv5 has no such module" in error
    assert not (tmp_path / "v5").exists()


def test_the_latency_of_another_head_is_that_of_the_runs_runtime(tmp_path: Path) -> None:
    held: dict[str, str | int] = {"device": "pi5", "runtime": "openvino", "threads": 4, "version": "1"}
    model = ExportedModel("m", OF_YOLOV5.stock().detector(3), 96, fingerprint=held)
    said: list[str] = []
    export._write_yamls([model], "yolov5", None, tmp_path, said.append)
    assert f"predict {tmp_path / 'm.yaml'} --imgsz 96 --device pi5 --runtime openvino --threads 4" in said[1]


def test_the_onnx_file_is_what_was_measured(run: Path, tmp_path: Path) -> None:
    """Node by node; and it computes what torch does."""
    onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
    ort = pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")
    status, said, _ = call(export, run, "--onnx", "--out", tmp_path)
    assert status == 0 and "the weights are random" in said
    row = pd.read_csv(run / "pareto.csv", dtype={"name": str}).iloc[-1]
    detector = decode(row.arch).detector(load_run(run).result.nc)
    file = tmp_path / f"{row.loc['name']}.onnx"
    measured = onnx.load_from_string(onnx_of(fuse(Network(detector).eval()), [torch.rand(1, 3, 64, 64)]))
    assert [n.op_type for n in onnx.load(file).graph.node] == [n.op_type for n in measured.graph.node]
    image = torch.rand(1, 3, 64, 64)
    session = ort.InferenceSession(str(file))
    (found,) = session.run(["output0"], {"images": image.numpy()})
    with torch.no_grad():
        expected = Network(detector, 0).eval()(image)
    assert isinstance(expected, torch.Tensor)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-4)
    openvino = pytest.importorskip("openvino", reason="the openvino extra is not installed")
    compiled = openvino.Core().compile_model(str(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(compiled([image.numpy()])[0], expected.numpy(), rtol=1e-4, atol=1e-4)


def test_a_yaml_of_another_trainer_is_translated(tmp_path: Path) -> None:
    detector: Detector = in_dialect(OF_YOLOV5.random(RNG).detector(3), "yolov5")
    (tmp_path / "mine.yaml").write_text(to_yaml(detector))
    status, _, error = call(export, tmp_path / "mine.yaml", "--nc", 5, "--out", tmp_path / "out")
    assert status == 0, error
    found = from_yaml(tmp_path / "out" / "mine.yaml")
    assert (found.nc, found.rows[-1].module) == (5, "Detect")
    assert found.rows[:-1] == detector.rows[:-1]


def test_what_is_no_model_is_told_with_its_neighbors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "first").mkdir(parents=True)
    for source, hint in (
        ("runs/frist", "did you mean runs/first?"),
        ("yolov8n", "for the stock model give yolov8n.1/p2:c2f_e0.5_n1_c32"),
        ("nope", "give an existing path, or an architecture string"),
    ):
        with pytest.raises(ModelError) as refused:
            models_to_export(source)
        assert refused.value.problem == "no such run, model YAML, checkpoint or architecture"
        assert refused.value.hint.startswith(hint)
