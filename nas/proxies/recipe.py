"""The constants of a short training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How a candidate is trained and validated. All of it is part of a proxy's fingerprint.

    ``imgsz`` is the proxy's own resolution in pixels, ``steps`` the number of optimizer steps, ``lr`` the peak of a
    linear warm-up over the share ``warmup`` followed by a cosine to zero. ``momentum`` is that of batch norm: at the
    trainers' 0.03 running statistics lag so far behind the weights that every short training scores zero.
    ``prior`` is the class probability that the head starts from. At most ``val_images``, evenly spaced, are validated.
    """

    imgsz: int = 64
    batch: int = 16
    steps: int = 60
    lr: float = 2e-3
    warmup: float = 0.1
    weight_decay: float = 5e-4
    momentum: float = 0.1
    clip: float = 10.0
    prior: float = 0.01
    spread: float = 2.0
    beta2: float = 0.95
    topk: int = 10
    flip: bool = True
    val_images: int = 400
    threshold: float = 0.001
    overlap: float = 0.7
