"""Observer of a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas.proxies.outcome import Outcome
from nas.spaces.architecture import Architecture

if TYPE_CHECKING:
    import optuna


class TrialObserver:
    """Is notified of a search's trials and may add to the study what people want to see. This one does nothing.

    The search calls it before it tells the study, while a trial can still be changed. An exception ends the search.
    """

    def asked(self, trial: optuna.Trial, architecture: Architecture) -> None:
        """A new architecture was asked for; its training has started, or a limit forbids it."""

    def trained(self, trial: optuna.Trial, architecture: Architecture, outcome: Outcome) -> None:
        """A training on the first rung has ended."""

    def promoted(self, number: int, architecture: Architecture, rung: int, seed: int, outcome: Outcome) -> None:
        """A training on a higher rung has ended. The trial with this number cannot be changed any more."""


NO_OBSERVER = TrialObserver()
