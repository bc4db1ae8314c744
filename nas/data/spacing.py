"""Even selection: a few of many, without chance."""

from __future__ import annotations


def evenly_spaced(total: int, most: int) -> list[int]:
    """Indices of at most ``most`` of ``total`` items, evenly spaced, the first item among them.

    Example:
        >>> evenly_spaced(10, 4)
        [0, 2, 5, 7]
    """
    count = min(most, total)
    return [index * total // count for index in range(count)]
