"""The template that candidates start from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nas.data.loading import load
from nas.detectors.network import Network
from nas.detectors.templates import TEMPLATES
from nas.errors import TransferError
from nas.proxies.inherit import Inherited
from nas.proxies.recipe import Recipe

TINY = Recipe(imgsz=64, batch=2, steps=2, val_images=4)


def test_prepare_is_resumable_and_weights_can_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Inherited("shapes", tmp_path, recipe=TINY, template_recipe=TINY)
    first.prepare()
    (path,) = tmp_path.iterdir()
    monkeypatch.setattr("nas.proxies.template.train", None)  # a second training would fail
    Inherited(first.dataset, tmp_path, recipe=TINY, template_recipe=TINY).prepare()
    given = Inherited(first.dataset, tmp_path / "elsewhere", recipe=TINY, weights=path)
    given.prepare()
    assert given.fingerprint != first.fingerprint
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("content", [b"", b"not weights", "other", "wider"])
def test_bad_weights_get_one_line(content: bytes | str, tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        weights = {"somebody.else": torch.zeros(1)}
        if content == "wider":
            weights = Network(TEMPLATES["yolov8n"].stock(6)).state_dict()
            weights["model.1.conv.weight"] = torch.zeros(64, 32, 3, 3)
        torch.save(weights, file)
    data = load("shapes", 64, max_train=4, max_val=4)
    with pytest.raises(TransferError) as caught:
        Inherited(data, tmp_path, recipe=TINY, weights=file)
    assert caught.value.file == file and caught.value.hint == "give a state dict of yolov8n saved by torch.save"
    assert "\n" not in str(caught.value)


def test_weights_of_other_classes_are_those_of_the_template(tmp_path: Path) -> None:
    """Such as COCO's 80: all but the class branch of the head is the same."""
    file = tmp_path / "weights.pt"
    torch.save(Network(TEMPLATES["yolov8n"].stock(80), 1).state_dict(), file)
    proxy = Inherited(load("shapes", 64, max_train=4, max_val=4), tmp_path, recipe=TINY, weights=file)
    network = proxy.template.network()
    assert torch.equal(network.state_dict()["model.1.conv.weight"], torch.load(file)["model.1.conv.weight"])
    assert proxy.score(TEMPLATES["yolov8n"].stock(6), 0).score >= 0
