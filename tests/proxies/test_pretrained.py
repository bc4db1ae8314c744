"""Pretrained models: read without running their code, and trained on data of other classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nas.data.dataset import Dataset
from nas.data.loading import load
from nas.detectors.network import Network
from nas.detectors.templates import TEMPLATES
from nas.detectors.wide_head import network_with_hidden
from nas.errors import TransferError
from nas.proxies.inherit import Inherited
from nas.proxies.pretrained import FineTuning, PretrainedTemplate, read_pretrained
from nas.proxies.recipe import Recipe
from nas.proxies.teacher import Teacher

TINY = Recipe(imgsz=64, batch=2, steps=2, val_images=4)
STOCK = TEMPLATES["yolov8n"].stock


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load("shapes", 64, max_train=4, max_val=4)


def weights(nc: int, seed: int = 1) -> dict[str, Tensor]:
    return Network(STOCK(nc), seed).state_dict()


@pytest.mark.parametrize("prefix", ["", "model."])
def test_a_state_dict_is_read(prefix: str, tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    torch.save({f"{prefix}{key}": value.half() for key, value in weights(80).items()}, file)
    found = read_pretrained(file, ["yolo11n", "yolov8n"])
    assert found.detector == STOCK(80) and not found.names
    key = "model.1.conv.weight"
    torch.testing.assert_close(found.network.state_dict()[key], weights(80)[key], rtol=1e-3, atol=1e-3)


def test_a_head_wider_than_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    torch.save(network_with_hidden(STOCK(1), 80).state_dict(), file)
    assert read_pretrained(file, ["yolov8n"]).network.state_dict()["model.22.cv3.0.2.weight"].shape[1] == 80


def empty(file: Path) -> None:
    file.write_bytes(b"")


def text(file: Path) -> None:
    file.write_text("not weights")


def other_keys(file: Path) -> None:
    torch.save({"somebody.else": torch.zeros(1)}, file)


def wider(file: Path) -> None:
    torch.save(weights(6) | {"model.1.conv.weight": torch.zeros(64, 32, 3, 3)}, file)


def cut(file: Path) -> None:
    torch.save(weights(6), file)
    file.write_bytes(file.read_bytes()[:-1000])


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("run-by-a-pickle"),))


def runs_code(file: Path) -> None:
    torch.save({"model": Evil()}, file)


def a_tensor(file: Path) -> None:
    torch.save(torch.zeros(3), file)


def directory(file: Path) -> None:
    file.mkdir()


@pytest.mark.parametrize("bad", [empty, text, other_keys, wider, cut, runs_code, a_tensor, directory])
def test_a_bad_file_gets_one_line(bad: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "weights.pt"
    bad(file)
    with pytest.raises(TransferError) as caught:
        read_pretrained(file, ["yolov8n"])
    assert caught.value.file == file and "\n" not in str(caught.value)
    assert not Path("run-by-a-pickle").exists()


def test_a_model_of_the_same_classes_is_used_as_it_is(data: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    torch.save(weights(data.nc), file)
    template = PretrainedTemplate("yolov8n", data, TINY, "cpu", file)
    template.prepare(tmp_path / "proxy")
    assert template.teacher.epochs == 0 and template.teacher.names == data.classes
    assert torch.equal(template.state["model.1.conv.weight"], weights(data.nc)["model.1.conv.weight"])
    template.write(tmp_path / "copy.pt", tmp_path / "proxy")
    copy = read_pretrained(tmp_path / "copy.pt", ["yolov8n"])
    assert copy.is_checkpoint and copy.names == data.classes  # which Ultralytics reads, unlike a state dict


def test_a_model_of_other_classes_is_trained_first(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, folder = tmp_path / "weights.pt", tmp_path / "proxy"
    torch.save(weights(80), file)

    def template(epochs: int) -> PretrainedTemplate:
        return PretrainedTemplate("yolov8n", data, TINY, "cpu", file, FineTuning(epochs, 64))

    first = template(1)
    first.prepare(folder)
    assert first.teacher.epochs == 1 and first.teacher.detector.nc == data.nc
    moved, given = (state["model.1.conv.weight"] for state in (first.state, weights(80)))
    assert not torch.equal(moved, given) and (moved - given).abs().max() < 0.1
    monkeypatch.setattr("nas.proxies.pretrained.train", None)  # a second training would fail
    again = template(1)
    again.prepare(folder)
    assert torch.equal(again.state["model.1.conv.weight"], moved)
    assert template(2).facts() != first.facts()


def test_names_tell_classes_apart(data: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    torch.save(weights(data.nc), file)
    model = read_pretrained(file, ["yolov8n"])
    assert not model.is_foreign(data)
    assert replace(model, names=("a",) * data.nc).is_foreign(data)
    assert not replace(model, names=data.classes).is_foreign(data)


def test_a_candidate_inherits_from_a_pretrained_model(data: Dataset, tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    torch.save(weights(data.nc), file)
    proxy = Inherited(data, tmp_path, recipe=TINY, pretrained=file)
    proxy.prepare()
    state = proxy.initial_state(Network(STOCK(data.nc), 5), STOCK(data.nc))
    assert torch.equal(state["model.1.conv.weight"], weights(data.nc)["model.1.conv.weight"])


def test_a_teacher_is_stored_and_read(tmp_path: Path) -> None:
    teacher = Teacher(STOCK(1), network_with_hidden(STOCK(1), 80), ("one",), 3)
    teacher.save(tmp_path / "teacher.pt")
    found = Teacher.load(tmp_path / "teacher.pt")
    assert (found.detector, found.names, found.epochs) == (teacher.detector, ("one",), 3)
    expected = teacher.network.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in found.network.state_dict().items())
    (tmp_path / "teacher.pt").write_bytes(b"half")
    with pytest.raises(TransferError, match="not readable as a teacher"):
        Teacher.load(tmp_path / "teacher.pt")
