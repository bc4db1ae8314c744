"""Finish: the steps, what is repeated, and what is refused. docs/training.md finishes a run with Ultralytics itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from nas import cli
from nas.config import SearchConfig
from nas.errors import ConfigError, InputError, SearchError
from nas.finish import app
from nas.integrations.training import Training, Validation, train
from nas.progress import Progress
from nas.runs import finishing
from nas.runs.finish_record import FinishRecord
from nas.runs.finished_card import comparison
from nas.runs.finishing import check_tools, chosen_model, finish_model
from nas.runs.model_card import MISSING
from nas.runs.run import Run
from nas.spaces.architecture import decode
from tests.reports.made import NC, make

DATA = "/data/mine/data.yaml"
EARLIER = Path(__file__).parent / "earlier-run"


class Silent:
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    @contextmanager
    def bar(self, title: str) -> Iterator[Progress]:
        yield lambda share: None


class Fakes:
    """Steps that are slow, replaced; ``done`` lists those that were called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.interrupted = False
        self.training: Training | None = None
        for name in ("train", "validate", "_export"):
            monkeypatch.setattr(finishing, name, getattr(self, name))
        monkeypatch.setattr(finishing, "check_ultralytics", lambda: None)
        monkeypatch.setattr("nas.integrations.checkpoint.read_checkpoint", self.read)

    def train(self, training: Training, progress: Progress) -> None:
        self.done.append("train")
        self.training = training
        if self.interrupted:
            raise KeyboardInterrupt
        training.best.parent.mkdir(parents=True)
        training.best.write_bytes(b"weights")
        (training.folder / "results.csv").write_text("epoch,time\n1,2\n2,3\n2,3\n")

    def validate(self, *arguments: object) -> Validation:
        self.done.append("validate")
        return Validation(0.4, 0.6, 0.7, 0.5, 12)

    def _export(self, finished: finishing.Finished, reporter: object) -> finishing.Finished:
        if finished.record.onnx is not None:
            return finished
        self.done.append("export")
        finished.onnx.write_bytes(b"onnx")
        return finishing._kept(finished, onnx="best.onnx")

    def read(self, path: Path) -> SimpleNamespace:
        self.done.append("measure")
        assert path.read_bytes() == b"weights"
        return SimpleNamespace(network=self.detector.network(seed=0))

    @property
    def detector(self) -> object:
        return decode(self.arch).detector(NC)


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    return Fakes(monkeypatch)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return make(tmp_path / "run", count=6, runtime="fake", data=DATA).run


def test_a_model_is_trained_validated_exported_and_measured_once(run: Run, fakes: Fakes) -> None:
    model = chosen_model(run)
    fakes.arch = model.arch
    finished = finish_model(run, model, Silent(), epochs=2, options=("batch=4",))
    assert fakes.done == ["train", "validate", "export", "measure"]
    command = fakes.training.command()
    assert f"model={run.folder / 'pareto' / Path(model.yaml).name}" in command
    assert {f"data={DATA}", "imgsz=64", "epochs=2", "batch=4", "device=cpu", "seed=0"} <= set(command)
    record = finished.record
    assert (record.epochs_done, record.accuracy.ap, record.accuracy.images) == (2, 0.4, 12)
    assert record.latency.ms > 0 and record.latency.stock_ms > 0
    assert FinishRecord.load(finished.folder) == record
    text = finished.card.read_text()
    assert "license: agpl-3.0" in text and "| AP50-95 | 0.4000 |" in text
    assert f"{record.latency.ms:.2f} ± 0.00 ms" in text
    shown = {fact.figure: fact for fact in comparison(finished)}
    assert shown["latency"].source == f"{record.latency.stock_ms:.2f} ± 0.00 ms"
    assert shown["AP50-95 after training"][1:] == ("0.4000", MISSING)

    finish_model(run, model, Silent(), epochs=2, options=("batch=4",))
    assert fakes.done == ["train", "validate", "export", "measure"]
    assert run.finished  # run.json is as it was
    out = run.folder / "finish-stock"
    fakes.arch = run.stock.arch
    finish_model(run, run.stock, Silent(), epochs=2, options=("batch=4",), out=out)
    assert (out / "best.onnx").is_file()
    shown = {fact.figure: fact for fact in comparison(finished)}
    assert shown["AP50-95 after training"][1:] == ("0.4000", "0.4000")
    with pytest.raises(ConfigError, match="epochs was 2 and is 3"):
        finish_model(run, model, Silent(), epochs=3, options=("batch=4",))


def test_an_interrupted_training_names_the_command_that_continues_it(run: Run, fakes: Fakes) -> None:
    model, reporter = run.front[0], Silent()
    fakes.arch, fakes.interrupted = model.arch, True
    with pytest.raises(KeyboardInterrupt):
        finish_model(run, model, reporter, epochs=2)
    command = f"python -m nas.finish {run.folder} --model {model.name} --epochs 2"
    assert reporter.said == [f"interrupted; continue with {command}"]
    fakes.interrupted = False
    finish_model(run, model, reporter, epochs=2)
    assert fakes.done == ["train", "train", "validate", "export", "measure"]


