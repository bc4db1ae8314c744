"""Which runtime one gets, and what one is told."""

from __future__ import annotations

import importlib.util

import pytest

from nas.errors import InputError
from nas.runtimes import choose

find_spec = importlib.util.find_spec


def hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find_spec(name))


def test_auto_takes_onnxruntime_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    assert choose().name == "onnxruntime"
    hide(monkeypatch, "onnxruntime")
    assert choose().name == "torch"


@pytest.mark.parametrize(("package", "extra"), [("onnxruntime", "onnx"), ("openvino", "openvino")])
def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, package: str, extra: str) -> None:
    hide(monkeypatch, package)
    with pytest.raises(InputError, match=rf"{package} is not installed; run pip install 'pareto-yolo\[{extra}\]'"):
        choose(package)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"device": "cuda:0"}, "--device cuda:0: cannot be measured yet; give cpu"),
        ({"name": "tflite"}, "--runtime tflite: no such runtime; known are auto, torch, onnxruntime, openvino, fake"),
        ({"threads": 0}, "--threads 0: must be at least 1"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        choose(**arguments)  # type: ignore[arg-type]
    assert str(error.value) == message
