"""``python -m nas.pick``: the recommended model of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import typer

from nas import cli
from nas.detectors.yaml_files import from_yaml
from nas.pick import app
from nas.runs.record import RunRecord, RunStatus
from nas.runs.run import load_run
from nas.spaces.architecture import decode
from tests.reports.made import make

EARLIER = Path(__file__).parents[1] / "runs" / "earlier-run"


def command(app: typer.Typer, *options: object) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    run: Callable[[], object] = lambda: app(list(map(str, options)), standalone_mode=False)  # noqa: E731
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        cli.run(run)
    assert isinstance(ended.value.code, int)
    return ended.value.code, out.getvalue(), err.getvalue()


def test_a_run_of_an_earlier_version() -> None:
    code, out, _ = command(app, EARLIER, "--max-latency", 82)
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "Recommended: 03-6e9590, the most accurate of the 3 models within 82 ms."
    assert "0.2438 AP50-95 (proxy), one training; standard deviation between seeds 0.0120" in lines[1]
    assert "80.37 ± 0.00 ms measured (80.37 ms predicted), one image of 320 px, AMD EPYC, fake, 1 thread" in lines[2]
    file = EARLIER / "pareto" / "03-6e9590.yaml"
    assert f"train it: python -m nas.train model={file} data=data.yaml imgsz=320 epochs=300" in lines
    assert any(line.startswith("01-c22840 is 4.98 ms faster, and its score is lower by 0.0124 only") for line in lines)


def test_only_the_path_for_another_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EARLIER.parent)
    code, out, _ = command(app, EARLIER.name, "--max-latency", 82, "--yaml")
    assert (code, out) == (0, f"{EARLIER.name}/pareto/03-6e9590.yaml\n")


def test_without_bounds_it_is_what_the_search_recommends() -> None:
    code, out, _ = command(app, EARLIER, "--json")
    picked = json.loads(out)
    assert code == 0
    assert picked["model"]["name"] == load_run(EARLIER).pick().model.name == "06-b30195"
    assert picked["preliminary"] is False
    assert from_yaml(Path(picked["files"]["yaml"])) == decode(picked["model"]["arch"]).detector(6)
    assert set(picked["commands"]) == {
        "train it",
        "train, export and measure it",
        "write an ONNX file with random weights",
    }


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ("--max-latency", 8),
            "error: --max-latency 8: no model is so fast; raise it: the fastest one, 01-c22840, takes 75.39 ms "
            "and scores 0.2314\n",
        ),
        (
            ("--max-latency", 82, "--min-score", 0.28),
            "error: --min-score 0.28: no model scores so high; lower it: the most accurate one, 03-6e9590, takes "
            "80.37 ms and scores 0.2438; or raise --max-latency: 06-b30195, takes 91.14 ms and scores 0.2874\n",
        ),
    ],
)
def test_what_cannot_be_had_is_refused_with_the_nearest_models(options: tuple[object, ...], line: str) -> None:
    assert command(app, EARLIER, *options) == (2, "", line)


def test_an_interrupted_run_gives_a_preliminary_choice(tmp_path: Path) -> None:
    data = make(tmp_path / "run")
    record = data.run.record.model_copy(update={"status": RunStatus.INTERRUPTED, "result": None})
    record.save(tmp_path / "run")
    budget = data.trained.latency_ms.median()
    code, out, _ = command(app, tmp_path / "run", "--max-latency", budget, "--json")
    picked = json.loads(out)
    assert code == 0
    within = data.trained[data.trained.latency_ms <= budget]
    assert picked["model"]["score"] == within.score.max()
    assert picked["model"]["latency_ms"] is None
    assert picked["preliminary"] is True
    assert "Score noise is not measured yet" in picked["notes"][0]
    assert picked["files"] == {}
    assert picked["commands"]["continue the search"].endswith("--resume")
    code, out, _ = command(app, tmp_path / "run")
    assert out.startswith("Preliminary: trial-")


def test_a_run_without_a_trained_candidate_is_refused(tmp_path: Path) -> None:
    data = make(tmp_path)
    data.run.record.model_copy(update={"status": RunStatus.INTERRUPTED, "result": None}).save(tmp_path)
    data.trials[data.trials.state != "trained"].to_csv(tmp_path / "trials.csv", index=False)
    assert RunRecord.load(tmp_path).result is None
    code, _, err = command(app, tmp_path)
    assert code == 2
    assert "has no trained candidate yet" in err
