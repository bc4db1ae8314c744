"""Standard output and standard error in any locale: no character ends a command."""

from __future__ import annotations

import codecs
import io
import sys

HANDLER = "pareto-yolo"
_PLAIN = {
    "\N{PLUS-MINUS SIGN}": "+-",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{BLACK STAR}": "*",
    "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{GREATER-THAN OR EQUAL TO}": ">=",
    "\N{RIGHTWARDS ARROW}": "->",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{NO-BREAK SPACE}": " ",
}
"""Substitutes for characters that a terminal may lack."""


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    """An error handler of codecs: letters of file names stay as they are, other characters get a substitute."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if 0xDC80 <= ord(character) <= 0xDCFF:  # a byte of an argument or a path that the locale cannot decode
        return bytes([ord(character) - 0xDC00]), error.start + 1
    if character.isalnum():  # of a path, which is bytes: a command that is pasted must find it
        return character.encode(), error.start + 1
    return _PLAIN.get(character, "?"), error.start + 1


def make_tolerant() -> None:
    """Make the standard streams replace what their encoding lacks, as an ASCII locale's does."""
    codecs.register_error(HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)
