"""Nothing is trained twice."""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from nas.detectors.rows import Detector
from nas.detectors.templates import TEMPLATES
from nas.execution.score_cache import ScoreCache, cached
from nas.proxies.outcome import Outcome

CURVE: tuple[dict[str, float], ...] = ({"step": 1.0, "loss": 0.5},)
SEEN: tuple[dict[str, float], ...] = (
    {"image": 3, "x1": 0.5, "y1": 1.0, "x2": 7.5, "y2": 9.0, "score": 0.5, "class": 2},
)
STOCK, OTHER = TEMPLATES["yolov8n"].stock(3), TEMPLATES["yolov8n"].stock(4)


class Trainer:
    def __init__(self) -> None:
        self.trained: list[tuple[int, ...]] = []
        self.fault: Exception | None = None
        self.test: float | None = None

    def score(self, detector: Detector, seed: int, /, rung: int = 1, scale: float = 1.0) -> Future[Outcome]:
        self.trained.append((detector.nc, seed) if rung == 1 else (detector.nc, seed, rung))
        future: Future[Outcome] = Future()
        if self.fault is not None:
            future.set_exception(self.fault)
        else:
            future.set_result(Outcome(detector.nc + seed / 10, 1.5, CURVE, test_score=self.test, detections=SEEN))
        return future


@pytest.fixture
def cache(tmp_path: Path) -> ScoreCache:
    return ScoreCache(tmp_path, lambda rung, scale: f"{rung} {scale}", 1)


def test_what_was_trained_is_not_trained_again(cache: ScoreCache) -> None:
    trainer = Trainer()
    score = cached(trainer.score, cache)
    first = score(STOCK, 0).result()
    again = cached(trainer.score, cache)(STOCK, 0).result()
    assert trainer.trained == [(3, 0)]
    assert again == replace(first, cached=True)
    assert not first.cached


def test_what_an_earlier_release_kept_is_not_trained_again(cache: ScoreCache, tmp_path: Path) -> None:
    trainer = Trainer()
    first = cached(trainer.score, cache)(STOCK, 0).result()
    (file,) = tmp_path.rglob("*.json")
    held = json.loads(file.read_text())
    del held["seen"]
    file.write_text(json.dumps(held))
    assert cached(trainer.score, cache)(STOCK, 0).result() == replace(first, cached=True, detections=())
    assert len(trainer.trained) == 1


def test_another_detector_seed_proxy_or_thread_count_is_another_score(cache: ScoreCache) -> None:
    trainer = Trainer()
    for held in (
        cache,
        replace(cache, fingerprint=lambda rung, scale: f"other {rung} {scale}"),
        replace(cache, threads=2),
    ):
        for detector, seed in ((STOCK, 0), (OTHER, 0), (STOCK, 1)):
            assert cached(trainer.score, held)(detector, seed).result().score == detector.nc + seed / 10
    assert trainer.trained == [(3, 0), (4, 0), (3, 1)] * 3


def test_a_higher_rung_is_another_score_and_keeps_that_on_the_test_split(cache: ScoreCache) -> None:
    trainer = Trainer()
    trainer.test = 0.25
    for _ in range(2):
        outcomes = [cached(trainer.score, cache)(STOCK, 0, rung=rung).result() for rung in (1, 2)]
        assert [outcome.test_score for outcome in outcomes] == [0.25, 0.25]
    assert trainer.trained == [(3, 0), (3, 0, 2)]


def test_other_images_are_another_score(cache: ScoreCache) -> None:
    trainer = Trainer()
    for scale in (1.0, 1.5, 1.0, 1.5):
        cached(trainer.score, cache)(STOCK, 0, scale=scale).result()
    assert trainer.trained == [(3, 0)] * 2


def test_a_failure_is_tried_again(cache: ScoreCache) -> None:
    trainer = Trainer()
    trainer.fault = RuntimeError("out of memory")
    with pytest.raises(RuntimeError, match="out of memory"):
        cached(trainer.score, cache)(STOCK, 0).result()
    trainer.fault = None
    assert cached(trainer.score, cache)(STOCK, 0).result().score == 3
    assert len(trainer.trained) == 2


@pytest.mark.parametrize(
    "content", ["", "{", '{"score": 1.0}', '{"score": null, "seconds": 1, "curve": [], "test": null}', "[]"]
)
def test_a_damaged_file_is_trained_and_written_anew(content: str, cache: ScoreCache, tmp_path: Path) -> None:
    trainer = Trainer()
    cached(trainer.score, cache)(STOCK, 0).result()
    (file,) = tmp_path.rglob("*.json")
    file.write_text(content)
    assert cached(trainer.score, cache)(STOCK, 0).result() == Outcome(3.0, 1.5, CURVE, detections=SEEN)
    assert len(trainer.trained) == 2
    assert cached(trainer.score, cache)(STOCK, 0).result().cached
