from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nas.data import load
from nas.detectors import TEMPLATES, Network, Stage
from nas.errors import InputError
from nas.proxies import Recipe
from nas.proxies.inherit import Inherited, inherited

TEMPLATE = TEMPLATES["yolov8n"]
STOCK = TEMPLATE.stock(2)


def test_neck_and_head_come_from_the_template_and_the_backbone_does_not() -> None:
    torch.manual_seed(0)
    weights, network = Network(STOCK).state_dict(), Network(STOCK)
    own = {key: value.clone() for key, value in network.state_dict().items()}
    state = inherited(network, STOCK, STOCK, weights)
    for key, value in state.items():
        backbone = int(key.split(".")[1]) < STOCK.backbone
        assert torch.equal(value, own[key] if backbone else weights[key]), key


def test_changed_widths_are_taken_over_map_by_map() -> None:
    narrow = TEMPLATE.assemble([Stage(c, 1, "C2f", (c, True)) for c in (32, 96, 96, 192)], 2)
    torch.manual_seed(0)
    weights, network = Network(STOCK).state_dict(), Network(narrow)
    own = {key: value.clone() for key, value in network.state_dict().items()}
    state = inherited(network, narrow, STOCK, weights)
    old, new = weights["model.12.cv1.conv.weight"], state["model.12.cv1.conv.weight"]  # joins P5 (192) and P4 (96)
    assert torch.equal(new[:, :192], old[:, :192]) and torch.equal(new[:, 192:], old[:, 256:352])
    old, new = weights["model.15.cv1.conv.weight"], state["model.15.cv1.conv.weight"]  # the neck (128) and P3 (96)
    assert torch.equal(new[:, :192], old)
    assert torch.equal(new[:, 192:], own["model.15.cv1.conv.weight"][:, 192:])


def test_prepare_is_resumable_and_weights_can_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = Recipe(imgsz=64, batch=2, steps=2, val_images=4)
    first = Inherited("shapes", tmp_path, recipe=tiny, template_recipe=tiny)
    first.prepare()
    (path,) = tmp_path.iterdir()
    monkeypatch.setattr("nas.proxies.inherit.train", None)  # a second training would fail
    Inherited(first.dataset, tmp_path, recipe=tiny, template_recipe=tiny).prepare()
    given = Inherited(first.dataset, tmp_path / "elsewhere", recipe=tiny, weights=path)
    given.prepare()
    assert given.fingerprint != first.fingerprint
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("content", [b"", b"not weights", "other"])
def test_bad_weights_get_one_line(content: bytes | str, tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save({"somebody.else": torch.zeros(1)}, file)
    recipe = Recipe(imgsz=64, batch=2, steps=2, val_images=4)
    proxy = Inherited(load("shapes", 64, max_train=4, max_val=4), tmp_path, recipe=recipe, weights=file)
    with pytest.raises(InputError, match=r"weights.pt: .* give a state dict of yolov8n") as caught:
        proxy.prepare()
    assert "\n" not in str(caught.value)
