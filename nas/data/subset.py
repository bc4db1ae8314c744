"""Subset of a large split: evenly spaced images, and every class among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from nas.data.spacing import evenly_spaced


def choose_images(total: int, most: int, nc: int, classes: Callable[[int], Collection[int]]) -> list[int]:
    """Choose at most ``most`` of ``total`` images.

    The images are evenly spaced. A class that none of them shows then takes the place of the nearest image that is not
    the only one of a class. Images are looked at one after the other only if a class is missing.

    Args:
        total: The number of images.
        most: The largest number of images to choose.
        nc: The number of classes.
        classes: Returns the classes of the boxes of an image.

    Returns:
        Indices, ascending.
    """
    chosen = evenly_spaced(total, most)
    if total <= most:
        return chosen
    shown = Counter(kind for index in chosen for kind in set(classes(index)))
    if missing := set(range(nc)) - set(shown):
        for index in _carriers(total, set(chosen), missing, classes):
            _take(index, chosen, shown, classes)
    return sorted(chosen)


def _carriers(
    total: int, chosen: Collection[int], missing: set[int], classes: Callable[[int], Collection[int]]
) -> list[int]:
    """Images that show the missing classes, one for each as far as there is one; the rarest class picks first."""
    holders: dict[int, list[int]] = {kind: [] for kind in missing}
    for index in range(total):
        if index not in chosen:
            for kind in missing.intersection(classes(index)):
                holders[kind].append(index)
    picked: list[int] = []
    for kind, found in sorted(holders.items(), key=lambda item: (len(item[1]), item[0])):
        if found and not any(kind in classes(index) for index in picked):
            picked.append(found[len(found) // 2])
    return picked


def _take(index: int, chosen: list[int], shown: Counter[int], classes: Callable[[int], Collection[int]]) -> None:
    """Put an image in the place of the nearest one that can be spared; do nothing if none can."""
    spare = [old for old in chosen if all(shown[kind] > 1 for kind in set(classes(old)))]
    if spare:
        old = min(spare, key=lambda other: abs(other - index))
        chosen[chosen.index(old)] = index
        shown.subtract(set(classes(old)))
        shown.update(set(classes(index)))
