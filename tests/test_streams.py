"""Output in an ASCII locale, in which arguments may hold any bytes."""

from __future__ import annotations

import io
import sys

import pytest

from nas.streams import make_tolerant


def test_no_character_ends_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", errors="strict"))
    make_tolerant()
    path = "runs/süß".encode().decode("ascii", "surrogateescape")
    print(f"12.3 ± 0.1 ms, 2 \N{MULTIPLICATION SIGN}, {path}, \N{CJK UNIFIED IDEOGRAPH-6F22} \N{GRINNING FACE}")
    sys.stdout.flush()
    assert written.getvalue() == "12.3 +- 0.1 ms, 2 x, runs/süß, \N{CJK UNIFIED IDEOGRAPH-6F22} ?\n".encode()


def test_a_terminal_of_unicode_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written, encoding="utf-8", errors="strict"))
    make_tolerant()
    print("12.3 ± 0.1 ms, \udcfc", file=sys.stderr)
    sys.stderr.flush()
    assert written.getvalue() == "12.3 ± 0.1 ms, ".encode() + b"\xfc\n"
