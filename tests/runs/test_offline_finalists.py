"""Finalists and size curve of a run whose device is not this machine: what a kit measures, and its results."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nas.errors import ConfigError
from nas.latency.kit import KitSpec
from nas.latency.kit_results import KitResults, MeasuredModel
from nas.latency.models import Model
from nas.latency.runtimes.measure import Measurement, Noise
from nas.runs.gains import headline
from nas.runs.offline_finalists import bundle_finalists, import_finalists
from nas.runs.run import Run, load_run
from tests.reports.made import make


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run on another device; the latency of the teacher at smaller images is not known."""
    made = make(tmp_path, gain=0.03, here=False, count=6).run
    first, *others = made.result.curve
    points = (first, *(replace(point, latency_ms=None) for point in others))
    teacher = made.result.teacher and replace(made.result.teacher, class_width=80)
    result = made.result.model_copy(update={"curve": points, "teacher": teacher})
    made.record.model_copy(update={"result": result}).save(tmp_path)
    return load_run(tmp_path)


def bundled(run: Run, monkeypatch: pytest.MonkeyPatch) -> list[Model]:
    """The models of the run's kit."""
    specs: list[KitSpec] = []
    monkeypatch.setattr("nas.runs.offline_finalists.write_kit", lambda kit, spec, progress: specs.append(spec))
    bundle_finalists(run.folder, run.folder / "kit")
    return list(specs[0].models)


def results(run: Run, models: list[Model]) -> KitResults:
    """Every model takes 1 ms for each 10 pixels of its side, squared; found models are 10 % faster."""

    def measured(model: Model) -> Measurement:
        assert model.imgsz is not None
        return Measurement((model.imgsz / 10) ** 2 * (1.0 if model.name.startswith("teacher@") else 0.9), 0.1, 5)

    table: Any = SimpleNamespace(fingerprint=run.record.fingerprint)
    entries = [MeasuredModel(model, [measured(model)]) for model in models]
    return KitResults(table, 64, entries, "", Noise(1.0, None), {"run": str(run.folder)})


def test_a_kit_measures_the_teacher_at_each_size(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert headline(run).startswith("No found model can be called a gain yet")
    models = bundled(run, monkeypatch)
    teacher = models[len(run.result.finalists) :]
    assert [(model.name, model.imgsz) for model in teacher] == [(f"teacher@{px}", px) for px in (64, 56, 48, 40, 32)]
    head = teacher[0].detector.rows[-1]
    assert (head.module, head.args[2]) == ("SlimDetect", 80)  # as wide as that of the teacher
    import_finalists(results(run, models))
    found = load_run(run.folder)
    assert [point.latency_ms for point in found.result.curve] == pytest.approx([40.96, 31.36, 23.04, 16.0, 10.24])
    assert all(point.measured and point.latency_spread_ms == 0.1 for point in found.result.curve)
    assert "beat" in headline(found)
    lines = (run.folder / "size-curve.csv").read_text().splitlines()
    assert lines[1].endswith(",0.1,True")
    assert all((run.folder / model.weights).is_file() for model in found.result.front)


def test_results_without_the_teacher_are_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    models = bundled(run, monkeypatch)[:-1]
    with pytest.raises(ConfigError, match="are not those of the kit"):
        import_finalists(results(run, models))
