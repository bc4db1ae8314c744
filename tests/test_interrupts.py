"""Ctrl-C, asked for and obeyed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from threading import Timer

import pytest

from nas.interrupts import stop_if_asked, stoppable
from nas.objectives.limits import Limits
from nas.proxies.outcome import Outcome
from nas.runs.study import open_study
from nas.runs.trials import TrialState, read_trials
from nas.search.driver import Driver
from nas.search.samplers import SAMPLERS
from nas.spaces.space import load_space
from tests.search.made_up import TARGET


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    """Python's own, whatever the shell that runs this has set, and as it was afterwards."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_the_first_waits_for_the_next_step_and_the_second_does_not() -> None:
    with pytest.raises(KeyboardInterrupt), stoppable():
        _twice()
    stop_if_asked()


def _twice() -> None:
    stop_if_asked()
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        stop_if_asked()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_what_was_asked_in_the_last_step_is_not_forgotten() -> None:
    with pytest.raises(KeyboardInterrupt), stoppable():
        signal.raise_signal(signal.SIGINT)


def test_where_it_is_ignored_it_stays_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stoppable():
            signal.raise_signal(signal.SIGINT)
    finally:
        assert signal.signal(signal.SIGINT, signal.default_int_handler) is signal.SIG_IGN


def test_a_driver_that_waits_for_a_training_stops(tmp_path: Path) -> None:
    study = open_study(f"sqlite:///{tmp_path / 'study.db'}", "study", "AP50-95 (proxy)")
    endless: Future[Outcome] = Future()
    driver = Driver(
        study, load_space("tiny"), TARGET, lambda *_, **__: endless, SAMPLERS["random"](), 1, 5, Limits(), workers=2
    )
    Timer(1.0, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt), stoppable():
        driver.run(lambda record: None)
    assert {row.state for row in read_trials(study)} == {TrialState.INTERRUPTED}
