"""Whatever happens to a table's two files, opening it is refused in one line, or nothing in it is wrong."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.detectors.templates import TEMPLATES
from nas.errors import InputError
from nas.latency.header import Header
from nas.latency.opening import builder_for
from nas.latency.runtimes.registry import choose
from nas.latency.store import Entries, save

STOCK = TEMPLATES["yolov8n"].stock(2)
SIZE = 64
EXAMPLES = 400

SNIPPETS = [
    *(b'"', b'""', b",", b"\n", b"\r", b"\r\n", b"\n\n", b" ", b"\t", b"\0", b"#", b"'", b"\\", b"\\u0031"),
    *(
        b"0",
        b"1",
        b"00",
        b".",
        b"-",
        b"e1",
        b"e-1",
        b"_0",
        b"E400",
        b"nan",
        b"NaN",
        b"inf",
        b"Infinity",
        b"null",
        b"true",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b"[]",
        b"{}",
        b":",
        b'"ms": 1,',
        b'"quiet": 0.5,',
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xc3\xa9",
    ),
    *(b"[" * 10**4, b"9" * 400, b"9" * 5000, b"," * 20, b"\n" * 20, b'{"a":' * 10**4),
]
"""Texts that a parser may stumble over, or take for another spelling of the same."""

Change = Callable[[bytes], bytes]
"""From what a file holds to what it then holds."""


class Built(NamedTuple):
    path: Path
    header: Header
    entries: Entries
    content: dict[str, bytes]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A table with one of everything: entries of both depths, a calibration, a card, noise."""
    table = builder_for(choose("fake"), tmp_path_factory.mktemp("table") / "t.csv")
    table.ensure(STOCK.resolve(SIZE))
    table.calibrate([STOCK], SIZE)
    cards = {str(SIZE): {"within_5pct": 0.975, "spearman": 0.9876, "bias": -0.0042}}
    header = replace(table.table.header, quiet=0.875, steal=0.0125, cards=cards)
    save(table.table.path, header, table.table.entries)
    files = {suffix: table.table.path.with_suffix(suffix) for suffix in (".csv", ".json")}
    return Built(table.table.path, header, table.table.entries, {s: f.read_bytes() for s, f in files.items()})


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """One change; places are drawn as shares of a length that is not known yet."""
    at, to = (draw(st.floats(0, 1, exclude_max=True)) for _ in range(2))
    length = draw(st.integers(1, 60))
    extra = draw(st.sampled_from(SNIPPETS) | st.binary(min_size=1, max_size=6))
    bits, times, digit = draw(st.integers(1, 255)), draw(st.sampled_from([1, 1, 2, 50])), draw(st.integers(1, 9))

    def chunk(old: bytes) -> bytes:
        start = int(at * len(old))
        return old[start : start + length]

    def flip(old: bytes) -> bytes:
        place = int(at * len(old))
        return old[:place] + bytes([old[place] ^ bits]) + old[place + 1 :]

    def miscount(old: bytes) -> bytes:
        """Another digit in place of a digit."""
        digits = [place for place, byte in enumerate(old) if chr(byte).isdigit()]
        place = digits[int(at * len(digits))]
        other = (old[place] - ord("0") + digit) % 10
        return old[:place] + b"%d" % other + old[place + 1 :]

    def insert(old: bytes) -> bytes:
        place = int(at * len(old))
        return old[:place] + extra + old[place:]

    def overwrite(old: bytes) -> bytes:
        place = int(at * len(old))
        return old[:place] + extra + old[place + len(extra) :]

    def delete(old: bytes) -> bytes:
        return old.replace(chunk(old), b"", 1)

    def delete_from(old: bytes) -> bytes:
        return old[: int(at * len(old))]

    def delete_until(old: bytes) -> bytes:
        return old[int(at * len(old)) :]

    def repeat(old: bytes) -> bytes:
        place = int(to * len(old))
        return old[:place] + chunk(old) * times + old[place:]

    def in_lines(change: Callable[[list[bytes], int, int], object]) -> Change:
        def changed(old: bytes) -> bytes:
            lines = old.splitlines(keepends=True)
            change(lines, int(at * len(lines)), int(to * len(lines)))
            return b"".join(lines)

        return changed

    def swap(lines: list[bytes], one: int, other: int) -> None:
        lines[one], lines[other] = lines[other], lines[one]

    def swap_cells(lines: list[bytes], one: int, other: int) -> None:
        """The end of a line, where the numbers are, with that of another."""
        heads, tails = zip(*(lines[i].rpartition(b'"')[::2] for i in (one, other)), strict=True)
        lines[one], lines[other] = (
            heads[0] + b'"' * bool(heads[0]) + tails[1],
            heads[1] + b'"' * bool(heads[1]) + tails[0],
        )

    line_wise = [
        swap,
        swap_cells,
        lambda lines, one, other: lines.pop(one),
        lambda lines, one, other: lines.insert(one, lines[other]),
        lambda lines, one, other: lines.__setitem__(one, lines[one].rstrip()),
        lambda lines, one, other: lines.__delitem__(slice(one, None)),
    ]
    bytewise: list[Change] = [flip, miscount, insert, overwrite, delete, delete_from, delete_until, repeat]
    change: Change = draw(st.sampled_from([*bytewise, *map(in_lines, line_wise)]))
    return lambda old: change(old) if old.strip() and any(chr(b).isdigit() for b in old) else old


