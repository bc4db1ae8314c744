"""Image size of the proxy: the rule over box sizes, and its use in a search."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nas.config import SearchConfig
from nas.data.dataset import Dataset, Split
from nas.data.loading import load
from nas.progress import Progress, silent
from nas.proxies.image_size import CELL, LARGEST, USUAL, choose_imgsz, object_side
from nas.proxies.recipe import Recipe
from nas.proxies.template import FromTemplate
from nas.search.sized_proxy import sized_proxy


def dataset(*boxes: tuple[float, float], side: int = 64) -> Dataset:
    """A data set of one image with boxes of these widths and heights in pixels."""
    rows = torch.tensor([[0.0, 1.0, 2.0, 1.0 + width, 2.0 + height] for width, height in boxes])
    split = Split(torch.zeros(1, 3, side, side, dtype=torch.uint8), (rows,))
    return Dataset("made up", ("thing",), split, split, "0", "")


@pytest.mark.parametrize(
    ("pixels", "deployment", "chosen"),
    [
        (20.0, 320, 64),  # a kangaroo
        (9.6, 320, 64),  # a blood cell of bccd
        (8.0, 320, 64),
        (7.9, 320, 96),
        (5.0, 320, 128),
        (3.9, 320, 160),  # a helmet
        (3.9, 128, 128),  # never larger than at deployment
        (0.5, 640, LARGEST),
        (0.5, 32, USUAL),
    ],
)
def test_the_median_object_covers_a_cell(pixels: float, deployment: int, chosen: int) -> None:
    assert choose_imgsz(pixels / USUAL, deployment) == chosen
    if chosen not in {deployment, LARGEST, USUAL}:
        assert pixels / USUAL * (chosen - 32) < CELL <= pixels / USUAL * chosen


def test_the_shorter_side_counts_and_the_median_of_all() -> None:
    assert object_side(dataset((30, 4), (8, 40), (60, 60))) == pytest.approx(8 / 64)
    assert object_side(dataset((10, 4), (40, 12), side=128)) == pytest.approx(8 / 128)


def test_the_built_in_set_stays_at_the_usual_size() -> None:
    assert choose_imgsz(object_side(load("shapes", USUAL, max_train=64, max_val=1)), 640) == USUAL


def test_real_sets_stay_at_the_usual_size(bccd: Path) -> None:
    assert choose_imgsz(object_side(load(bccd, USUAL, max_val=1)), 640) == USUAL


class Said:
    """A reporter that keeps its messages."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    @contextmanager
    def bar(self, title: str) -> Iterator[Progress]:
        yield silent


@pytest.fixture
def small_objects(tmp_path: Path) -> Path:
    """Four images with one object of 5.1 % of their side."""
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (tmp_path / kind / split).mkdir(parents=True)
        for number in range(2):
            Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(tmp_path / "images" / split / f"{number}.png")
            (tmp_path / "labels" / split / f"{number}.txt").write_text("0 0.5 0.5 0.051 0.3\n")
    file = tmp_path / "data.yaml"
    file.write_text(f"path: {tmp_path}\ntrain: images/train\nval: images/val\nnames: [dot]\n")
    return file


def test_a_search_trains_at_the_size_that_its_objects_need(small_objects: Path, tmp_path: Path) -> None:
    reporter = Said()
    said = reporter.lines

    def made(**options: Any) -> tuple[int, int, dict[str, Any]]:
        given = {"folder": tmp_path, "recipe": Recipe(steps=7)} if options.pop("steps", None) else {"folder": tmp_path}
        proxy, arguments = sized_proxy(SearchConfig(data=str(small_objects), **options), given, reporter)
        assert proxy.dataset.train.images.shape[-1] == proxy.recipe.imgsz
        return proxy.recipe.imgsz, proxy.recipe.steps, arguments

    assert made(steps=7)[:2] == (160, 7)
    (line,) = said
    assert "160 px" in line and "3.3 px wide at the usual 64 px and 8.2 px now" in line and "--proxy-imgsz" in line
    assert made(proxy_imgsz=96)[:2] == (96, 120) and len(said) == 1
    size, _, arguments = made(imgsz=64)
    assert (size, arguments) == (64, {"folder": tmp_path}) and len(said) == 1


def test_a_template_is_trained_at_the_size_of_the_proxy(small_objects: Path, tmp_path: Path) -> None:
    config = SearchConfig(data=str(small_objects), proxy="inherit", proxy_imgsz=96)
    proxy, _ = sized_proxy(config, {"folder": tmp_path}, Said())
    assert isinstance(proxy, FromTemplate)
    recipe = replace(FromTemplate.template_recipe, imgsz=96)
    assert proxy.template.facts()["weights"] == asdict(recipe)
