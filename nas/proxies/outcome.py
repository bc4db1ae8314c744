"""Outcome of scoring a detector: a score, or an error with its reason."""

from __future__ import annotations

from dataclasses import dataclass


class ProxyError(Exception):
    """A candidate cannot be scored. The message is the reason; it goes into the trial's record."""


@dataclass(frozen=True)
class Outcome:
    """Score of one detector.

    Attributes:
        score: The score; larger is better.
        seconds: Wall-clock time of training and validation.
        curve: Training curve, empty if nothing was trained. A row holds ``step``, ``loss``, its parts ``box``, ``cls``
            and ``dfl``, and the learning rate ``lr``.
        cached: True if the score comes from an earlier run; ``seconds`` is the time that it took then.
        test_score: AP50-95 on the test split, if the proxy has one.
        detections: Boxes detected in the images of `nas.proxies.detections.displayed_images`. A row holds ``image``
            (its number in the validation split), ``x1``, ``y1``, ``x2``, ``y2`` (pixels of the proxy's images),
            ``score`` and ``class``.
    """

    score: float
    seconds: float
    curve: tuple[dict[str, float], ...]
    cached: bool = False
    test_score: float | None = None
    detections: tuple[dict[str, float], ...] = ()