@pytest.fixture(scope="module")
def seen() -> Iterator[Counter[str]]:
    """Results over all examples of a file: some must be accepted and some refused."""
    counted: Counter[str] = Counter()
    yield counted
    assert counted[".csv refused"] > EXAMPLES / 2
    assert counted[".csv taken"] > EXAMPLES / 50
    assert counted[".json refused"] > EXAMPLES / 2


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_no_damage_yields_a_wrong_number(built: Built, seen: Counter[str], suffix: str) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
    @given(st.lists(changes(), min_size=1, max_size=3))
    def damage(several: list[Change]) -> None:
        content = built.content[suffix]
        for change in several:
            content = change(content)
        built.path.with_suffix(suffix).write_bytes(content)
        seen[suffix + (" taken" if opens(built) else " refused")] += 1

    for other, content in built.content.items():
        built.path.with_suffix(other).write_bytes(content)
    damage()


def opens(built: Built) -> bool:
    """True if the table still opens; asserts that nothing is wrong either way."""
    try:
        table = builder_for(choose("fake"), built.path)
    except InputError as error:
        text = str(error)
        assert text.startswith((f"{built.path}: ", f"{built.path.with_suffix('.json')}: "))
        assert len(text.splitlines()) == 1
        assert len(text) < 1500
        assert "nas.latency build --rebuild" in text
        return False
    assert table.table.header == built.header
    assert table.table.entries.items() <= built.entries.items()
    return True


def test_untouched_it_opens(built: Built) -> None:
    for suffix, content in built.content.items():
        built.path.with_suffix(suffix).write_bytes(content)
    assert opens(built)
    assert builder_for(choose("fake"), built.path).table.entries == built.entries


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_every_digit_counts(built: Built, suffix: str) -> None:
    """Each digit of the file in turn is another one: refused, every time that it changes a number."""
    for other, content in built.content.items():
        built.path.with_suffix(other).write_bytes(content)
    content = built.content[suffix]
    places = [place for place, byte in enumerate(content) if chr(byte).isdigit()]
    for place in places[:: max(1, len(places) // 200)]:
        changed = content[:place] + b"%d" % ((content[place] - ord("0") + 1) % 10) + content[place + 1 :]
        built.path.with_suffix(suffix).write_bytes(changed)
        # 2.7028800000000004 and 2.7028800000000005 are one number.
        same = suffix == ".json" and json.loads(changed) == json.loads(content)
        assert opens(built) == same, content[max(0, place - 30) : place + 1]
