"""Teacher of a run: the user's trained model that its candidates start from, as the record holds it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TeacherRecord:
    """The trained model that a search starts from.

    Attributes:
        file: Its file in the run directory, such as ``teacher.pt``.
        source: The checkpoint that the user gave.
        sha256: Hash of that checkpoint.
        epochs: Epochs of fine-tuning before the search; 0: the checkpoint was used as it was.
        ap: AP50-95 on the validation split at the deployment image size, from 0 to 1; None if it was not evaluated.
        names: Class names.
        class_width: Channels inside the class branches of its head, see `nas.detectors.wide_head`; 0: those that its
            rows build.
    """

    file: str
    source: str
    sha256: str
    epochs: int
    ap: float | None
    names: tuple[str, ...]
    class_width: int = 0
