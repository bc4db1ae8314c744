"""Found models against the size curve of the user's own model: the first sentence of a result, and free choices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from nas.config import SearchConfig
from nas.runs.finalists import Finalist
from nas.runs.gains import found_models, free_choice, headline, size_command
from nas.runs.record import Baselines, RunResult, RunStatus, TableSnapshot
from nas.runs.run import Run
from nas.runs.score_noise import ScoreNoise
from nas.runs.size_curve import SizeCurve, SizePoint
from nas.runs.teacher_record import TeacherRecord
from tests.runs.finalists import finalist
from tests.runs.records import record

CURVE = (
    SizePoint(320, 0.52, 30.0, 0.2, True),
    SizePoint(256, 0.46, 20.0, 0.1, True),
    SizePoint(192, 0.40, 12.0, 0.1, True),
)
TEACHER = TeacherRecord("teacher.pt", "/me/best.pt", "ab", 0, 0.52, ("a",))
STOCK = finalist("03-stock", 0.1, 30.0, ap=0.525, stock=True, weights="pareto/03-stock.pt")
NONE = "No found model beats your model at smaller images"
NAMES = ("01-a", "02-b")


def run(*found: tuple[float, float], curve: Sequence[SizePoint] = CURVE, seeds: float = 0.0, **options: object) -> Run:
    """A run whose models have these APs and latencies.

    Args:
        *found: AP and latency in ms of each found model.
        curve: The size curve.
        seeds: Spread of the scores.
        **options: Options of the search.
    """
    models = [
        finalist(name, 0.1, ms, ap=ap, weights=f"pareto/{name}.pt")
        for name, (ap, ms) in zip(NAMES, found, strict=False)
    ]
    result = RunResult(
        nc=1,
        unit="AP50-95 (supernet)",
        finalists=(*models, STOCK),
        stock=STOCK,
        baselines=Baselines(asked=(), left_out=()),
        table=TableSnapshot(path="a.csv", header={}),
        score_noise=ScoreNoise(seeds, 0.05, 0.04, 6),
        trust="",
        curve=tuple(curve),
        teacher=TEACHER,
    )
    return Run(Path("runs/x"), record(**options).model_copy(update={"result": result, "status": RunStatus.FINISHED}))


@pytest.mark.parametrize(
    ("found", "options", "sentence"),
    [
        (
            [(0.45, 12), (0.40, 20)],
            {},
            "1 of 2 found models beats your model at smaller images, 01-a: AP 0.450 at 12.00 ms, 0.050 above your "
            "model at 192 px (0.400), or 1.56 times as fast at equal AP.",
        ),
        (
            [(0.45, 12), (0.55, 25)],
            {},
            "Both found models beat your model at smaller images; the largest gain is that of 02-b: AP 0.550 at 25.00 "
            "ms, 0.060 above the size curve of your model (0.490).",
        ),
        (
            [(0.45, 12)],
            {},
            "01-a beats your model at smaller images: AP 0.450 at 12.00 ms, 0.050 above your model at 192 px (0.400), "
            "or 1.56 times as fast at equal AP.",
        ),
        (
            [(0.39, 13), (0.30, 20)],
            {},
            f"{NONE}: your model at 192 px is the better choice, with AP 0.400 at 12.00 ms, where 01-a has AP 0.390 at "
            "13.00 ms.",
        ),
        ([(0.42, 19)], {}, f"{NONE}: 01-a has AP 0.420 at 19.00 ms, 0.033 below the size curve of your model (0.453)."),
        (
            [(0.42, 19)],
            {"max_latency": 21},
            f"{NONE}: your model at 256 px is the better choice within 21 ms, with AP 0.460 at 20.00 ms, where 01-a "
            "has AP 0.420 at 19.00 ms.",
        ),
        (
            [(0.30, 9)],
            {},
            f"{NONE}: 01-a has AP 0.300 at 9.00 ms, faster than your model at 192 px, which has AP 0.400 at 12.00 ms.",
        ),
        ([], {}, f"{NONE}: your model at 320 px is the better choice, with AP 0.520 at 30.00 ms."),
        (
            [],
            {"max_latency": 21},
            f"{NONE}: your model at 256 px is the better choice within 21 ms, with AP 0.460 at 20.00 ms.",
        ),
        (
            [],
            {"max_latency": 9},
            "No found model is on the front, and your model at 192 px takes 12.00 ms, over the limit too.",
        ),
    ],
)
def test_the_first_sentence(found: list[tuple[float, float]], options: dict[str, object], sentence: str) -> None:
    assert headline(run(*found, **options)) == sentence


def with_proxy(run: Run, proxy: str) -> Run:
    config: SearchConfig = run.config.model_copy(update={"proxy": proxy})
    return Run(run.folder, run.record.model_copy(update={"config": config}))


def test_a_difference_within_noise_is_no_gain() -> None:
    of_short = run((0.45, 12), seeds=0.02)
    assert of_short.ap_noise == 0  # its scores are APs of short trainings at another size
    assert headline(of_short).startswith("01-a beats")
    noisy = with_proxy(of_short, "supernet")
    assert noisy.ap_noise == pytest.approx(2.77 * 0.02)
    expected = (
        "No found model beats your model at smaller images: 01-a has AP 0.450 at 12.00 ms, 0.050 above your model "
    )
    assert headline(noisy) == f"{expected}at 192 px (0.400); this difference may be noise."


def test_without_a_curve_or_ap_nothing_is_compared() -> None:
    assert headline(run((0.45, 12), curve=())) == ""
    assert found_models(run((0.45, 12), curve=())) == []
    assert free_choice(run((0.45, 12), curve=()), STOCK) is None
    assert free_choice(run(), finalist("01-a", 0.9, 10)) is None


def test_where_the_device_is_not_here_a_kit_must_measure_first() -> None:
    points = (CURVE[0], SizePoint(256, 0.46, None, None, False))
    absent = run((0.45, 12), curve=points)
    assert absent.result.size_curve == SizeCurve(points[:1])
    assert headline(absent) == (
        "No found model can be called a gain yet: the latency of your model at smaller images is not known; "
        "python -m nas.latency bundle DIR --run runs/x makes the kit that measures it."
    )


def test_a_free_choice_is_as_accurate_and_within_the_limit() -> None:
    def chosen(ap: float, ms: float, limit: float | None = None, **options: object) -> int | None:
        model: Finalist = finalist("01-a", 0.1, ms, ap=ap)
        point = free_choice(run(**options), model, limit)
        return point and point.imgsz

    assert chosen(0.40, 12) == 192
    assert chosen(0.40, 29) == 256
    assert chosen(0.41, 12) is None
    assert chosen(0.41, 12, limit=25) == chosen(0.41, 12, max_latency=25) == 256
    assert chosen(0.41, 12, limit=19, max_latency=25) is None


def test_the_command_that_exports_the_own_model() -> None:
    assert size_command(run(), CURVE[2]) == "python -m nas.export runs/x/teacher.pt --onnx --imgsz 192"
