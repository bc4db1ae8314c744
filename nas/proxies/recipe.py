"""Constants of a short training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Constants of training and validation. All of them are part of a proxy's fingerprint.

    Attributes:
        imgsz: Image size of the proxy in pixels.
        batch: Images per step.
        steps: Number of optimizer steps.
        lr: Peak of the learning rate: a linear warm-up, then a cosine to zero.
        warmup: Length of the warm-up, as a share of the steps.
        weight_decay: Weight decay of convolution weights.
        momentum: Momentum of batch normalization. With 0.03, as in full trainings, the running statistics lag so far
            behind the weights that every short training scores zero.
        clip: Largest norm of the gradient.
        prior: Class probability that the head predicts at the start.
        spread: Sides of the boxes that the head predicts at the start, in cells.
        beta2: Second beta of AdamW.
        topk: Anchors that the assignment considers for each object.
        flip: True if images are mirrored at random.
        val_images: Largest number of validation images, evenly spaced.
        threshold: Lowest class probability of a detection.
        overlap: IoU above which non-maximum suppression removes the weaker box.
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
