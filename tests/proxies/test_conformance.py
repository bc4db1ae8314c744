"""What every proxy of the registry must keep to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.data import Dataset, Split
from nas.data.dataset import fingerprint
from nas.detectors import TEMPLATES, Network
from nas.proxies import PROXIES, Inherited, Proxy, ProxyError, Recipe
from nas.proxies.train import fit, reproducible, set_prior

TINY = Recipe(imgsz=64, batch=4, steps=3, val_images=8)
LEARNING = replace(TINY, batch=8, steps=40, lr=4e-3)


def squares(count: int, seed: int) -> Split:
    """Grey images with one bright square each; the only class is easy to find."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(90, 110, (count, 3, 64, 64), generator=generator, dtype=torch.uint8)
    boxes = []
    for image in images:
        side, x, y = (
            int(torch.randint(low, high, (), generator=generator)) for low, high in ((20, 33), (0, 31), (0, 31))
        )
        image[:, y : y + side, x : x + side] = 240
        boxes.append(torch.tensor([[0.0, x, y, x + side, y + side]]))
    return Split(images, tuple(boxes))


@pytest.fixture(scope="module")
def data() -> Dataset:
    train, val = squares(32, 0), squares(16, 1)
    return Dataset("squares", ("square",), train, val, fingerprint(1, train, val), "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proxy")


@pytest.fixture(params=sorted(PROXIES))
def kind(request: pytest.FixtureRequest) -> type[Proxy]:
    return PROXIES[request.param]


def build(kind: type[Proxy], data: Dataset, folder: Path, recipe: Recipe = TINY) -> Proxy:
    if issubclass(kind, Inherited):
        return kind(data, folder, recipe=recipe, template_recipe=TINY)
    return kind(data, folder, recipe=recipe)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small steps on several threads crawl where something else is running."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


STOCK = TEMPLATES["yolov8n"].stock(1)


def test_the_name_is_the_registry_key(kind: type[Proxy]) -> None:
    assert PROXIES[kind.name] is kind


def test_same_seed_same_score_and_global_state_is_left_alone(kind: type[Proxy], data: Dataset, folder: Path) -> None:
    proxy = build(kind, data, folder)
    proxy.prepare()
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first = proxy.score(STOCK, 3)
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.are_deterministic_algorithms_enabled()
    torch.manual_seed(99)
    again = build(kind, data, folder)
    again.prepare()
    second = again.score(STOCK, 3)
    assert (first.score, first.curve) == (second.score, second.curve)


def test_another_seed_trains_differently(kind: type[Proxy], data: Dataset, folder: Path) -> None:
    proxy = build(kind, data, folder)
    assert proxy.score(STOCK, 1).curve != proxy.score(STOCK, 2).curve


def test_outcome(kind: type[Proxy], data: Dataset, folder: Path) -> None:
    seen: list[float] = []
    outcome = build(kind, data, folder).score(STOCK, 0, seen.append)
    assert 0 <= outcome.score <= 1 and outcome.seconds > 0
    assert seen[-1] == 1 and seen == sorted(seen)
    assert outcome.curve[-1]["step"] == TINY.steps
    assert all(math.isfinite(value) for row in outcome.curve for value in row.values())
    assert {"step", "loss", "box", "cls", "dfl", "lr"} == set(outcome.curve[0])


def test_training_tells(kind: type[Proxy], data: Dataset, folder: Path) -> None:
    """A network that cannot learn scores far below one that can.

    Not zero: boxes of a few cells strewn over one large square an image hit it by chance.
    """
    trained = build(kind, data, folder, LEARNING).score(STOCK, 0).score
    stuck = build(kind, data, folder, replace(LEARNING, lr=0.0)).score(STOCK, 0).score
    assert trained > 0.5
    assert stuck < 0.2


def test_a_diverging_loss_is_an_error_with_its_reason(
    kind: type[Proxy], data: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = build(kind, data, folder)
    proxy.prepare()
    real = Network.__init__

    def poisoned(self: Network, *args: object) -> None:
        real(self, *args)  # type: ignore[arg-type]
        next(self.parameters()).data.fill_(math.nan)

    monkeypatch.setattr(Network, "__init__", poisoned)
    with pytest.raises(ProxyError, match="loss became nan at step 1"):
        proxy.score(STOCK, 0)
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_fingerprint_covers_recipe_and_data_but_not_seed_or_folder(
    kind: type[Proxy], data: Dataset, folder: Path, tmp_path: Path
) -> None:
    base = build(kind, data, folder)
    assert base.fingerprint == build(kind, data, tmp_path).fingerprint
    others = {
        base.fingerprint,
        build(kind, data, folder, replace(TINY, lr=1e-3)).fingerprint,
        build(kind, replace(data, fingerprint="0" * 16), folder).fingerprint,
        *(build(other, data, folder).fingerprint for other in PROXIES.values()),
    }
    assert len(others) == 2 + len(PROXIES)


def test_data_at_another_size_is_refused(kind: type[Proxy], data: Dataset, folder: Path) -> None:
    with pytest.raises(ValueError, match="64 px, the recipe at 96 px"):
        build(kind, data, folder, replace(TINY, imgsz=96))


def test_output_that_is_not_finite_is_an_error(data: Dataset) -> None:
    """Weights can turn bad in the last step, after the last loss was looked at."""
    with reproducible(0):
        network = Network(STOCK)
        with pytest.raises(ProxyError, match="not finite"):
            fit(network, data, replace(TINY, steps=1, lr=math.inf), 0, device="cpu", progress=None)


def test_a_validation_split_without_boxes_is_an_error(data: Dataset, folder: Path) -> None:
    empty = Split(data.val.images, tuple(torch.zeros(0, 5) for _ in data.val.boxes))
    with pytest.raises(ProxyError, match="no box"):
        build(PROXIES["short"], replace(data, val=empty), folder).score(STOCK, 0)


def test_prior_sets_what_the_head_predicts(data: Dataset) -> None:
    network = Network(STOCK)
    set_prior(network, 0.01, 2.0)
    for branch in (*network.model[-1].cv2, *network.model[-1].cv3):  # type: ignore[misc]
        nn.init.zeros_(branch[-1].weight)
    output = network.eval()(torch.rand(1, 3, 64, 64))
    assert isinstance(output, torch.Tensor)
    assert output[0, 4:].min().item() == pytest.approx(0.01, rel=1e-4)
    cells = output[0, 2:4, :64] / 8  # the finest level: two sides of about 1.5 cells each
    assert cells.min() > 2.5 and cells.max() < 3.5
