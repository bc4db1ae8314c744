"""Score noise: spread of the scores between candidates and between seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nas.plurals import counted

CHANCE = 2.77
"""Two values with the same mean differ by less than this many standard deviations, with 95 % probability:
1.96 * sqrt(2)."""
LEARNED = 0.005
"""A detector with a lower AP50-95 has not learned its task. Such scores say nothing about accuracy."""


@dataclass(frozen=True)
class ScoreNoise:
    """Standard deviations of the proxy's score.

    Attributes:
        seeds: Between trainings of one candidate with different seeds, pooled over ``repeats`` candidates.
        candidates: Between all candidates that were trained.
        equals: Between candidates of equal latency: the residual of a line over the logarithm of latency.
        repeats: Candidates that were trained again.
        failed: Candidates whose second training failed.
        trained: Candidates that were trained; None in records of earlier releases.
        highest: The highest AP of a candidate; None for scores that are no AP, and in records of earlier releases.
    """

    seeds: float
    candidates: float
    equals: float
    repeats: int
    failed: int = 0
    trained: int | None = None
    highest: float | None = None

    @property
    def nothing_learned(self) -> bool:
        """True if none of several candidates has learned its task: all scores are close to zero."""
        return self.trained != 1 and self.highest is not None and self.highest < LEARNED

    @property
    def tells_apart(self) -> bool:
        """True if candidates differ by clearly more than seeds do, and at least one of them has learned its task."""
        return not self.nothing_learned and self.candidates >= 2 * self.seeds

    @property
    def verdict(self) -> str:
        """The reason why the scores tell nothing apart; empty if they do."""
        if self.tells_apart:
            return ""
        if self.nothing_learned:
            return "no candidate learned its task"
        return "only one candidate was trained" if self.trained == 1 else "the scores differ only by noise"

    def __str__(self) -> str:
        if self.nothing_learned:
            return (
                f"No candidate learned its task: the highest score is {self.highest:.4f}, close to zero. The scores of "
                "this run say nothing about accuracy."
            )
        if self.trained == 1:
            return f"One candidate was trained. Its scores with two seeds differ by {self.seeds * 2**0.5:.3f}."
        text = (
            f"Score spread (standard deviation): {self.candidates:.3f} between candidates, {self.equals:.3f} at equal "
            f"latency, {self.seeds:.3f} between seeds. Differences below {CHANCE * self.seeds:.3f} are noise."
        )
        if self.failed:
            text += f" {self.failed} of {counted(self.repeats + self.failed, 'training')} with another seed failed."
        return text if self.tells_apart else f"{text} The scores of this run cannot tell its candidates apart."


def pooled_sd(found: Sequence[tuple[float, int]]) -> float:
    """Pooled standard deviation.

    Args:
        found: For each candidate, the standard deviation of its scores and their number.
    """
    return float((sum(sd**2 * (n - 1) for sd, n in found) / sum(n - 1 for _, n in found)) ** 0.5)
