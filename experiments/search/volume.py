"""Hypervolumes of fronts of a bench."""

from __future__ import annotations

from typing import Protocol

from nas.objectives.pareto import hypervolume, pareto


class Priced(Protocol):
    """Members with a latency in ms, by architecture string."""

    latency: dict[str, float]


class Volume:
    """Hypervolumes over log latency and score, as shares of the hypervolume of all members within the limit.

    Args:
        bench: Anything with the latency of each member in ms, by architecture string.
        most: The latency limit in ms; None for no limit.
    """

    def __init__(self, bench: Priced, most: float | None):
        self._latency, self._most = bench.latency, most
        self._members = [name for name in bench.latency if self.counts(name)]
        self._total: dict[int, tuple[tuple[float, float], float]] = {}

    def counts(self, name: str) -> bool:
        """True if a member is within the limit."""
        return self._most is None or self._latency[name] <= self._most

    def front(self, names: list[str], scores: dict[str, float]) -> list[str]:
        """The Pareto front of these members by these scores."""
        return [names[index] for index in pareto([(scores[name], self._latency[name]) for name in names])]

    def share(self, names: list[str], scores: dict[str, float]) -> float:
        """The hypervolume of these members, as a share of the hypervolume of all members."""
        if id(scores) not in self._total:
            worst = min(scores[name] for name in self._members), max(self._latency[name] for name in self._members)
            self._total[id(scores)] = worst, self._volume(self._members, scores, worst)
        worst, total = self._total[id(scores)]
        return self._volume(names, scores, worst) / total

    def _volume(self, names: list[str], scores: dict[str, float], worst: tuple[float, float]) -> float:
        front = self.front([name for name in names if self._latency[name] <= worst[1]], scores)
        return hypervolume([(scores[name], self._latency[name]) for name in front if scores[name] >= worst[0]], worst)
