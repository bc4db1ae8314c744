"""The size curve of a run's teacher, and the place of a model beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nas.runs.size_curve import SizeCurve, SizePoint, Verdict, curve_frame, write_curve
from tests.runs.finalists import finalist

POINTS = (
    SizePoint(320, 0.52, 30.0, 0.2, True),
    SizePoint(256, 0.46, 20.0, 0.1, True),
    SizePoint(224, 0.40, 16.0, 0.1, True),
    SizePoint(192, 0.41, 12.0, 0.1, True),
)
"""224 px is slower and less accurate than 192 px."""
CURVE = SizeCurve(POINTS)


def test_the_curve_is_linear_between_its_best_points() -> None:
    assert [point.imgsz for point in CURVE.front] == [192, 256, 320]
    assert CURVE.ap_at(11.9) is None
    assert CURVE.ap_at(12.0) == 0.41
    assert CURVE.ap_at(16.0) == pytest.approx(0.435)
    assert CURVE.ap_at(30.0) == CURVE.ap_at(99.0) == 0.52
    assert CURVE.latency_of(0.53) is None
    assert CURVE.latency_of(0.1) == 12.0
    assert CURVE.latency_of(0.49) == pytest.approx(25.0)
    assert CURVE.best() == CURVE.best(30) == POINTS[0]
    assert CURVE.best(29) == POINTS[1]
    assert CURVE.best(11) is None


def test_one_point_is_a_curve() -> None:
    curve = SizeCurve(POINTS[:1])
    assert (curve.ap_at(29), curve.ap_at(31), curve.latency_of(0.5), curve.latency_of(0.6)) == (None, 0.52, 30, None)
    with pytest.raises(ValueError, match="at least one"):
        SizeCurve(())


@pytest.mark.parametrize(
    ("ap", "latency", "noise", "verdict", "words"),
    [
        (0.49, 20, 0.01, Verdict.GAIN, "0.030 above your model at 256 px (0.460), or 1.25 times as fast"),
        (0.49, 20, 0.04, Verdict.EVEN, "0.030 above your model at 256 px (0.460); this difference may be noise"),
        (0.4603, 20, 0, Verdict.EVEN, "as high as your model at 256 px (0.460)"),
        (0.44, 21, 0, Verdict.LOSS, "0.026 below the size curve of your model (0.466)"),
        (0.55, 29, 0, Verdict.GAIN, "0.036 above the size curve of your model (0.514)"),
        (0.55, 31, 0, Verdict.GAIN, "0.030 above your model at 320 px (0.520)"),
        (0.30, 8, 0, Verdict.FASTER, "AP 0.300 at 8.00 ms, faster than your model at 192 px, which has AP 0.410"),
        (0.45, 8, 0, Verdict.GAIN, "0.040 above your model at 192 px (0.410), or 2.30 times as fast at equal AP"),
    ],
)
def test_a_model_beside_the_curve(ap: float, latency: float, noise: float, verdict: Verdict, words: str) -> None:
    gain = CURVE.gain(finalist("01-a", 0.9, latency, ap=ap), noise)
    assert gain is not None
    assert gain.verdict is verdict
    assert words in str(gain)


def test_two_standard_errors_of_the_difference_decide() -> None:
    """Of two groups, two standard errors of the difference are the distance of its values without each of them."""
    points = tuple(replace(point, jackknife=(point.ap + 0.1, point.ap + 0.2)) for point in POINTS)
    curve = SizeCurve(points)

    def of(ap: float, latency: float, *jackknife: float) -> tuple[Verdict, float | None]:
        gain = curve.gain(finalist("01-a", 0.9, latency, ap=ap, jackknife=jackknife), noise=0.001)
        assert gain is not None
        return gain.verdict, gain.error

    assert of(0.49, 20, 0.6, 0.72) == (Verdict.GAIN, pytest.approx(0.02))  # differences 0.04 and 0.06
    assert of(0.49, 20, 0.6, 0.74) == (Verdict.EVEN, pytest.approx(0.04))
    assert of(0.44, 16, 0.6, 0.71) == (Verdict.EVEN, pytest.approx(0.01))  # 0.005 above the middle of two points
    assert of(0.49, 20) == of(0.49, 20, 0.6, 0.7, 0.8) == (Verdict.GAIN, None)  # other groups
    gain = curve.gain(finalist("01-a", 0.9, 20, ap=0.49, jackknife=(0.6, 0.72)))
    assert "0.030 (±0.020) above your model at 256 px (0.460)" in str(gain)


def test_a_rival_is_the_best_point_that_is_no_slower() -> None:
    rivals = [CURVE.gain(finalist("01-a", 0.9, latency, ap=0.4)) for latency in (8, 19, 20, 50)]
    assert [gain and gain.rival.imgsz for gain in rivals] == [192, 192, 256, 320]


def test_a_score_is_not_compared_with_the_curve() -> None:
    assert CURVE.gain(finalist("01-a", 0.9, 20)) is None


def test_the_file_has_a_row_for_each_size(tmp_path: Path) -> None:
    assert curve_frame(()).columns.tolist() == ["imgsz", "ap", "latency_ms", "latency_spread_ms", "measured"]
    write_curve(tmp_path, POINTS)
    lines = (tmp_path / "size-curve.csv").read_text().splitlines()
    assert lines[:2] == ["imgsz,ap,latency_ms,latency_spread_ms,measured", "320,0.52,30.0,0.2,True"]
    assert len(lines) == 5
    write_curve(tmp_path, ())
    assert not (tmp_path / "size-curve.csv").exists()
