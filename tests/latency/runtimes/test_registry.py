"""Choice of a runtime, and messages about it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from nas.errors import InputError
from nas.latency.runtimes import registry
from nas.latency.runtimes.registry import choose, find

find_spec = importlib.util.find_spec
KNOWN = "known are auto, torch, onnxruntime, openvino, fake, and your own as module:Class"
OWN = """
from nas.latency.runtimes.fake import FakeRuntime
class Mine(FakeRuntime):
    pass
class Fast(FakeRuntime):
    supported = {"cpu": ("int8", "float32")}
class Needy(FakeRuntime):
    packages = ("no_such_package",)
    install = "pip install it"
class Other:
    pass
"""


def hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find_spec(name))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, with a module own_runtime."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in {"", str(tmp_path)}])
    (tmp_path / "own_runtime.py").write_text(OWN)
    yield tmp_path
    for name in [name for name, module in sys.modules.items() if str(tmp_path) in str(getattr(module, "__file__", ""))]:
        del sys.modules[name]


def message(*arguments: object, **named: object) -> str:
    with pytest.raises(InputError) as error:
        choose(*arguments, **named)  # type: ignore[arg-type]
    text = str(error.value)
    assert "\n" not in text
    return text


def test_auto_takes_onnxruntime_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime")
    assert choose().name == "onnxruntime"
    assert capsys.readouterr().err == ""
    hide(monkeypatch, "onnxruntime")
    registry._say_torch.cache_clear()
    assert choose().name == choose().name == "torch"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: onnxruntime is not installed, so latency is measured in torch; ")
    assert line.endswith(find("onnxruntime").install)


@pytest.mark.parametrize(("package", "extra"), [("onnxruntime", "onnx"), ("openvino", "openvino")])
def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, package: str, extra: str) -> None:
    hide(monkeypatch, package)
    told = message(package)
    assert told.startswith(f"runtime={package}: {package} is not installed; run ")
    assert told.endswith(f"[{extra}]'")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"name": "tflite"}, f"runtime=tflite: no such runtime; {KNOWN}"),
        ({"threads": 0}, "threads=0: must be at least 1"),
        (
            {"name": "onnxruntime", "device": "cuda"},
            "device=cuda: cannot be measured with the runtime onnxruntime; give cpu, or runtime=torch",
        ),
        (
            {"name": "torch", "device": "pi5"},
            "device=pi5: cannot be measured with the runtime torch; give cpu or cuda",
        ),
        ({"name": "torch", "device": "cpu:0"}, "device=cpu:0: cannot be measured with the runtime torch; give cpu"),
        (
            {"name": "torch", "precision": "float16"},
            "precision=float16: the runtime torch measures float32 on cpu; give float32",
        ),
        (
            {"name": "onnxruntime", "precision": "int8"},
            "precision=int8: the runtime onnxruntime measures float32 on cpu; give float32",
        ),
    ],
)
def test_what_cannot_be_is_told_in_one_line(arguments: dict[str, object], told: str) -> None:
    if arguments.get("name") in {"onnxruntime", "openvino"}:
        pytest.importorskip(str(arguments["name"]))
    assert message(**arguments).startswith(told)


@pytest.mark.parametrize(
    ("built", "told"),
    [
        (None, "is built for the CPU only; install a CUDA build (pytorch.org/get-started), or give cpu"),
        ("12.6", "(CUDA 12.6) sees no GPU; check that nvidia-smi lists it, or give cpu"),
    ],
)
def test_a_missing_gpu_names_the_mend(monkeypatch: pytest.MonkeyPatch, built: str | None, told: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built)
    assert message(device="cuda") == f"device=cuda: torch {torch.__version__} {told}"


@pytest.mark.parametrize("device", ["cuda:2", "cuda:x", "cuda:", "cuda:-1"])
def test_a_wrong_gpu_is_told_the_right_ones(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert message(device=device) == f"device={device}: no such GPU; torch sees cuda:0, cuda:1"


def test_ones_own_runtime_is_found_in_the_working_directory(folder: Path) -> None:
    runtime = choose("own_runtime:Mine", threads=3)
    assert type(runtime).__module__ == "own_runtime"
    # So that a table of it is looked up, and mended, with the same option.
    assert runtime.name == runtime.fingerprint()["runtime"] == "own_runtime:Mine"
    assert runtime.fingerprint()["threads"] == 3
    assert choose("own_runtime:Fast", precision="int8").fingerprint()["precision"] == "int8"


def test_installed_modules_go_before_those_of_the_working_directory(folder: Path) -> None:
    (folder / "nas").mkdir()
    (folder / "nas" / "__init__.py").write_text("raise RuntimeError")
    (folder / "platformdirs.py").write_text("raise RuntimeError")
    sys.modules.pop("platformdirs", None)
    choose("own_runtime:Mine")
    importlib.import_module("platformdirs")


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (None, "no_such:Mine", "no module no_such in {folder} or among the installed packages; give module:Class"),
        (None, "own_runtime.part:Mine", "no module own_runtime.part in {folder} or among"),
        (OWN, "own_runtime:Absent", "{folder}/own_runtime.py has no class Absent"),
        (OWN, "own_runtime:", "{folder}/own_runtime.py has no class after the colon"),
        (OWN, "own_runtime:Other", "Other is not a subclass of nas.latency.runtimes.Runtime"),
        (OWN, "own_runtime:OWN", "{folder}/own_runtime.py has no class OWN"),
        (OWN, "own_runtime:Needy", "no_such_package is not installed; run pip install it"),
        ("import no_such_package", "own_runtime:Mine", "own_runtime needs no_such_package, which is not installed"),
        ("1 / 0", "own_runtime:Mine", "importing own_runtime failed: ZeroDivisionError: division by zero"),
        ("class (", "own_runtime:Mine", "importing own_runtime failed: SyntaxError: invalid syntax"),
        (None, ":Mine", "importing  failed: ValueError: Empty module name"),
    ],
)
def test_what_is_wrong_with_it_is_told_in_one_line(folder: Path, content: str | None, name: str, told: str) -> None:
    if content is not None:
        (folder / "own_runtime.py").write_text(content)
    assert message(name).startswith(f"runtime={name}: {told.format(folder=folder)}")
