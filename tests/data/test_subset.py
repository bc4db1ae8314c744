"""Subset of a large split: deterministic, of the asked size, with every class."""

from __future__ import annotations

import random

import pytest

from nas.data.spacing import evenly_spaced
from nas.data.subset import choose_images


def test_nothing_is_looked_at_if_all_images_are_used() -> None:
    assert choose_images(5, 5, 3, pytest.fail) == [0, 1, 2, 3, 4]


def test_only_chosen_images_are_looked_at_if_they_show_every_class() -> None:
    seen: list[int] = []

    def classes(index: int) -> list[int]:
        seen.append(index)
        return [0, 1]

    assert choose_images(100, 4, 2, classes) == [0, 25, 50, 75]
    assert set(seen) == {0, 25, 50, 75}


@pytest.mark.parametrize("seed", range(40))
def test_every_class_with_a_box_is_there(seed: int) -> None:
    chance = random.Random(seed)
    nc, total = chance.randrange(1, 30), chance.randrange(40, 300)
    most = chance.randrange(nc, 40)
    # Classes become ever rarer, and some images show nothing.
    shown = [{min(int(chance.expovariate(0.3)), nc - 1) for _ in range(chance.randrange(3))} for _ in range(total)]
    chosen = choose_images(total, most, nc, shown.__getitem__)
    assert chosen == sorted(set(chosen)) and len(chosen) == min(most, total)
    assert set().union(*(shown[index] for index in chosen)) == set().union(*shown)
    assert chosen == choose_images(total, most, nc, shown.__getitem__)
    changed = len(set(chosen) - set(evenly_spaced(total, most)))
    assert changed <= nc  # at most one image for each class


def test_more_classes_than_images() -> None:
    chosen = choose_images(10, 2, 10, lambda index: [index])
    assert len(chosen) == 2
