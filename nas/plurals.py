"""Numbers of things in words."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun: ``1 model``, ``2 models``, ``1,682 entries``.

    Args:
        number: The number.
        noun: The noun for one.
        plural: The noun for several; by default ``noun`` with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"
