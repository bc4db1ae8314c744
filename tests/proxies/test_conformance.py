"""Conformance suite of all registered proxies."""

from __future__ import annotations

import gc
import json
import math
import subprocess
import sys
import weakref
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.data.dataset import Dataset, Split, fingerprint
from nas.data.loading import load
from nas.detectors.network import Network
from nas.detectors.templates import TEMPLATES
from nas.errors import ConfigError
from nas.proxies.base import Proxy
from nas.proxies.distill import Distilled
from nas.proxies.fidelity import with_fidelity
from nas.proxies.outcome import ProxyError
from nas.proxies.recipe import Recipe
from nas.proxies.registry import PROXIES, proxy_class, score_unit
from nas.proxies.rungs import FACTOR, RUNGS
from nas.proxies.short import ShortTraining
from nas.proxies.template import FromTemplate
from nas.proxies.train import fit, reproducible, set_prior
from nas.proxies.zerocost import ZeroCostVote
from nas.spaces.space import Space, load_space
from nas.supernet.proxy import SupernetProxy

TINY = Recipe(imgsz=64, batch=4, steps=3, val_images=8)
LEARNING = replace(TINY, batch=8, steps=40, lr=4e-3)


class FewMembers(Distilled):
    members = 2
    member_recipe = TINY


class FewVotes(ZeroCostVote):
    members = 2


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
    return proxy_class(request.param)


@pytest.fixture(params=sorted(name for name, proxy in PROXIES.items() if proxy.trains))
def trainer(request: pytest.FixtureRequest) -> type[Proxy]:
    """Of those, one that trains."""
    return proxy_class(request.param)


def build(kind: type[Proxy], data: Dataset, folder: Path, recipe: Recipe = TINY, space: Space | None = None) -> Proxy:
    if issubclass(kind, FromTemplate):
        if kind is Distilled:  # tells no necks apart
            searched = space or load_space("yolov8n")
            return FewMembers(data, folder, space=searched, recipe=recipe, template_recipe=TINY)
        # Members of a template that has learned nothing score 0 with every seed.
        taught = LEARNING if kind is SupernetProxy else TINY
        return kind(data, folder, recipe=recipe, template_recipe=taught, space=space)
    if issubclass(kind, ZeroCostVote):
        return FewVotes(data, folder, recipe=recipe, space=space)
    return kind(data, folder, recipe=recipe, space=space)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small steps on several threads crawl where something else is running."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


STOCK = TEMPLATES["yolov8n"].stock(1)


def all_scores(data: Dataset, folder: Path) -> dict[str, float]:
    """By proxy, the score of the stock model with seed 3."""
    torch.set_num_threads(1)
    return {name: build(proxy_class(name), data, folder).score(STOCK, 3).score for name in PROXIES}


def test_the_registry_tells_the_facts_of_the_class(kind: type[Proxy]) -> None:
    info = PROXIES[kind.name]
    assert info.import_string == f"{kind.__module__}:{kind.__name__}"
    assert (info.trains, info.unit) == (kind.trains, kind.unit)
    assert info.steps == (kind.recipe.steps if kind.trains or kind is SupernetProxy else None)
    assert info.detects is (kind.trains or kind is SupernetProxy)
    assert info.uses_template is issubclass(kind, FromTemplate)
    assert info.summary


def test_an_unknown_proxy_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        proxy_class("nwot")
    assert (error.value.field, error.value.value) == ("proxy", "nwot")


def test_units_of_runs_of_earlier_versions() -> None:
    assert score_unit("short") == "AP50-95 (proxy)"
    assert score_unit("nwot") == "score (untrained)"


def test_the_registry_needs_no_torch() -> None:
    modules = "nas.proxies.registry, nas.proxies.rungs, nas.proxies.outcome, nas.execution.executors"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


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