def test_an_absent_device_is_named_with_the_command_of_its_kit(tmp_path: Path, fakes: Fakes) -> None:
    run = make(tmp_path, count=6, here=False, data=DATA).run
    finished = finish_model(run, run.front[0], Silent(), epochs=2)
    assert fakes.done == ["train", "validate", "export"]
    assert finished.record.latency is None
    kit = f"python -m nas.latency bundle KIT --run {tmp_path}"
    assert finished.record.unmeasured.endswith(kit)
    assert f"| latency | {MISSING} | the device pi5 is not this machine" in finished.card.read_text()


def test_a_model_is_chosen_by_name_or_latency(run: Run) -> None:
    assert chosen_model(run, "stock") == run.stock
    assert chosen_model(run, run.front[0].name).arch == run.front[0].arch
    assert chosen_model(run, max_latency=run.front[0].latency).arch == run.front[0].arch
    with pytest.raises(ConfigError, match=run.front[0].name) as error:
        chosen_model(run, "none")
    assert error.value.field == "model"


def test_what_is_missing_is_refused_before_anything_is_spent(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setattr(finishing, "find_spec", lambda name: None)
    monkeypatch.setattr(finishing, "check_ultralytics", lambda: None)
    with pytest.raises(InputError, match=r"onnx is not installed; run .*install .*\[onnx\]'"):
        finish_model(run, run.front[0], Silent())
    assert not (run.folder / "finish").exists()
    monkeypatch.undo()
    monkeypatch.setattr("nas.integrations.training.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"ultralytics is not installed; run .*install .*\[ultralytics\]'"):
        finish_model(run, run.front[0], Silent())


def test_the_built_in_set_has_no_data_yaml(fakes: Fakes) -> None:
    with pytest.raises(ConfigError) as error:
        check_tools("shapes")
    assert error.value.field == "data"


def test_two_processes_do_not_finish_in_one_folder(run: Run, fakes: Fakes) -> None:
    folder = run.folder / "finish"
    folder.mkdir()
    with FileLock(folder / ".lock"), pytest.raises(ConfigError, match="another process") as error:
        finish_model(run, run.front[0], Silent())
    assert error.value.file == folder


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("batch",), "error: batch: not KEY=VALUE, as Ultralytics' arguments are; give one such as batch=8\n"),
        (
            (),
            "error: --data shapes: Ultralytics trains on a data.yaml, and the built-in set shapes has none; give the ",
        ),
        (("--model", "none"), "error: --model none: no such model in "),
    ],
)
def test_the_command_refuses_in_one_line(options: tuple[str, ...], line: str, fakes: Fakes) -> None:
    err = StringIO()
    with redirect_stderr(err), pytest.raises(SystemExit) as ended:
        cli.run(lambda: app([str(EARLIER), *options], standalone_mode=False))
    assert ended.value.code == 2
    assert err.getvalue().startswith(line) and err.getvalue().count("\n") == 1


def test_a_failed_training_shows_the_last_line_of_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(tmp_path / "a.yaml", DATA, 64, 1, tmp_path / "train")
    monkeypatch.setattr(Training, "command", lambda self: ["sh", "-c", "echo one; echo no such data; exit 3"])
    with pytest.raises(SearchError, match="no such data") as error:
        train(training)
    assert error.value.file == training.log


def test_a_training_resumes_from_a_complete_checkpoint_only(tmp_path: Path) -> None:
    training = Training(tmp_path / "a.yaml", DATA, 64, 5, tmp_path / "train")
    training.last.parent.mkdir(parents=True)
    training.last.write_bytes(b"half of a checkpoint")
    assert "epochs=5" in training.command()
    import torch

    torch.save({"epoch": 1}, training.last)
    assert training.command()[-2:] == [f"model={training.last}", "resume=True"]


def test_a_search_takes_the_epochs_of_its_finish() -> None:
    assert SearchConfig(finish=3).finish == 3
    with pytest.raises(ConfigError) as error:
        SearchConfig(finish=0)
    assert error.value.field == "finish"
    assert json.loads(SearchConfig().model_dump_json())["finish"] is None


@pytest.mark.parametrize("name", [None, "stock"])
def test_a_training_starts_from_the_trained_weights_of_the_run(tmp_path: Path, fakes: Fakes, name: str | None) -> None:
    run = make(tmp_path / "run", count=6, runtime="fake", data=DATA, gain=0.3).run
    model = chosen_model(run, name)
    fakes.arch = model.arch
    finished = finish_model(run, model, Silent(), epochs=7)
    assert fakes.training is not None and finished.record.options.pretrained
    (start,) = (option for option in fakes.training.options if option.startswith("pretrained="))
    assert Path(start.partition("=")[2]).read_text() == "weights"
    assert "from the trained weights of the search" in finished.card.read_text()
    with pytest.raises(ConfigError, match="start from trained weights was True and is False"):
        finish_model(run, model, Silent(), epochs=7, options=["pretrained=other.pt"])
