"""The Optuna study of a run: opened, taken up, asked."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState

from nas.engine._record import INTERRUPTED

LATENCY = "latency ms (predicted)"
STARTUP = 10


def open_study(storage: str, name: str, unit: str) -> optuna.Study:
    """The study of scores in this ``unit`` (`nas.proxies.Proxy.unit`) and of latency, new or taken up: trials that a
    dead driver left running are failed, so nothing waits for them."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=name, storage=storage, directions=["maximize", "minimize"], load_if_exists=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names([unit, LATENCY])
    interrupt(study)
    while study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        study.tell(study.ask(), state=TrialState.FAIL)
    return study


def interrupt(study: optuna.Study) -> None:
    """End the running trials, which nobody will finish; their slots are asked again."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study._storage.set_trial_user_attr(trial._trial_id, "reason", INTERRUPTED)
        study.tell(trial.number, state=TrialState.FAIL)


def ask(study: optuna.Study, seed: int, slot: int, fixed: Mapping[str, Any] | None, explore: bool) -> optuna.Trial:
    """Ask for the ``slot``-th trial. The sampler is made anew from (seed, slot), so that a run taken up again asks as
    the unbroken one would have. ``fixed`` names the parameters instead; ``explore`` draws them at random."""
    study.sampler = _sampler(int(np.random.SeedSequence([seed, slot]).generate_state(1)[0]), explore)
    if fixed is not None:
        study.enqueue_trial(dict(fixed))
    return study.ask()


def _sampler(seed: int, explore: bool) -> BaseSampler:
    if explore:
        return RandomSampler(seed=seed)
    with warnings.catch_warnings():
        # Joint sampling of a conditional space, which is what `group` is for, is still marked experimental.
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(seed=seed, multivariate=True, group=True, n_startup_trials=STARTUP)
