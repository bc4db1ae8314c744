"""A proxy that computes nothing: what is left is what the search itself costs."""

from __future__ import annotations

import hashlib

from nas.detectors.rows import Detector
from nas.proxies.outcome import Outcome


class Fake:
    def prepare(self) -> None:
        pass

    def score(self, detector: Detector, seed: int) -> Outcome:
        digest = hashlib.sha256(repr((detector, seed)).encode()).digest()
        return Outcome(0.1 + int.from_bytes(digest[:4]) / 2**33, 0.0, ())


def make() -> Fake:
    return Fake()
