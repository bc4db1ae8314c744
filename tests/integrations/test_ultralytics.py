"""Our rows in Ultralytics: same parameters, same outputs, and they train."""

from __future__ import annotations

import copy
import importlib.util
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from nas import train
from nas.detectors.costs import cost
from nas.detectors.heads import DIALECTS
from nas.detectors.network import Network
from nas.detectors.nms import nms
from nas.detectors.templates import TEMPLATES
from nas.detectors.yaml_files import from_yaml, to_yaml
from nas.errors import InputError, ModelError
from nas.integrations.checkpoint import read_checkpoint, transfer
from nas.integrations.ultralytics import register
from nas.operators.base import StockOperator
from nas.operators.registry import FAMILIES, OPERATORS
from nas.spaces.architecture import Architecture, choose
from nas.spaces.head_choice import HeadChoice
from nas.spaces.space import load_space

# Not imported here: Ultralytics patches Pillow and torch in its process, which the tests before these must not meet.
missing = importlib.util.find_spec("ultralytics") is None
pytestmark = pytest.mark.skipif(missing, reason="the ultralytics extra is not installed")

SPACE = load_space("yolov8n")
RNG = np.random.default_rng(20)
MEMBERS = [SPACE.stock(), *(SPACE.random(RNG) for _ in range(20))]
OTHER_TEMPLATES = [
    member
    for space in map(load_space, ("yolov5n", "gelan-t", "yolo11n", "yolo26n", "yolov8n-neck"))
    for member in (space.stock(), *space.uniform_replacements()[:1], *(space.random(RNG) for _ in range(5)))
]

# A head of its own behind each kind of class branch, beside stages of our own.
HEADS = [
    replace(load_space(name).random(RNG), head=HeadChoice(0.5, 0.75, depth, depthwise))
    for name, depth, depthwise in (
        ("yolov8n", 1, True),
        ("yolov8n", 3, False),
        ("yolo11n", 1, False),
        ("gelan-t", 2, True),
    )
]


def everywhere(key: str, shell: str) -> Architecture:
    """The member with one operator in all four stages."""
    declared = FAMILIES[key].parameters.items()
    parameters = {name: max(p.low, min(p.high, 3 if p.odd else 4)) for name, p in declared}
    return Architecture("yolov8n", tuple(choose(key, shell, c, 2, parameters) for c in (32, 64, 128, 256)))


# Also those that no shipped space offers.
OTHERS = [
    everywhere(key, shell)
    for key in TEMPLATES["yolov8n"].families("p2")
    if key not in SPACE.file.operators
    for shell in FAMILIES[key].shells
]


def test_ultralytics_has_what_the_dialect_says_it_has() -> None:
    register()
    from ultralytics.nn import tasks

    stock = {name for name, operator in OPERATORS.items() if isinstance(operator, StockOperator)}
    assert {name for name in stock if name.startswith("nn.") or hasattr(tasks, name)} == stock & set(
        DIALECTS["ultralytics"].kinds
    )


def test_a_name_of_ultralytics_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would insert input channels into the arguments, and train something else."""
    operator = copy.copy(OPERATORS["PConv"])
    operator.name = "GhostBottleneck"
    monkeypatch.setitem(OPERATORS, "GhostBottleneck", operator)
    with pytest.raises(InputError, match="operator GhostBottleneck: Ultralytics has a module of that name"):
        register()


@pytest.mark.parametrize("member", [*MEMBERS, *OTHERS, *OTHER_TEMPLATES, *HEADS], ids=str)
def test_same_model_in_both(member: Architecture, tmp_path: Path) -> None:
    register()
    from ultralytics.nn.tasks import DetectionModel

    detector = member.detector(80)
    file = tmp_path / "model.yaml"
    file.write_text(to_yaml(detector, str(member)))
    theirs, ours = DetectionModel(str(file), verbose=False), Network(detector)
    assert sum(p.numel() for p in theirs.parameters()) == cost(detector).params
    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in ours.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif value.is_floating_point() and "dfl" not in name:
                value.uniform_(-0.1, 0.1)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = torch.rand(2, 3, 128, 96)
    with torch.no_grad():
        expected, found = theirs.eval()(x)[0], ours.eval()(x)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


SETTINGS = {"data": "data.yaml", "imgsz": 160, "batch": 8, "plots": False, "workers": 0, "name": "run"}
"""Of a training that takes seconds. Ultralytics' seed is 0 unless it is told another one."""


def python(folder: Path, *arguments: str, ok: bool = True) -> str:
    """The output of a process."""
    result = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert (result.returncode == 0) is ok, result.stderr[-3000:]
    return result.stdout + result.stderr


def settings(**more: object) -> list[str]:
    return [f"{name}={value}" for name, value in {**SETTINGS, **more}.items()]


