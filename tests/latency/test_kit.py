"""A measuring kit: written here, measured in an environment that has neither torch nor this package, taken home."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from nas.detectors.templates import TEMPLATES
from nas.detectors.yaml_files import from_yaml, to_yaml
from nas.errors import InputError
from nas.files import tables_home
from nas.latency.entries import Part
from nas.latency.fingerprint import identity
from nas.latency.hints import command_words
from nas.latency.kit import KitSpec, write_kit
from nas.latency.kit_models import PERIOD, compressible
from nas.latency.kit_results import KitResults, import_kit
from nas.latency.models import Model
from nas.latency.modules import end_to_end
from nas.latency.notices import noise_warning
from nas.latency.opening import find_table
from nas.latency.runtimes import measure
from nas.latency.runtimes.measure import Measurement
from nas.latency.runtimes.onnx_runtimes import export
from nas.latency.runtimes.registry import choose
from nas.latency.table import LatencyTable
from nas.spaces.space import load_space

onnxruntime = pytest.importorskip("onnxruntime")

SPACE = load_space("tiny")
STOCK = SPACE.stock().detector(2)
SIZE = 64
KEYS = {key for row in SPACE.rows(2, SIZE) for key in Part.of(row).needs()}
NOTE = {"space": "tiny", "seed": 3}


def tiny_kit(folder: Path, threads: int = 1) -> None:
    rows, fitted = SPACE.rows(2, SIZE), SPACE.calibration(2)
    write_kit(
        folder,
        KitSpec("pi5", "onnxruntime", threads, SIZE, list(rows), fitted, [Model("stock", "stock", STOCK)], note=NOTE),
    )


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit of the tiny space that nobody has measured."""
    folder = tmp_path_factory.mktemp("kit") / "kit"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARETO_YOLO_HOME", str(folder.parent / "home"))
        tiny_kit(folder)
    return folder


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a device: numpy and onnxruntime, the release that is here, and nothing else."""
    folder = tmp_path_factory.mktemp("device")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    packages = ["numpy", f"onnxruntime=={onnxruntime.__version__}"]
    installed = subprocess.run([python, "-m", "pip", "install", "-q", *packages], capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"pip cannot install numpy and onnxruntime here: {installed.stderr.splitlines()[-1]}")
    for package in ("torch", "nas", "onnx"):
        command = [python, "-c", f"import {package}"]
        found = subprocess.run(command, cwd=folder, env=bare(), capture_output=True, text=True)
        assert "ModuleNotFoundError" in found.stderr
    return python


def bare() -> dict[str, str]:
    """The environment without PYTHONPATH, which may lead to this package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def run(python: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    # The script as it is, but on a machine of any speed: what a test sees may have been begun in a slow window.
    start = f"import sys; sys.path.insert(0, {str(folder)!r}); import measure; measure.DRIFT = 1e9; measure.main()"
    command = [python, "-B", "-c", start, *options]
    return subprocess.run(command, cwd="/", env=bare(), capture_output=True, text=True, timeout=250, check=False)


@pytest.fixture(scope="module")
def measured(kit: Path, device: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The kit as it was killed in the middle, and as it came home."""
    folder = tmp_path_factory.mktemp("measured") / "kit"
    shutil.copytree(kit, folder)
    results = folder / "results.json"
    script = subprocess.Popen([device, str(folder / "measure.py")], cwd="/", stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 200
    while not results.exists() and script.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    script.send_signal(signal.SIGKILL)
    assert script.wait() == -signal.SIGKILL
    assert script.stdout is not None
    script.stdout.close()
    shutil.copytree(folder, folder.with_name("killed"))
    rest = run(device, folder)
    assert rest.returncode == 0, rest.stderr
    return {"killed": folder.with_name("killed"), "whole": folder, "printed": rest.stdout}


@pytest.fixture
def brought(measured: dict[str, Any], tmp_path: Path) -> Path:
    """A copy of what came home, to be spoilt."""
    return Path(shutil.copytree(measured["whole"], tmp_path / "kit"))


def test_the_kit_is_four_files_that_need_nothing_of_ours(kit: Path) -> None:
    assert {path.name for path in kit.iterdir()} == {"README.txt", "manifest.json", "measure.py", "models.zip"}
    readme = (kit / "README.txt").read_text()
    assert "pip install numpy onnxruntime\n" in readme
    assert "python measure.py\n" in readme
    assert f"{len(KEYS)} rows and 9 complete models" in readme
    assert sum(path.stat().st_size for path in kit.iterdir()) < 3e6
    with zipfile.ZipFile(kit / "models.zip") as models:
        for name in models.namelist():
            onnx.checker.check_model(onnx.load_from_string(models.read(name)))


def test_a_killed_script_goes_on(measured: dict[str, Any]) -> None:
    killed, final = (json.loads((measured[n] / "results.json").read_text()) for n in ("killed", "whole"))
    assert 0 < len(killed["measured"]) < len(final["measured"])
    # What was measured before the kill stands as it was, in the same units.
    assert {name: final["measured"][name] for name in killed["measured"]} == killed["measured"]
    assert final["reference_ms"] == killed["reference_ms"]
    assert f"rows: {len(killed['measured'])} of {len(KEYS)} are measured" in measured["printed"]
    assert f"rows: {len(KEYS)} of {len(KEYS)}, about 0 s left" in measured["printed"]
    manifest = json.loads((measured["whole"] / "manifest.json").read_text())
    turns = {model["file"]: model.get("turns", 1) for model in manifest["rows"] + manifest["wholes"]}
    assert {name: len(times) for name, times in final["measured"].items()} == turns
    assert sorted(turns.values()) == [1] * (len(KEYS) + 8) + [2]


def test_the_results_become_a_table(brought: Path) -> None:
    unpacked = import_kit(brought)
    table = unpacked.table
    assert (unpacked.lacking, unpacked.imgsz, unpacked.note) == ("", SIZE, NOTE)
    assert table.path.parent == tables_home()
    assert set(table.entries) == KEYS
    assert not table.measurable
    # Same machine, same runtime: the name of the device is all that differs.
    assert table.fingerprint == identity(choose("onnxruntime")) | {"device": "pi5"}
    results = json.loads((brought / "results.json").read_text())
    found = find_table("pi5", "onnxruntime", 1)
    assert found.header == table.header
    assert found.header.noise == (results["quiet"], results["steal"])
    assert found.entries == table.entries
    # An entry is what the script measured, less the cost of the call.
    manifest = json.loads((brought / "manifest.json").read_text())
    row = manifest["rows"][0]
    ((ms, spread_ms, n),) = results["measured"][row["file"]]
    (entry,) = (m for key, m in table.entries.items() if list(key) == [row[name] for name in key._fields])
    assert entry == Measurement(max(0.0, ms - results["overhead_ms"]), spread_ms, n)
    # The factor is the geometric mean of measured over summed, over the eight calibration models.
    fitted = SPACE.calibration(2)
    wholes = [results["measured"][model["file"]][0][0] for model in manifest["wholes"] if model["calibrates"]]
    sums = [sum(table.row_times(detector, SIZE)) for detector in fitted]
    ratios = [(ms - table.header.overhead_ms) / total for ms, total in zip(wholes, sums, strict=True)]
    calibration = table.header.calibrations[str(SIZE)]
    assert calibration.n == 8
    assert calibration.factor == pytest.approx(np.exp(np.mean(np.log(ratios))))
    for detector, total in zip(fitted, sums, strict=True):
        predicted = table.header.overhead_ms + calibration.factor * total
        assert table.predict(detector, SIZE).total_ms == pytest.approx(predicted)
    ((model, turns),) = unpacked.models
    assert model == Model("stock", "stock", STOCK)
    assert [turn.ms for turn in turns] == [one[0] for one in results["measured"]["wholes/009.onnx"]]


def test_taking_a_kit_home_again_counts_nothing_twice(measured: dict[str, Any]) -> None:
    partial = import_kit(measured["killed"])
    kept = len(partial.table)
    assert partial.lacking == f"{len(KEYS) - kept} of {len(KEYS)} rows and 9 of 9 complete models"
    assert not partial.table.header.calibrations
    assert not partial.models[0].measured
    first = import_kit(measured["whole"])
    assert len(first.table) == len(KEYS) > kept > 0
    second = import_kit(measured["whole"])
    assert second.table.entries == first.table.entries
    assert second.table.header == first.table.header


def test_a_second_kit_brings_what_the_table_lacks(brought: Path, tmp_path: Path) -> None:
    import_kit(brought)
    with pytest.raises(InputError, match="device=pi5: its table contains all of this already"):
        write_kit(
            tmp_path / "more",
            KitSpec("pi5", "onnxruntime", 1, SIZE, list(SPACE.rows(2, SIZE)), SPACE.calibration(2), []),
        )
    assert not (tmp_path / "more").exists()
    rows = list(SPACE.stock().detector(3).resolve(SIZE))  # three classes: another head, the rest is known
    write_kit(tmp_path / "more", KitSpec("pi5", "onnxruntime", 1, SIZE, list(rows), SPACE.calibration(3), []))
    manifest = json.loads((tmp_path / "more" / "manifest.json").read_text())
    assert [row["operator"] for row in manifest["rows"]] == ["Detect"]
    assert manifest["wholes"] == []


def test_units_are_those_of_the_table_that_is_there(brought: Path, tmp_path: Path) -> None:
    """A second kit found the device's reference at another level: its times are brought to the table's."""
    table = import_kit(brought).table
    rows = [row for row in SPACE.stock().detector(3).resolve(SIZE) if row.row.module == "Detect"]
    write_kit(tmp_path / "more", KitSpec("pi5", "onnxruntime", 1, SIZE, list(rows), [], [Model("s", "other", STOCK)]))
    result = scripted(tmp_path / "more", table, ms=4.0, reference_ms=2 * table.header.reference_ms, overhead_ms=1.0)
    assert result.table.entries[Part.of(rows[0]).key(1)].ms == pytest.approx(1.5)
    assert [turn.ms for turn in result.models[0].measured] == pytest.approx([2.0, 2.0])
    assert len(result.table) == len(KEYS) + 1


def test_kits_that_overlap_count_once_each(brought: Path, tmp_path: Path) -> None:
    """Both were made before either came home. What both measured is the mean of both, however often they come."""
    table = import_kit(brought).table
    rows, kits = list(STOCK.resolve(SIZE)), [tmp_path / "a", tmp_path / "b"]
    for kit, count in zip(kits, (4, 8), strict=True):
        write_kit(kit, KitSpec("pi6", "onnxruntime", 1, SIZE, list(rows[:count]), [], []))
    times = {"reference_ms": 1.0, "overhead_ms": 0.0}
    for kit, ms in ((kits[0], 1.0), (kits[1], 2.0), (kits[1], 2.0), (kits[0], 1.0)):
        found = scripted(kit, table, ms, device="pi6", **times)
    shared = {key for row in rows[:4] for key in Part.of(row).needs()}
    assert {key: entry for key, entry in found.table.entries.items() if key in shared} == dict.fromkeys(
        shared, Measurement(1.5, 0.1, 8)
    )
    assert {entry.ms for key, entry in found.table.entries.items() if key not in shared} == {2.0}


def test_a_noisy_table_is_mended_by_the_kit_that_its_warning_names(brought: Path, tmp_path: Path) -> None:
    table = import_kit(brought).table
    rows, fitted = list(STOCK.resolve(SIZE)), SPACE.calibration(2)
    every = [*rows, *(row for detector in fitted for row in detector.resolve(SIZE))]
    write_kit(tmp_path / "noisy", KitSpec("pi6", "onnxruntime", 1, SIZE, list(every), fitted, []))
    noisy = scripted(tmp_path / "noisy", table, 3.0, device="pi6", quiet=0.1, reference_ms=1.0, overhead_ms=0.0).table
    words = command_words([SPACE], [SIZE], 2)
    command = f"bundle DIR --device pi6 --runtime onnxruntime --threads 1 --space tiny --imgsz {SIZE} --nc 2 --rebuild"
    assert command in noise_warning(noisy, every, *words)
    with pytest.raises(InputError, match="its table contains all of this already; measure it again with rebuild"):
        write_kit(tmp_path / "more", KitSpec("pi6", "onnxruntime", 1, SIZE, list(every), fitted, []))
    write_kit(tmp_path / "again", KitSpec("pi6", "onnxruntime", 1, SIZE, list(every), fitted, [], rebuild=True))
    for _ in range(2):
        anew = scripted(tmp_path / "again", table, 1.0, device="pi6", reference_ms=1.0, overhead_ms=0.0).table
        assert {tuple(entry) for entry in anew.entries.values()} == {(1.0, 0.1, 4)}
        assert anew.entries.keys() == noisy.entries.keys()
        assert not noise_warning(anew, every, *words)
        assert anew.header.calibrations[str(SIZE)].n == 8


def scripted(
    folder: Path, table: LatencyTable, ms: float, device: str = "pi5", quiet: float = 1.0, **times: float
) -> KitResults:
    """Unpack a kit with results that no device has measured: ``ms`` for everything."""
    manifest = json.loads((folder / "manifest.json").read_text())
    models = manifest["rows"] + manifest["wholes"]
    results = {"format": 1, "kit": manifest["seal"], "date": "2026-01-01", **times}
    results["identity"] = table.fingerprint | {"device": device}
    results["measured"] = {model["file"]: [[ms, 0.1, 4]] * model.get("turns", 1) for model in models}
    measure.write_sealed(folder / "results.json", results | {"quiet": quiet, "steal": None})
    return import_kit(folder)


def spoil(name: str, old: str, new: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


def resealed(name: str, **changes: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        del content["seal"]
        measure.write_sealed(folder / name, content | changes)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "results.json").unlink(), "results.json: missing; run python measure.py there"),
        (
            lambda folder: (folder / "manifest.json").unlink(),
            "manifest.json: missing; give the folder of a measuring kit",
        ),
        (lambda folder: (folder / "results.json").write_bytes(b"\xff"), "results.json: damaged, not readable"),
        (lambda folder: (folder / "results.json").write_text("[1]"), "results.json: damaged, not readable"),
        (lambda folder: (folder / "results.json").write_text("{"), "results.json: damaged, not readable"),
        (spoil("results.json", '"steal": ', '"steal": 1'), "results.json: damaged, not as it was written"),
        (spoil("results.json", '"device": "pi5"', '"device": "pi6"'), "results.json: damaged, not as it was written"),
        (spoil("manifest.json", '"depth": 1', '"depth": 3'), "manifest.json: damaged, not as it was written"),
        (resealed("results.json", kit="0" * 64), "results.json: the results of another kit"),
        (resealed("manifest.json", imgsz=96), "results.json: the results of another kit"),
        (resealed("results.json", format=2), "results.json: format: must be 1"),
    ],
)
def test_what_was_changed_is_refused(brought: Path, change: Callable[[Path], object], message: str) -> None:
    change(brought)
    with pytest.raises(InputError) as raised:
        import_kit(brought)
    assert str(raised.value).startswith(f"{brought}/{message}")
    assert "\n" not in str(raised.value)
    assert not tables_home().exists()


def test_another_releases_kit_is_refused(brought: Path) -> None:
    of = json.loads((brought / "results.json").read_text())["identity"]
    resealed("results.json", identity=of | {"form": 0})(brought)
    with pytest.raises(InputError, match=r"made by another release, .*form is 0 there.*make the kit anew"):
        import_kit(brought)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda folder: (folder / "models.zip").unlink(), [], "models.zip: missing; copy the kit here anew"),
        (lambda folder: (folder / "models.zip").write_bytes(b"PK"), [], "models.zip: damaged, not as it was written"),
        (lambda folder: (folder / "manifest.json").unlink(), [], "manifest.json: missing; copy the kit here anew"),
        (spoil("manifest.json", "pi5", "pi6"), [], "manifest.json: damaged, not as it was written"),
        (
            spoil("results.json", '"steal": ', '"steal": 1'),
            [],
            "results.json: damaged, not as it was written; delete it",
        ),
        (resealed("results.json", kit="0" * 64), [], "results.json: the results of another kit; delete it or move it"),
        (
            lambda folder: None,
            ["--threads", "2"],
            "results.json: measured in another way: threads was 1 and is 2",
        ),
    ],
)
def test_the_script_says_what_is_wrong(
    brought: Path, device: Path, change: Callable[[Path], object], options: list[str], message: str
) -> None:
    change(brought)
    result = run(device, brought, *options)
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {brought}/{message}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "here"), [("cpu", "Another CPU"), ("version", "0.0")], ids=["another machine", "another version"]
)
def test_the_script_refuses_results_of_another_machine(brought: Path, device: Path, name: str, here: str) -> None:
    of = json.loads((brought / "results.json").read_text())["identity"]
    resealed("results.json", identity=of | {name: here})(brought)
    result = run(device, brought)
    assert result.returncode == 1
    assert f"{name} was {here} and is {of[name]}; delete it or move it away to measure anew" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("package", ["numpy", "onnxruntime"])
def test_the_script_names_the_package_that_is_missing(kit: Path, device: Path, tmp_path: Path, package: str) -> None:
    (tmp_path / f"{package}.py").write_text("raise ImportError('as if it were not there')")
    command = [device, "-c", f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = ['measure.py']; "]
    command[-1] += f"runpy.run_path({str(kit / 'measure.py')!r}, run_name='__main__')"
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == f"error: {package} is missing (as if it were not there); run: pip install {package}\n"


class Scripted(measure.Session):
    """The session of a script whose machine slows down and recovers: ``slowness`` of the seconds that have passed."""

    now = 0.0
    slowness: Callable[[float], float]

    def __init__(
        self,
        model: measure.Model,
        inputs: Any,
        threads: int,
        ends: measure.Ends = (True, True),
        precision: str = "float32",
    ):
        self.cost = 1e-3 if inputs[0].shape != (1,) else 1e-5

    def seconds(self) -> float:
        taken = self.cost * Scripted.slowness(Scripted.now)
        Scripted.now += taken
        return taken

    def outputs(self) -> list[Any]:
        return []

    def run(self, inputs: Any) -> list[Any]:
        return []

    @staticmethod
    def fingerprint() -> dict[str, str]:
        return {"runtime": "onnxruntime", "version": "1", "options": ""}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[float], float]], None]:
    """Sets the slowness of a machine on which every model takes 1 ms and a call 0.01 ms; its time is scripted."""
    monkeypatch.setitem(measure.SESSIONS, "onnxruntime", Scripted)
    monkeypatch.setattr(measure.time, "perf_counter", lambda: Scripted.now)
    monkeypatch.setattr(measure, "_ticks", lambda: None)
    monkeypatch.setattr(Scripted, "now", 0.0)

    def start(slowness: Callable[[float], float]) -> None:
        monkeypatch.setattr(Scripted, "slowness", staticmethod(slowness), raising=False)

    return start


def results_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "results.json").read_text()))


def test_results_begun_in_a_slow_window_are_begun_again(
    kit: Path, tmp_path: Path, machine: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(kit, tmp_path / "kit"))
    machine(lambda now: 1.8 if now < 2.5 else 1.0)
    noise = measure.Kit(folder).run()
    results = results_of(folder)
    assert "the machine was slow until now: begin again" in capsys.readouterr().out
    assert results["reference_ms"] == pytest.approx(1.0)
    assert all(turn[0] == pytest.approx(1.0) for turns in results["measured"].values() for turn in turns)
    assert noise.quiet < 1


def test_noise_is_told_and_kept(
    kit: Path, tmp_path: Path, machine: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    folder = Path(shutil.copytree(kit, tmp_path / "kit"))
    machine(lambda now: 1.9 if now > 2 else 1.0)
    monkeypatch.setattr(sys, "argv", ["measure.py"])
    monkeypatch.setattr(measure, "__file__", str(folder / "measure.py"))
    measure.main()
    printed = capsys.readouterr().out
    assert "WARNING: this machine was too noisy" in printed
    assert results_of(folder)["quiet"] < 0.5
    # The noisiest session counts: a quiet one after it does not hide it.
    results = results_of(folder)
    results["measured"] = {name: turns for name, turns in results["measured"].items() if name.startswith("rows")}
    resealed("results.json", measured=results["measured"])(folder)
    machine(lambda now: 1.0)
    measure.main()
    assert results_of(folder)["quiet"] == results["quiet"]


def test_a_machine_at_another_level_does_not_go_on(kit: Path, tmp_path: Path, machine: Callable[..., None]) -> None:
    folder = Path(shutil.copytree(kit, tmp_path / "kit"))
    machine(lambda now: 1.0)
    measure.Kit(folder).run()
    machine(lambda now: 1.7)
    with pytest.raises(measure.KitError, match=r"the reference kernel took 1 ms there and takes 1.7 ms now"):
        measure.Kit(folder).run()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(InputError, match="is not an empty folder; give another one"):
        tiny_kit(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_measurements_are_not_overwritten(brought: Path) -> None:
    before = {path: path.read_bytes() for path in brought.iterdir()}
    with pytest.raises(InputError, match="holds the results of a kit; import them with"):
        tiny_kit(brought)
    assert {path: path.read_bytes() for path in brought.iterdir()} == before


def test_a_kit_that_was_never_finished_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stock, folder = [Model("stock", "stock", STOCK)], tmp_path / "kit"
    write_kit(folder, KitSpec("pi5", "onnxruntime", 1, SIZE, [], [], stock))

    def killed(path: Path, content: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(measure, "write_sealed", killed)
        with pytest.raises(KeyboardInterrupt):
            write_kit(folder, KitSpec("pi5", "onnxruntime", 1, SIZE, [], [], stock))
    with pytest.raises(measure.KitError, match=r"manifest.json: missing"):
        measure.Kit(folder)
    with pytest.raises(InputError, match=r"manifest.json: missing"):
        import_kit(folder)
    write_kit(folder, KitSpec("pi5", "onnxruntime", 1, SIZE, [], [], stock))
    measure.Kit(folder)


@pytest.mark.parametrize("runtime", ["torch", "fake"])
def test_a_kit_takes_a_runtime_of_onnx_files(tmp_path: Path, runtime: str) -> None:
    with pytest.raises(InputError, match=f"runtime={runtime}: a kit takes ONNX models; give onnxruntime or openvino"):
        write_kit(tmp_path / "kit", KitSpec("pi5", runtime, 1, SIZE, [], [], [Model("stock", "stock", STOCK)]))


def test_a_kits_models_are_those_that_are_measured_here_but_for_their_weights() -> None:
    model = export(*end_to_end(STOCK, SIZE))
    light = compressible(model)
    before, after = onnx.load_from_string(model), onnx.load_from_string(light)
    assert list(after.graph.node) == list(before.graph.node)
    weights = {node.input[1] for node in before.graph.node if node.op_type == "Conv"}
    assert len(before.graph.initializer) == len(after.graph.initializer) > len(weights) / 2
    changed = 0
    for one, other in zip(before.graph.initializer, after.graph.initializer, strict=True):
        assert (one.name, one.dims, one.data_type) == (other.name, other.dims, other.data_type)
        flat = onnx.numpy_helper.to_array(other).ravel()
        if one.raw_data != other.raw_data:
            assert one.name in weights
            assert np.array_equal(flat[:PERIOD], flat[PERIOD : 2 * PERIOD][:PERIOD]) or flat.size < 2 * PERIOD
            filters = flat.reshape(other.dims[0], -1)
            assert filters.shape[1] == 1 or len(np.unique(filters, axis=0)) >= min(PERIOD, len(filters))
            changed += 1
    assert changed > 30
    with np.errstate(all="raise"):
        (outputs,) = measure.OnnxSession(
            light, [np.random.default_rng(0).random((1, 3, SIZE, SIZE), "f4")], 1
        ).outputs()
    assert np.isfinite(outputs).all()


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_survives_the_way(tmp_path: Path, name: str) -> None:
    """A kit carries detectors as YAML."""
    detector = TEMPLATES[name].stock(80)
    (tmp_path / "model.yaml").write_text(to_yaml(detector))
    assert from_yaml(tmp_path / "model.yaml") == detector
