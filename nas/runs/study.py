"""The Optuna study of a run: opened, resumed and synced."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FixedTrial, TrialState, create_trial

from nas.objectives.costs import COSTS, LATENCY
from nas.runs.study_file import StudyFile
from nas.runs.trials import INTERRUPTED_REASON
from nas.spaces.architecture import Architecture
from nas.spaces.space import Space


def open_study(storage: str | RDBStorage, name: str, unit: str, minimize: Sequence[str] = LATENCY) -> optuna.Study:
    """Create or resume a study. Trials that a dead process left running become failed.

    Args:
        storage: The Optuna storage, or the URL of an SQLite database.
        name: The study's name.
        unit: Unit of the scores, see `nas.proxies.base.Proxy.unit`.
        minimize: Costs that are minimized, see `nas.objectives.target.Target`.

    Raises:
        ConfigError: The storage is damaged, or cannot be written.
        StorageLostError: Another process holds its lock.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    opened = _opened(storage) if isinstance(storage, str) else storage
    directions = [StudyDirection.MAXIMIZE, *(StudyDirection.MINIMIZE for _ in minimize)]
    study = optuna.create_study(study_name=name, storage=opened, directions=directions, load_if_exists=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names([unit, *(COSTS[cost].objective for cost in minimize)])
    interrupt(study)
    while study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        study.tell(study.ask(), state=TrialState.FAIL)
    return study


def _opened(url: str) -> RDBStorage:
    """The storage of a URL: a file, or memory."""
    parsed = sqlalchemy.make_url(url)
    return StudyFile(Path(parsed.database)) if parsed.database else RDBStorage(url)


def sync(study: optuna.Study) -> None:
    """Write all results to the disk, where they survive a power cut. A killed process loses nothing anyway."""
    storage = study._storage._backend  # type: ignore[attr-defined]
    if isinstance(storage, StudyFile):
        storage.sync()


def interrupt(study: optuna.Study) -> None:
    """End the trials that are running. A resumed search asks for their slots again."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study._storage.set_trial_user_attr(trial._trial_id, "reason", INTERRUPTED_REASON)
        study.tell(trial.number, state=TrialState.FAIL)


def interrupted_slots(study: optuna.Study) -> dict[int, str]:
    """Architecture strings of interrupted trials by slot.

    A resumed search asks for them again, since the sampler now knows more than when it suggested them.
    """
    found = [trial.user_attrs for trial in study.get_trials(deepcopy=False, states=(TrialState.FAIL,))]
    return {
        attributes["slot"]: attributes["arch"]
        for attributes in found
        if attributes.get("reason") == INTERRUPTED_REASON and {"arch", "slot"} <= attributes.keys()
    }


def begin_trial(study: optuna.Study, space: Space, member: Architecture, attributes: Mapping[str, Any]) -> optuna.Trial:
    """Start a trial of a given member. It is written at once, since the disk syncs each parameter otherwise."""
    chosen = FixedTrial(space.parameters(member))
    space.suggest(chosen)
    study.sampler = RandomSampler(seed=0)  # every parameter is fixed
    template = create_trial(
        state=TrialState.RUNNING,
        params=chosen.params,
        distributions=chosen.distributions,
        user_attrs=dict(attributes),
    )
    return optuna.Trial(study, study._storage.create_new_trial(study._study_id, template_trial=template))
