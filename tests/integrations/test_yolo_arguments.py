"""Arguments of `nas.train`: read as Ultralytics reads them, refused in one line; results go where a person works."""

from __future__ import annotations

import importlib.util
import random
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from nas import train
from nas.errors import DataError, InputError
from nas.integrations.output_folder import output_folder
from nas.integrations.ultralytics import import_ultralytics
from nas.integrations.yolo_arguments import YoloArguments, read_arguments

missing = importlib.util.find_spec("ultralytics") is None
pytestmark = pytest.mark.skipif(missing, reason="the ultralytics extra is not installed")

FORMS = (
    "model=model.yaml",
    "model = other.yaml",
    "model= model.yaml",
    "model =other.yaml",
    "--model=model.yaml",
    "data=data.yaml",
    "imgsz=64",
    "imgsz=64,",
    "--imgsz=96",
    "imgsz=[64, 96]",
    "epochs = 3",
    "lr0=1e-3",
    "exist_ok",
    "--exist_ok",
    "rect=True",
    "plots=False",
    "cos_lr=true",
    "save_json=FALSE",
    "cache=ram",
    "device=cpu",
    "device=0,1",
    "classes=[0, 1]",
    "name=007",
    "project=some/where",
    "time=None",
    "cfg=all.yaml",
    "cfg = all.yaml",
    "cfg=more.yaml",
    "cfg=None",
    "detect",
    "train",
    "mode=train",
    "task=detect",
    "pretrained=weights.pt",
    "line_thickness=2",
)
ALL = "model: other.yaml\ndata: data.yaml\nimgsz: 32\nepochs: 1\nplots: false\nname: '5'\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("model.yaml", "other.yaml", "data.yaml", "weights.pt"):
        (tmp_path / name).touch()
    (tmp_path / "all.yaml").write_text(ALL)
    (tmp_path / "more.yaml").write_text("epochs: 9\nseed: 4\nlr0: 0.001\ntask: detect\n")
    return tmp_path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The calls that `yolo` would make."""
    found: list[dict[str, Any]] = []

    class Model:
        def __init__(self, model: Any, task: Any = None):
            self.task = task or "detect"

        def __getattr__(self, mode: str) -> Any:
            return lambda **options: found.append({"mode": mode, **options})

    monkeypatch.setattr(import_ultralytics(), "YOLO", Model)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(import_ultralytics("ultralytics.utils"), "ARGV", sys.argv, raising=False)
    monkeypatch.setattr(import_ultralytics("ultralytics.cfg"), "ARGV", sys.argv, raising=False)
    return found


def test_as_yolo_reads_them(folder: Path, calls: list[dict[str, Any]]) -> None:
    """Generated command lines, beside what `yolo` itself makes of them."""
    draw = random.Random(0)
    for _ in range(150):
        line = ["detect", "train", *(form for form in draw.choices(FORMS, k=draw.randint(1, 7)))]
        words = [word for form in line for word in form.split(" ")]
        calls.clear()
        sys.argv[:] = ["yolo", *words]
        import_ultralytics("ultralytics.cfg").entrypoint()
        (expected,) = calls
        found = read_arguments(words)
        assumed = {"model", "data"} - found.values.keys()  # Ultralytics has stock ones where none is given
        assert found.values | {"mode": found.mode} == {
            key: value for key, value in expected.items() if key not in assumed
        }, line


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("epoch=3", "epoch: is no argument of Ultralytics; did you mean epochs?"),
        ("trian", "trian: is no argument of Ultralytics; did you mean train?"),
        ("epochs", "epochs: needs a value; write epochs=100"),
        ("--imgsz 64", "imgsz: needs a value; write imgsz=640"),
        ("imgsz=", "imgsz: needs a value; write imgsz=640"),
        ("model.yaml", "model.yaml: is the value of no argument; write model=model.yaml or data=model.yaml"),
        ("qqqq=1", "qqqq: is no argument of Ultralytics; docs.ultralytics.com/usage/cfg lists them"),
        ("model=modle.yaml", "model=modle.yaml: no such file; did you mean model.yaml?"),
        ("model=runs/none/best.pt", "model=runs/none/best.pt: no such file; give a model YAML or a checkpoint"),
        ("cfg=al.yaml", "cfg=al.yaml: no such file; did you mean all.yaml?"),
        ("epochs=many", "'epochs=many' is of invalid type str. "),
        ("lr0=fast", "'lr0=fast' is of invalid type str. "),
    ],
)
def test_a_wrong_argument_is_one_line(line: str, problem: str, folder: Path) -> None:
    with pytest.raises(InputError) as error:
        read_arguments(shlex.split(line))
    assert str(error.value).startswith(f"nas.train: {problem}")
    assert "\n" not in str(error.value)


def test_a_damaged_file_of_arguments(folder: Path) -> None:
    (folder / "list.yaml").write_text("- model")
    with pytest.raises(InputError, match=r"list.yaml: not a file of arguments"):
        read_arguments(["cfg=list.yaml"])


@pytest.mark.parametrize("model", ["yolov8n.yaml", "yolo11s.yaml", "yolov8n.pt", "https://example.org/best.pt"])
def test_models_that_ultralytics_finds(model: str, folder: Path) -> None:
    assert read_arguments([f"model={model}"]).values == {"model": model}


def ours(**values: Any) -> YoloArguments:
    return YoloArguments("detect", "train", values)


def test_results_go_below_the_working_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Settings(dict[str, str]):
        """As Ultralytics'."""

    defaults = {"runs_dir": "/clone/runs", "datasets_dir": "/clone/datasets"}
    found = Settings(defaults)
    found.defaults = defaults  # type: ignore[attr-defined]
    monkeypatch.setattr(import_ultralytics("ultralytics.utils"), "SETTINGS", found)
    assert output_folder(ours()) == (folder / "runs" / "detect", [])
    assert output_folder(ours(project="mine")).project == folder / "runs" / "detect" / "mine"
    assert output_folder(ours(project="/else/where")).project == Path("/else/where")
    assert output_folder(ours(resume=True)).project is None
    found["runs_dir"] = "/mine"
    folder_of_mine, notes = output_folder(ours())
    assert folder_of_mine == Path("/mine/detect")
    assert notes == ["Ultralytics' setting runs_dir applies: /mine"]


