"""Random numbers that are the same on every machine and with every version of NumPy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Dice:
    """Random numbers from the raw PCG64 stream of a key. NumPy keeps that stream stable, but not its distributions."""

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(list(key))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number from low to high."""
        return low + (high - low) * (int(self._bits.random_raw()) >> 11) * 2.0**-53

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.uniform(0, high - low + 1))

    def shuffled(self, items: tuple[str, ...]) -> list[str]:
        """The items in random order."""
        return [items[i] for i in np.argsort(self._bits.random_raw(len(items)), kind="stable")]

    def field(self, *shape: int) -> Floats:
        """An array of uniform numbers in -1..1."""
        raw = np.asarray(self._bits.random_raw(math.prod(shape)))
        return ((raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)).reshape(shape)

    def noise(self, *shape: int) -> Floats:
        """An array close to normal, mean 0 and standard deviation 1: sums of the four quarters of a raw number."""
        raw = np.asarray(self._bits.random_raw(math.prod(shape)))
        quarters = sum((raw >> np.uint64(shift)) & np.uint64(0xFFFF) for shift in (0, 16, 32, 48))
        levels = np.asarray(quarters).astype(np.float32) - np.float32(2 * 0xFFFF)
        return (levels * np.float32(math.sqrt(3) / 0x10000)).reshape(shape)