@pytest.fixture(scope="module")
def folder(bccd: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small copy of the set, since Ultralytics writes caches beside the labels, and an exported member."""
    folder = tmp_path_factory.mktemp("training")
    for split in ("train", "val"):
        for kind, suffix in (("images", ".jpg"), ("labels", ".txt")):
            (folder / kind / split).mkdir(parents=True)
            for image in sorted((bccd.parent / "images" / split).iterdir())[:16]:
                name = image.with_suffix(suffix).name
                shutil.copy(bccd.parent / kind / split / name, folder / kind / split / name)
    names = bccd.read_text().partition("names:")[2]
    (folder / "data.yaml").write_text(f"train: images/train\nval: images/val\nnames:{names}")
    (folder / "model.yaml").write_text(to_yaml(replace(MEMBERS[3], head=HEADS[0].head).detector(3)))
    return folder


@pytest.fixture(scope="module")
def checkpoint(folder: Path) -> Path:
    """Of the README's command."""
    python(folder, "-m", "nas.train", "model=model.yaml", *settings(epochs=1, project=folder / "command"))
    return folder / "command" / "run" / "weights" / "last.pt"


def test_a_checkpoint_in_a_fresh_process(checkpoint: Path, folder: Path) -> None:
    said = python(folder, "-m", "nas.train", "val", f"model={checkpoint}", *settings(project=folder / "val"))
    assert "Platelets" in said


def test_a_checkpoint_as_onnx(checkpoint: Path, folder: Path) -> None:
    ort = pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")
    python(folder, "-m", "nas.export", str(checkpoint), "--onnx", "--imgsz", "160", "--out", "exported")
    x = torch.rand(1, 3, 160, 160)
    (found,) = ort.InferenceSession(str(folder / "exported" / "last.onnx")).run(None, {"images": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), as_trained(checkpoint, x), atol=1e-4, rtol=1e-4)


def test_the_same_losses_as_from_python(checkpoint: Path, folder: Path) -> None:
    script = f"""
from nas.integrations.torchvision import patch_torchvision
from nas.integrations.ultralytics import register
patch_torchvision()
register()
from ultralytics import YOLO
YOLO("model.yaml").train(epochs=1, project={str(folder / "python")!r}, **{SETTINGS!r})
"""
    python(folder, "-c", script)
    ours, theirs = (pd.read_csv(folder / name / "run" / "results.csv") for name in ("command", "python"))
    columns = [column for column in ours.columns if "loss" in column or "metrics" in column]
    assert len(columns) > 6
    pd.testing.assert_frame_equal(ours[columns], theirs[columns])


@pytest.mark.slow
def test_an_interrupted_training_is_resumed(folder: Path) -> None:
    arguments = ["model=model.yaml", *settings(epochs=4, project=folder / "killed")]
    process = subprocess.Popen([sys.executable, "-m", "nas.train", *arguments], cwd=folder, stdout=subprocess.DEVNULL)
    results, last = (folder / "killed" / "run" / name for name in ("results.csv", "weights/last.pt"))
    deadline = time.monotonic() + 300
    while not (last.exists() and len(pd.read_csv(results)) >= 2):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    process.kill()
    process.wait()
    python(folder, "-m", "nas.train", f"model={last}", "resume=True")
    # Killed between the row of an epoch and its checkpoint, Ultralytics trains that epoch again.
    assert list(dict.fromkeys(pd.read_csv(results).epoch)) == [1, 2, 3, 4]


def as_trained(checkpoint: Path, x: torch.Tensor) -> torch.Tensor:
    """The output of Ultralytics' own network of a checkpoint."""
    register()
    from ultralytics.nn.tasks import torch_safe_load

    held, _ = torch_safe_load(str(checkpoint))
    with torch.no_grad():
        decoded: torch.Tensor = (held.get("ema") or held["model"]).float().eval()(x)[0]
    return decoded


def stock_checkpoint(path: Path, nc: int) -> None:
    """As Ultralytics saves it, untrained."""
    register()
    from ultralytics.nn.tasks import DetectionModel

    file = path.with_suffix(".yaml")
    file.write_text(to_yaml(SPACE.stock().detector(nc)))
    torch.save({"model": DetectionModel(str(file), verbose=False)}, path)


def test_which_rows_take_over_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Of a stock checkpoint for as many classes all but the changed rows; with 80 for 3 the head becomes wider, too."""
    stages = {"p3": choose("faster", "csp", 64, 2, {"n_div": 4, "expansion": 2})}
    detector = SPACE.stock().replace(stages).detector(3)
    (tmp_path / "model.yaml").write_text(to_yaml(detector))
    monkeypatch.setattr(train, "_run", lambda arguments, data: None)
    for nc, fresh, wide in ((3, "4 (CSPFaster)", False), (80, "4 (CSPFaster), 22 (Detect)", True)):
        stock_checkpoint(tmp_path / f"{nc}.pt", nc)
        train.main([f"model={tmp_path / 'model.yaml'}", f"pretrained={tmp_path / f'{nc}.pt'}"])
        said = capsys.readouterr().out
        assert f"all weights of {17 - len(fresh.split(','))} of 17 rows fit; not those of rows {fresh}\n" in said
        assert ("class branch of its head is 80 channels wide inside" in said) is wide


def test_a_head_that_weights_made_wider_is_exported_as_it_is(tmp_path: Path) -> None:
    """Ultralytics' own way from 80 classes to 3."""
    stock_checkpoint(tmp_path / "stock.pt", 80)
    from ultralytics.nn.tasks import DetectionModel, torch_safe_load

    (tmp_path / "model.yaml").write_text(to_yaml(SPACE.stock().detector(3)))
    model = DetectionModel(str(tmp_path / "model.yaml"), verbose=False)
    model.load(torch_safe_load(str(tmp_path / "stock.pt"))[0]["model"], verbose=False)
    torch.save({"model": model}, tmp_path / "trained.pt")
    found = read_checkpoint(tmp_path / "trained.pt")
    assert (found.hidden, found.stock) == (80, 64)
    assert sum(p.numel() for p in found.network.parameters()) == 3_138_489
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(found.network(x), as_trained(tmp_path / "trained.pt", x), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("nc", [3, 80])
def test_stock_weights_leave_a_slim_head_as_it_is(nc: int, tmp_path: Path) -> None:
    """Ultralytics would put the stock class branches in its place, whatever the number of classes."""
    stock_checkpoint(tmp_path / "stock.pt", nc)
    from ultralytics.nn.tasks import DetectionModel, torch_safe_load

    detector = replace(SPACE.stock(), head=HeadChoice(1, 0.5)).detector(3)
    (tmp_path / "model.yaml").write_text(to_yaml(detector))
    model = DetectionModel(str(tmp_path / "model.yaml"), verbose=False)
    weights = torch_safe_load(str(tmp_path / "stock.pt"))[0]["model"]
    model.load(weights, verbose=False)
    assert sum(p.numel() for p in model.parameters()) == cost(detector).params
    key = "model.22.cv2.0.0.conv.weight"
    assert torch.equal(model.state_dict()[key], weights.state_dict()[key])
    assert transfer(detector, tmp_path / "stock.pt").hidden == 0
    torch.save({"model": copy.deepcopy(model)}, tmp_path / "trained.pt")
    assert read_checkpoint(tmp_path / "trained.pt").detector == detector


def test_a_slim_head_has_no_second_pair_of_branches(tmp_path: Path) -> None:
    register()
    from ultralytics.nn.tasks import DetectionModel

    file = tmp_path / "model.yaml"
    file.write_text("end2end: true\n" + to_yaml(HEADS[0].detector(3)))
    with pytest.raises(ModelError, match="end2end"):
        DetectionModel(str(file), verbose=False)
    with pytest.raises(ModelError, match="takes neither the key end2end nor reg_max"):
        from_yaml(file)
    file.write_text(to_yaml(SPACE.stock().detector(3)))  # the parser builds stock heads as before
    assert type(DetectionModel(str(file), verbose=False).model[-1]).__name__ == "Detect"


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "best.pt").write_text("not a checkpoint")
    with pytest.raises(InputError, match=r"best\.pt: not a checkpoint of a trainer: "):
        read_checkpoint(tmp_path / "best.pt")


def test_nas_train_without_a_model() -> None:
    with pytest.raises(InputError, match=r"nas.train: model=... is missing; give a model YAML or a checkpoint"):
        train.main(["data=d.yaml"])


def test_nms_suppresses_greedily() -> None:
    boxes = torch.tensor([[0, 0, 10, 10], [1, 0, 11, 10], [20, 20, 30, 30], [0, 0, 10, 9], [20, 20, 20, 20]]).float()
    scores = torch.tensor([0.8, 0.9, 0.3, 0.7, 0.1])
    # 1 beats 0 (IoU 9/11) and 3 (IoU 81/109): at 0.7 box 3 goes too, at 0.75 it stays.
    assert nms(boxes, scores, 0.7).tolist() == [1, 2, 4]
    assert nms(boxes, scores, 0.75).tolist() == [1, 3, 2, 4]
    assert nms(boxes[:0], scores[:0], 0.5).tolist() == []


@pytest.mark.parametrize(("count", "classes"), [(40, 1), (900, 1), (900, 5)])
def test_nms_of_many_boxes_keeps_what_one_box_after_another_does(count: int, classes: int) -> None:
    """More than a block, equal scores among them, classes in places of their own as Ultralytics puts them."""
    generator = torch.Generator().manual_seed(count)
    corners = torch.randint(0, 60, (count, 2), generator=generator).float()
    corners += torch.randint(0, classes, (count, 1), generator=generator) * 7680
    boxes = torch.cat((corners, corners + torch.randint(4, 40, (count, 2), generator=generator)), 1)
    scores = torch.randint(0, 100, (count,), generator=generator) / 100
    kept: list[int] = []
    for index in scores.argsort(descending=True, stable=True).tolist():
        x1, y1, x2, y2 = boxes[index].tolist()
        for a1, b1, a2, b2 in boxes[kept].tolist():
            shared = max(0, min(x2, a2) - max(x1, a1)) * max(0, min(y2, b2) - max(y1, b1))
            if shared / ((x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - shared) > 0.5:
                break
        else:
            kept.append(index)
    assert nms(boxes, scores, 0.5).tolist() == kept