def test_the_next_commands_have_the_real_path(folder: Path) -> None:
    lines = train.next_commands(folder / "runs" / "detect" / "train-2" / "weights" / "best.pt", "my data.yaml", 320)
    best = "runs/detect/train-2/weights/best.pt"
    assert lines[1] == f"  python -m nas.export {best} --onnx --imgsz 320"
    assert lines[2] == f"  python -m nas.train val model={best} 'data=my data.yaml' imgsz=320"
    assert f" {Path('/else/best.pt')} " in train.next_commands(Path("/else/best.pt"), "data.yaml", 320)[1]


def write_set(folder: Path) -> None:
    """Write a data.yaml with an empty image a split."""
    for split in ("train", "val"):
        (folder / "images" / split).mkdir(parents=True)
        (folder / "images" / split / "a.png").touch()
    (folder / "data.yaml").write_text("path: .\ntrain: images/train\nval: images/val\nnames: [a]\n")


def test_other_commands_of_yolo_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[list[str]] = []
    monkeypatch.setattr(train, "_run", lambda arguments, data: passed.append(arguments))
    train.main(["settings", "runs_dir=mine"])
    assert passed == [["settings", "runs_dir=mine"]]


def test_the_arguments_that_yolo_gets(
    folder: Path, calls: list[dict[str, Any]], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.integrations.checkpoint.check_checkpoint", lambda path: None)  # the files are empty
    write_set(folder)
    train.main(shlex.split("model = model.yaml data=data.yaml cfg=all.yaml imgsz=64"))
    assert f"results: {folder / 'runs' / 'detect'}\n" in capsys.readouterr().out
    train.main(["val", "model=weights.pt", "project=mine"])
    train.main(["export", "model=weights.pt", "format=onnx"])
    trained, validated, exported = calls
    assert (trained["mode"], trained["model"], trained["imgsz"]) == ("train", "model.yaml", 64)
    assert Path(trained["project"]).parts[-2:] == ("runs", "detect")
    assert (validated["mode"], Path(validated["project"]).name) == ("val", "mine")
    assert (exported["mode"], exported["format"], "project" in exported) == ("export", "onnx", False)
    content = yaml.safe_load(Path(trained["data"]).read_text())
    assert (content["path"], content["val"]) == (str(folder), f"{folder}/images/val")


def test_a_training_reads_the_images_that_a_search_reads(
    folder: Path, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(folder)
    with pytest.raises(DataError, match="no such file"):
        train.main(["model=model.yaml", "data=nope.yaml"])
    monkeypatch.chdir(folder / "images")
    with pytest.raises(DataError, match="does not exist"):  # its path is relative to the working directory
        train.main(["model=../model.yaml", "data=../data.yaml"])
    (folder / "data.yaml").write_text((folder / "data.yaml").read_text() + "download: https://x/y.zip\n")
    train.main(["model=../model.yaml", "data=../data.yaml"])  # Ultralytics downloads them
    train.main(["model=../model.yaml", "data=https://x/data.yaml"])
    assert [call["data"] for call in calls] == ["../data.yaml", "https://x/data.yaml"]


def test_a_state_dict_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    torch.save({"model.0.conv.weight": torch.zeros(16, 3, 3, 3)}, file)
    with pytest.raises(InputError) as error:
        train.main([f"model={file}", "data=coco8.yaml"])
    assert error.value.file == file and "contains no model" in error.value.problem
