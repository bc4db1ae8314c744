"""Who looks on while a search runs."""

from __future__ import annotations

import optuna

from nas.proxies.base import Outcome
from nas.spaces.architecture import Architecture


class Watcher:
    """Is shown what a search does, and may write it into the study for people to look at; this one does nothing.

    A trial is open to be written to until it was told: these calls come before. What raises here ends the search.
    """

    def asked(self, trial: optuna.Trial, architecture: Architecture) -> None:
        """A trial of something new, when its training was given out or a limit forbids one."""

    def trained(self, trial: optuna.Trial, architecture: Architecture, outcome: Outcome) -> None:
        """What its training gave, before it is told."""

    def promoted(self, number: int, architecture: Architecture, rung: int, seed: int, outcome: Outcome) -> None:
        """What a training on a rung above the first gave; the trial of this number is closed by then."""


NOBODY = Watcher()
