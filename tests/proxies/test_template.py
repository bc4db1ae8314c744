"""The template that candidates start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.proxies.inherit import Inherited
from nas.proxies.recipe import Recipe

TINY = Recipe(imgsz=64, batch=2, steps=2, val_images=4)


def test_prepare_is_resumable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Inherited("shapes", tmp_path, recipe=TINY, template_recipe=TINY)
    first.prepare()
    monkeypatch.setattr("nas.proxies.trained_template.train", None)  # a second training would fail
    again = Inherited(first.dataset, tmp_path, recipe=TINY, template_recipe=TINY)
    again.prepare()
    assert again.fingerprint == first.fingerprint
