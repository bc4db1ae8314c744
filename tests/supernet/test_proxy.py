"""The proxy ``supernet`` at several image sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nas.data.dataset import Split
from nas.proxies.fidelity import with_fidelity
from nas.proxies.recipe import Recipe
from nas.spaces.architecture import decode
from nas.supernet import branches
from nas.supernet.proxy import SupernetProxy
from nas.supernet.training import SupernetTraining

TINY = Recipe(imgsz=64, batch=2, steps=1, val_images=2)
MEMBER = decode(
    "yolov8n.1/p2:c2f_e0.5_n1_c32/p3:csp-faster_r4_e2_n1_c48/p4:c2f_e0.5_n2_c128/p5:c2f_e0.5_n1_c256"
).detector(6)


def test_a_row_is_trained_at_the_image_size_of_its_candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order candidates of several sizes are scored."""
    monkeypatch.setattr(branches, "RECIPE", Recipe(batch=4, steps=2, lr=3e-3))

    def weights(*sizes: int) -> torch.Tensor:
        base = SupernetProxy("shapes", tmp_path, recipe=TINY, template_recipe=TINY, sizes=(64, 32))
        base.prepare()
        for size in sizes:
            proxy = with_fidelity(base, 1, size / 64)
            assert isinstance(proxy, SupernetProxy)
            found = proxy.extract(MEMBER).model[4].state_dict()
        return torch.cat([value.flatten().float() for value in found.values()])

    small, large = weights(32), weights(64)
    assert not torch.equal(small, large)
    for file in (tmp_path / "rows").iterdir():
        file.unlink()
    assert torch.equal(weights(64, 32), small)


def test_the_training_sees_images_of_the_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def run(self: SupernetTraining, split: Split, *arguments: object) -> int:
        seen.append(split.images.shape[-1])
        return 1

    monkeypatch.setattr(SupernetTraining, "run", run)
    recipe = Recipe(imgsz=32, batch=2, steps=1, val_images=2)
    proxy = SupernetProxy("shapes", tmp_path, recipe=recipe, template_recipe=recipe, sizes=(64, 32))
    proxy.prepare()
    assert seen == [64]