def test_another_seed_is_another_try(kind: type[Proxy], data: Dataset, folder: Path) -> None:
    proxy = build(kind, data, folder)
    one, other = proxy.score(STOCK, 1), proxy.score(STOCK, 2)
    assert (one.score, one.curve) != (other.score, other.curve)


def test_two_processes_agree(data: Dataset, folder: Path, tmp_path: Path) -> None:
    """Of all proxies at once: a process takes seconds to start."""
    torch.save(data, tmp_path / "data.pt")
    scores = tmp_path / "scores.json"
    subprocess.run([sys.executable, __file__, tmp_path / "data.pt", tmp_path / "other", scores], check=True)
    assert json.loads(scores.read_text()) == all_scores(data, folder)


def test_memory_is_freed(kind: type[Proxy], data: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = build(kind, data, folder)
    proxy.prepare()
    made = weakref.WeakSet[Network]()
    count = 0
    real = Network.__init__

    def watched(self: Network, *args: object) -> None:
        nonlocal count
        real(self, *args)  # type: ignore[arg-type]
        made.add(self)
        count += 1

    monkeypatch.setattr(Network, "__init__", watched)
    proxy.score(STOCK, 0)
    gc.collect()
    assert len(made) == 0
    assert count > 0


def test_a_network_without_features_scores_at_the_bottom(
    kind: type[Proxy], data: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that sees every image black: lower than any other, or refused."""
    if kind is Distilled:
        pytest.skip("its entries are worse then (test_distill.py); what they mean is fitted on more members than here")
    proxy = build(kind, data, folder, LEARNING if kind.trains else TINY)
    proxy.prepare()
    smallest = load_space("tiny").smallest().detector(1)
    others = [proxy.score(detector, 0).score for detector in (STOCK, smallest)]
    real = Network.forward
    monkeypatch.setattr(Network, "forward", lambda self, x: real(self, 0 * x))
    if PROXIES[kind.name].detects:
        assert proxy.score(STOCK, 0).score < min(others)
    else:
        with pytest.raises(ProxyError, match=r"became -?(inf|nan)"):
            proxy.score(STOCK, 0)


def test_outcome(kind: type[Proxy], data: Dataset, folder: Path) -> None:
    seen: list[float] = []
    proxy = build(kind, data, folder)
    proxy.prepare()
    outcome = proxy.score(STOCK, 0, seen.append)
    assert math.isfinite(outcome.score) and outcome.seconds > 0
    assert seen[-1] == 1 and seen == sorted(seen)
    assert bool(outcome.curve) is kind.trains


def test_wait_for_outcome_a_training(trainer: type[Proxy], data: Dataset, folder: Path) -> None:
    outcome = build(trainer, data, folder).score(STOCK, 0)
    assert 0 <= outcome.score <= 1
    assert outcome.curve[-1]["step"] == TINY.steps
    assert all(math.isfinite(value) for row in outcome.curve for value in row.values())
    assert {"step", "loss", "box", "cls", "dfl", "lr"} == set(outcome.curve[0])


def test_training_tells(trainer: type[Proxy], data: Dataset, folder: Path) -> None:
    """A network that cannot learn scores far below one that can.

    Not zero: boxes of a few cells strewn over one large square an image hit it by chance.
    """
    trained = build(trainer, data, folder, LEARNING).score(STOCK, 0).score
    stuck = build(trainer, data, folder, replace(LEARNING, lr=0.0)).score(STOCK, 0).score
    assert trained > 0.5
    assert stuck < 0.2


def test_a_network_that_is_not_finite_is_an_error_with_its_reason(
    kind: type[Proxy], data: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind is Distilled:
        pytest.skip("it runs stages, not networks: test_distill.py")
    proxy = build(kind, data, folder)
    proxy.prepare()
    real = Network.forward
    monkeypatch.setattr(Network, "forward", lambda self, x: real(self, math.nan * x))
    reason = "loss became nan at step 1" if kind.trains else "became (nan|-?inf)|output is not finite"
    with pytest.raises(ProxyError, match=reason):
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
        *(build(proxy_class(name), data, folder).fingerprint for name in PROXIES),
    }
    assert len(others) == 2 + len(PROXIES)


def test_the_fingerprint_covers_the_space_where_a_score_hangs_on_it(
    kind: type[Proxy], data: Dataset, folder: Path
) -> None:
    """The cache of scores knows nothing else of the space."""
    one, other = (build(kind, data, folder, space=load_space(name)) for name in ("yolov8n", "tiny"))
    scores = [proxy.score(STOCK, 0).score for proxy in (one, other)]
    assert scores[0] == scores[1] or one.fingerprint != other.fingerprint


def test_data_at_another_size_is_refused(kind: type[Proxy], data: Dataset, folder: Path) -> None:
    with pytest.raises(ValueError, match="64 px, the recipe at 96 px"):
        build(kind, data, folder, replace(TINY, imgsz=96))


def test_a_higher_rung_trains_longer_and_the_last_is_scored_on_the_test_split(
    kind: type[Proxy], data: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.proxies.fidelity.load_test", lambda name, imgsz, content: data.val)
    monkeypatch.setattr(ShortTraining, "recipe", TINY)
    proxy = build(kind, data, folder)
    ladder = [with_fidelity(proxy, rung) for rung in range(1, RUNGS + 1)]
    assert ladder[0] is proxy
    assert [one.recipe.steps for one in ladder[1:]] == [TINY.steps * FACTOR**rung for rung in range(1, RUNGS)]
    assert len({one.fingerprint for one in ladder}) == RUNGS
    outcomes = [one.score(STOCK, 0) for one in ladder[1:]]
    assert [outcome.curve[-1]["step"] for outcome in outcomes] == [one.recipe.steps for one in ladder[1:]]
    # The test split is the validation split here.
    assert [outcome.test_score for outcome in outcomes] == [None] * (RUNGS - 2) + [outcomes[-1].score]
    assert proxy.test_split is None and proxy.recipe == TINY


def test_output_that_is_not_finite_is_an_error(data: Dataset) -> None:
    """Weights can turn bad in the last step, after the last loss was looked at."""
    with reproducible(0):
        network = Network(STOCK)
        with pytest.raises(ProxyError, match="not finite"):
            fit(network, data, replace(TINY, steps=1, lr=math.inf), 0, device="cpu")


def test_a_validation_split_without_boxes_is_an_error(data: Dataset, folder: Path) -> None:
    empty = Split(data.val.images, tuple(torch.zeros(0, 5) for _ in data.val.boxes))
    with pytest.raises(ProxyError, match="no box"):
        build(ShortTraining, replace(data, val=empty), folder).score(STOCK, 0)


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


if __name__ == "__main__":
    saved, other, written = sys.argv[1:]
    # Written by the test that runs this.
    Path(written).write_text(json.dumps(all_scores(torch.load(saved, weights_only=False), Path(other))))


def test_larger_images_are_the_same_ones_in_more_pixels(
    trainer: type[Proxy], data: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 1.3 times 64 pixels an image takes 83, in the middle of 96."""
    monkeypatch.setattr("nas.proxies.fidelity.load", partial(load, max_train=8, max_val=8))
    proxy = build(trainer, replace(data, name="shapes"), folder)
    assert with_fidelity(proxy, 1, 1.0) is proxy
    larger = with_fidelity(proxy, 1, 1.3)
    assert (larger.recipe.imgsz, proxy.recipe.imgsz) == (96, 64)
    assert larger.recipe == replace(proxy.recipe, imgsz=96)
    assert torch.equal(larger.dataset.train.images, load("shapes", 96, content=83, max_train=8).train.images)
    assert larger.fingerprint != proxy.fingerprint != with_fidelity(proxy, 2, 1.3).fingerprint != larger.fingerprint
    assert math.isfinite(larger.score(TEMPLATES["yolov8n"].stock(6), 0).score)
