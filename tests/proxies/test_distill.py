"""The accuracy table: stages that reproduce the template's."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from nas.data.loading import load
from nas.detectors.network import Network
from nas.detectors.templates import BACKBONE, TEMPLATES, Stage
from nas.errors import ConfigError
from nas.proxies.distill import Distilled, regression
from nas.proxies.outcome import ProxyError
from nas.proxies.recipe import Recipe
from nas.spaces.space import load_space

TEMPLATE = TEMPLATES["yolov8n"]
TINY = Recipe(imgsz=64, batch=2, steps=2, val_images=4)


class OneMember(Distilled):
    members = 1
    member_recipe = TINY


def test_a_searched_head_is_refused() -> None:
    proxy = Distilled.__new__(Distilled)  # without data, which this does not need
    proxy.space = load_space("yolov8n-pretrained")
    with pytest.raises(ConfigError, match="varies t4, t3, b4, b5, head"):
        proxy.prepare()


def test_a_choice_of_the_template_reproduces_more_than_a_narrow_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = load("shapes", 64, max_train=48, max_val=16)
    recipe, space = Recipe(batch=16, steps=30, lr=3e-3), load_space("yolov8n")
    proxy = OneMember(data, tmp_path, space=space, recipe=recipe, template_recipe=TINY)
    proxy.prepare()
    narrow = TEMPLATE.assemble(
        {name: Stage(c, 1, "C2f", (c, True)) for name, c in zip(BACKBONE, (16, 32, 64, 128), strict=True)}, data.nc
    )
    wide, thin = proxy._entries(TEMPLATE.stock(data.nc), 0), proxy._entries(narrow, 0)
    assert sum(wide) < 0  # 0: nothing but the means
    assert sum(wide) < sum(thin)
    files = sorted(path.name for path in next(tmp_path.glob("entries-*")).iterdir())
    proxy._entries(narrow, 0)
    assert sorted(path.name for path in next(tmp_path.glob("entries-*")).iterdir()) == files
    real = Network.__init__

    def dead(self: Network, *args: object) -> None:
        real(self, *args)  # type: ignore[arg-type]
        for parameter in self.parameters():
            if parameter.ndim > 1:
                parameter.data.zero_()

    monkeypatch.setattr(Network, "__init__", dead)
    assert sum(proxy._entries(TEMPLATE.stock(data.nc), 1)) > sum(wide)
    assert proxy._maps is not None
    proxy._maps.train[0].fill_(math.nan)
    with pytest.raises(ProxyError, match="loss of stage p2 became nan at step 1"):
        proxy._entries(narrow, 2)


def test_the_regression_finds_slopes_and_shares_them_where_it_cannot() -> None:
    rng = np.random.default_rng(0)
    entries = rng.normal(size=(400, 4))
    slopes = np.array([-0.1, -0.2, -0.3, -0.4])
    found = regression(entries, 0.5 + entries @ slopes)
    assert found == pytest.approx([0.5, *slopes], abs=0.01)
    few = regression(entries[:3], entries[:3].sum(1))
    assert all(math.isfinite(slope) for slope in few)
