"""A file that is not what it should be is refused in one line that names file, place and mend."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nas.detectors import TEMPLATES
from nas.errors import InputError
from nas.runtimes import choose
from nas.tables import LatencyTable, _fit

ROWS = list(TEMPLATES["yolov8n"].stock(2).resolve(64))[:3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    table = LatencyTable.open(choose("fake"), tmp_path / "t.csv")
    table.ensure(ROWS)
    return table.path


def refused(path: Path, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as error:
        LatencyTable.open(choose("fake"), path)
    text = str(error.value)
    assert text.startswith(str(path.parent))
    assert "\n" not in text
    assert "--rebuild-table" in text or "--table" in text


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
        ("ms", "nan", "line 3: ms: must be a time in ms, not nan"),
        ("ms", "inf", "line 3: ms: must be a time in ms, not inf"),
        ("ms", "-0.5", "line 3: ms: must be a time in ms, not -0.5"),
        ("spread_ms", "nan", "line 3: spread_ms: must be a time in ms, not nan"),
        ("n", "0", "line 3: n: must be at least 1, not 0"),
        ("n", "2.5", "line 3: n: not a number: '2.5'"),
        ("depth", "0", "line 3: depth: must be at least 1, not 0"),
        ("arguments", "[1, 2", "line 3: arguments: not a JSON list: '[1, 2'"),
        ("inputs", "", "line 3: inputs: not a JSON list: ''"),
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
    refused(path, "unknown column watts")


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
        ({"reference_ms": 0}, "reference_ms: must be a time in ms, not 0"),
        ({"reference_ms": float("nan")}, "reference_ms: must be a time in ms, not nan"),
        ({"overhead_ms": -1}, "overhead_ms: must be a time in ms, not -1"),
        ({"watts": 1}, "must hold exactly identity, date, reference_ms, overhead_ms, calibrations"),
        ({"identity": 1}, "identity, calibrations: each must hold names and values"),
        ({"calibrations": {"64": 1}}, "calibrations.64: must hold factor, n and worst"),
        ({"calibrations": {"64": {"factor": 0, "n": 1, "worst": 0}}}, "calibrations.64.factor: must be above 0, not 0"),
    ],
)
def test_json_values(path: Path, change: dict[str, Any], message: str) -> None:
    file = path.with_suffix(".json")
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    refused(path, message)


def test_not_a_json(path: Path) -> None:
    path.with_suffix(".json").write_text("{")
    refused(path, "t.json: not readable as JSON")


def test_a_table_of_another_runtime(path: Path) -> None:
    file = path.with_suffix(".json")
    content = json.loads(file.read_text())
    content["identity"] |= {"version": "0", "threads": 4}
    file.write_text(json.dumps(content))
    refused(path, "of another device or runtime: version is '0' there and '1' here; threads is 4 there and 1 here")


@pytest.mark.parametrize(("factor", "fits"), [(1.6, False), (0.6, False), (1.4, True), (0.7, True)])
def test_a_machine_of_another_speed(path: Path, factor: float, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_fit, "SECONDS", 0)
    file = path.with_suffix(".json")
    content = json.loads(file.read_text())
    content["reference_ms"] *= factor
    file.write_text(json.dumps(content))
    if fits:
        assert len(LatencyTable.open(choose("fake"), path)) == 3
    else:
        refused(path, "the reference kernel takes 2.7 ms here and took")


def test_rebuilding_mends(path: Path) -> None:
    path.write_bytes(b"\xff")
    table = LatencyTable.open(choose("fake"), path, rebuild=True)
    table.ensure(ROWS)
    assert len(LatencyTable.open(choose("fake"), path)) == 3
