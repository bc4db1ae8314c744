"""Measuring has a machine for itself."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from nas.execution.machine_lock import measuring, training


def test_nothing_trains_while_something_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    events: list[str] = []
    first, second = threading.Event(), threading.Event()

    def train(name: str, until: threading.Event) -> None:
        with training():
            events.append(f"{name} begins")
            until.wait(60)
            events.append(f"{name} ends")

    def measure() -> None:
        with measuring():
            events.append("measuring begins")
            time.sleep(0.5)
            events.append("measuring ends")

    threads = [threading.Thread(target=train, args=("a", first)), threading.Thread(target=train, args=("b", first))]
    for thread in threads:
        thread.start()
    while len(events) < 2:  # both at once
        time.sleep(0.05)
    threads += [threading.Thread(target=measure)]
    threads[-1].start()
    time.sleep(1)
    second.set()
    threads += [threading.Thread(target=train, args=("c", second))]
    threads[-1].start()  # waits behind what waits to measure
    time.sleep(1)
    assert sorted(events) == ["a begins", "b begins"]
    first.set()
    for thread in threads:
        thread.join(60)
    assert events[4:] == ["measuring begins", "measuring ends", "c begins", "c ends"]


def test_who_is_no_longer_wanted_stops_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with measuring():
        began = time.monotonic()
        with training(lambda: time.monotonic() < began + 0.5):
            pass
