"""A file that is not what it should be is refused in one line that names file, place and mend."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.detectors.templates import TEMPLATES
from nas.errors import InputError
from nas.latency.opening import builder_for
from nas.latency.runtimes import measure
from nas.latency.runtimes.base import Runtime
from nas.latency.runtimes.fake import FakeRuntime
from nas.latency.runtimes.registry import choose
from nas.latency.store import load, save

ROWS = list(TEMPLATES["yolov8n"].stock(2).resolve(64))[:3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    table = builder_for(choose("fake"), tmp_path / "t.csv")
    table.ensure(ROWS)
    return table.table.path


def refused(path: Path, message: str, runtime: Runtime | None = None) -> str:
    with pytest.raises(InputError, match=re.escape(message)) as error:
        builder_for(runtime or choose("fake"), path)
    text = str(error.value)
    assert text.startswith(str(path.parent))
    assert "\n" not in text
    command = "measure anew: python -m nas.latency build --rebuild --device cpu --runtime fake --threads "
    assert command in text and f"--table {path}" in text.partition(command)[2]
    return text


def rewrite(path: Path, **changes: Any) -> None:
    """The table as it would have been written with another header."""
    header, entries = load(path)
    save(path, replace(header, **changes), entries)


def edit(path: Path, line: int, column: str, value: str) -> None:
    import pandas as pd

    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame.loc[line - 2, column] = value
    frame.to_csv(path, index=False)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("ms", "fast", "line 3: ms: not a number: 'fast'"),
        ("ms", "", "line 3: ms: not a number: ''"),
        ("ms", "nan", "line 3: ms: must be a time in ms, not 'nan'"),
        ("ms", "inf", "line 3: ms: must be a time in ms, not 'inf'"),
        ("ms", "-0.5", "line 3: ms: must be a time in ms, not '-0.5'"),
        ("spread_ms", "nan", "line 3: spread_ms: must be a time in ms, not 'nan'"),
        ("n", "0", "line 3: n: must be at least 1, not '0'"),
        ("n", "2.5", "line 3: n: not a number: '2.5'"),
        ("depth", "0", "line 3: depth: must be at least 1, not '0'"),
        ("arguments", "[1, 2", "line 3: arguments: not a JSON list: '[1, 2'"),
        ("inputs", "", "line 3: inputs: not a JSON list: ''"),
        ("arguments", "[" * 10**5, "line 3: arguments: not a JSON list: "),
        ("ms", "0.5", "line 3: check: the line is not as it was written, or of another table"),
        ("n", "2", "line 3: check: "),
        ("operator", "C2f", "line 3: check: "),
        ("check", "", "line 3: check: "),
    ],
)
def test_values(path: Path, column: str, value: str, message: str) -> None:
    edit(path, 3, column, value)
    refused(path, message)


def test_a_second_entry_for_a_key(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[1]]))
    refused(path, "line 5: a second entry for Conv [3, 16, 3, 2, null, 1, true] on [[3, 64, 64]] at depth 1")


def test_columns(path: Path) -> None:
    text = path.read_text()
    path.write_text(text.replace("spread_ms", "spread"))
    refused(path, "column spread_ms is missing")
    lines = text.splitlines()
    path.write_text("\n".join([lines[0] + ",watts", *(line + ",1" for line in lines[1:])]))
    refused(path, "unknown column 'watts'")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'operator,arguments\n"C2f'])
def test_not_a_csv(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused(path, "t.csv: ")


def test_a_line_cut_short(path: Path) -> None:
    path.write_text(path.read_text()[:-12])
    refused(path, "line 4: ")


def test_a_line_too_long(path: Path) -> None:
    path.write_text(path.read_text() + "a,b,c,d,e,f,g,h,i\n")
    refused(path, "not readable as CSV")


def test_the_json_is_missing(path: Path) -> None:
    path.with_suffix(".json").unlink()
    refused(path, "t.json: missing")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference_ms": 0}, "reference_ms: must be a finite number above 0, not 0"),
        ({"reference_ms": float("nan")}, "reference_ms: must be a finite number above 0, not nan"),
        ({"overhead_ms": -1}, "overhead_ms: must be a finite number, at least 0, not -1"),
        ({"reference_ms": 10**400}, "reference_ms: must be a finite number above 0, not 1000"),
        ({"watts": 1}, "watts: is no field of a table"),
        ({"format": 2}, "format: must be 1, the one this release reads"),
        ({"identity": 1}, "identity: must hold names and values"),
        ({"identity": {"threads": 1.5}}, "identity.threads: must be text or a whole number, not 1.5"),
        ({"calibrations": []}, "calibrations: must hold names and values"),
        ({"date": 3}, "date: must be text, not 3"),
        ({"quiet": 1.5}, "quiet: must be a share from 0 to 1, not 1.5"),
        ({"quiet": None}, "quiet: must be a share from 0 to 1, not None"),
        ({"steal": -0.1}, "steal: must be a share from 0 to 1, not -0.1"),
        ({"cards": {"64": {"bias": float("inf")}}}, "cards.64.bias: must be a finite number, not inf"),
        ({"cards": {"64": {"bias": 10**400}}}, "cards.64.bias: must be a finite number, not 1000"),
        ({"cards": {"64": 1}}, "cards.64: must hold names and values"),
        ({"reference_ms": 2.6}, "check: the file is not as it was written"),
        ({"calibrations": {"64": {"factor": 1, "n": 1, "worst": 0}}}, "check: the file is not as it was written"),
        ({"calibrations": {"64": 1}}, "calibrations.64: must hold names and values"),
        (
            {"calibrations": {"64": {"factor": 0, "n": 1, "worst": 0}}},
            "calibrations.64.factor: must be a finite number above 0, not 0",
        ),
    ],
)
def test_json_values(path: Path, change: dict[str, Any], message: str) -> None:
    file = path.with_suffix(".json")
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    refused(path, message)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 10**5, b'{"reference_ms": %s}' % (b"9" * 5000)])
def test_not_a_json(path: Path, content: bytes) -> None:
    path.with_suffix(".json").write_bytes(content)
    refused(path, "t.json: not readable as JSON")


def test_one_file_of_another_table(path: Path, tmp_path: Path) -> None:
    """Same device and runtime, but begun at another time: its times are in units of another reference."""
    other = tmp_path / "other.csv"
    for file in (path, path.with_suffix(".json")):
        shutil.copy(file, other.with_suffix(file.suffix))
    rewrite(other, reference_ms=3.0)
    other.with_suffix(".json").replace(path.with_suffix(".json"))
    refused(path, "line 2: check: the line is not as it was written, or of another table")


@pytest.mark.parametrize(
    ("name", "there", "here"),
    [
        ("cpu", "Elbrus-8C", None),
        ("system", "Darwin arm64", None),
        ("runtime", "torch", "fake"),
        ("version", "0", "1"),
        ("options", "guessed", None),
        ("precision", "float16", "float32"),
        ("threads", 4, 1),
        ("form", 2, None),
        ("reference", "a 3x3 convolution", None),
    ],
)
def test_another_fingerprint(path: Path, name: str, there: object, here: object) -> None:
    identity = load(path)[0].identity
    here = here or identity[name]
    rewrite(path, identity=identity | {name: there})
    refused(path, f"of another device or runtime: {name} is {there!r} there and {here!r} here; measure anew: ")


def test_every_difference_is_named(path: Path) -> None:
    identity = load(path)[0].identity
    del identity["options"]
    rewrite(path, identity=identity | {"version": "0", "gpu": "H100"})
    refused(
        path,
        "version is '0' there and '1' here; options is None there and 'computed, not timed' here; "
        "gpu is 'H100' there and None here",
    )


class Half(FakeRuntime):
    def fingerprint(self) -> dict[str, str | int]:
        return super().fingerprint() | {"precision": "float16"}


def test_the_mend_is_for_what_was_asked(path: Path) -> None:
    """Not for what the table holds."""
    text = refused(path, "threads is 1 there and 2 here", choose("fake", threads=2))
    assert f"--runtime fake --threads 2 --table {path}" in text
    text = refused(path, "precision is 'float32' there and 'float16' here", Half(1))
    assert f"--runtime fake --threads 1 --precision float16 --table {path}" in text


def test_the_mend_in_the_users_folder_needs_no_path() -> None:
    table = builder_for(choose("fake"))
    table.ensure(ROWS)
    table.table.path.write_text("")
    with pytest.raises(InputError, match=r"--threads 1$"):
        builder_for(choose("fake"))


@pytest.mark.parametrize(("factor", "fits"), [(1.6, False), (0.6, False), (1.4, True), (0.7, True)])
def test_a_machine_of_another_speed(path: Path, factor: float, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "PATIENCE", (10, 0.0))
    here = load(path)[0].reference_ms
    rewrite(path, reference_ms=here * factor)
    if fits:
        assert len(builder_for(choose("fake"), path).table) == 3
    else:
        text = refused(path, f"the reference kernel takes {here:.3g} ms here and took {here * factor:.3g} ms when")
        assert text.endswith("or accept it with force")


def test_a_file_that_came_to_be_another_tables(path: Path) -> None:
    """Opened while it was not there; by the time of measuring another runtime's entries lie in it."""
    kept = [file.read_bytes() for file in (path, path.with_suffix(".json"))]
    path.unlink()
    table = builder_for(choose("fake", threads=2), path)
    path.write_bytes(kept[0])
    with pytest.raises(InputError, match=r"threads is 1 there and 2 here; measure anew: .* --threads 2 "):
        table.ensure(ROWS)
    assert [file.read_bytes() for file in (path, path.with_suffix(".json"))] == kept


def test_rebuilding_mends(path: Path) -> None:
    path.write_bytes(b"\xff")
    table = builder_for(choose("fake"), path, rebuild=True)
    table.ensure(ROWS)
    assert len(builder_for(choose("fake"), path).table) == 3
