"""The Optuna study of a run: opened and taken up."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FixedTrial, TrialState, create_trial
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, OperationalError

from nas.errors import InputError
from nas.objectives.costs import COSTS, LATENCY
from nas.runs.trials import INTERRUPTED
from nas.spaces.architecture import Architecture
from nas.spaces.space import Space


def open_study(storage: str | RDBStorage, name: str, unit: str, minimised: Sequence[str] = LATENCY) -> optuna.Study:
    """The study of scores in this ``unit`` (`nas.proxies.Proxy.unit`) and of what is ``minimised`` (`Target`), new or
    taken up: trials that a dead driver left running are failed, so nothing waits for them. Raises InputError for a
    file that is no study."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        kept = RDBStorage(storage) if isinstance(storage, str) else storage
    except DatabaseError as error:
        if isinstance(error, OperationalError):  # a full disk, or a file that is locked
            raise
        raise InputError(f"{storage}: damaged: {error.orig}; restore it, or search anew into another --out") from None
    if kept.engine.dialect.name == "sqlite" and kept.engine.url.database:
        # By itself SQLite syncs the disk thrice for every parameter of every trial; `sync` does it once a trial.
        event.listen(kept.engine, "connect", _write_ahead)
        kept.engine.dispose()
    directions = [StudyDirection.MAXIMIZE, *(StudyDirection.MINIMIZE for _ in minimised)]
    study = optuna.create_study(study_name=name, storage=kept, directions=directions, load_if_exists=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names([unit, *(COSTS[name].objective for name in minimised)])
    interrupt(study)
    while study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        study.tell(study.ask(), state=TrialState.FAIL)
    return study


def _write_ahead(connection: Any, record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def sync(study: optuna.Study) -> None:
    """Bring all that was told onto the disk, where it outlives a power cut; a killed process loses nothing anyway."""
    engine = study._storage._backend.engine  # type: ignore[attr-defined]
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")


def interrupt(study: optuna.Study) -> None:
    """End the running trials, which nobody will finish; their slots are asked again."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study._storage.set_trial_user_attr(trial._trial_id, "reason", INTERRUPTED)
        study.tell(trial.number, state=TrialState.FAIL)


def cut_off(study: optuna.Study) -> dict[int, str]:
    """By slot, the architecture that it had when a run was cut off. It is asked for again: by now the others know more
    than when it was suggested."""
    attrs = [trial.user_attrs for trial in study.get_trials(deepcopy=False, states=(TrialState.FAIL,))]
    return {of["slot"]: of["arch"] for of in attrs if of.get("reason") == INTERRUPTED and {"arch", "slot"} <= of.keys()}


def begin(study: optuna.Study, space: Space, member: Architecture, attrs: Mapping[str, Any]) -> optuna.Trial:
    """A running trial of this member, written in one piece: each parameter by itself would be synced to the disk."""
    chosen = FixedTrial(space.parameters(member))
    space.suggest(chosen)
    study.sampler = RandomSampler(seed=0)  # nothing is left to suggest
    template = create_trial(
        state=TrialState.RUNNING, params=chosen.params, distributions=chosen.distributions, user_attrs=dict(attrs)
    )
    return optuna.Trial(study, study._storage.create_new_trial(study._study_id, template_trial=template))
