"""The template that candidates start from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nas.data import load
from nas.errors import InputError
from nas.proxies import Recipe
from nas.proxies.inherit import Inherited

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


@pytest.mark.parametrize("content", [b"", b"not weights", "other"])
def test_bad_weights_get_one_line(content: bytes | str, tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save({"somebody.else": torch.zeros(1)}, file)
    proxy = Inherited(load("shapes", 64, max_train=4, max_val=4), tmp_path, recipe=TINY, weights=file)
    with pytest.raises(InputError, match=r"weights.pt: .* give a state dict of yolov8n") as caught:
        proxy.prepare()
    assert "\n" not in str(caught.value)
