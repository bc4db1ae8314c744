"""File of a trained supernet: another search starts from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nas.errors import ModelError, TransferError
from nas.files import replacing
from nas.proxies.teacher import Teacher
from nas.supernet.supernet import Supernet
from nas.tensor_files import load_tensors

FILE = "supernet.pt"
"""Name of the file in a run directory."""


@dataclass(frozen=True)
class TrainedSupernet:
    """A trained supernet and its teacher.

    Attributes:
        supernet: The supernet.
        teacher: The teacher.
        steps: Steps that were trained.
        facts: Everything that its weights depend on.
    """

    supernet: Supernet
    teacher: Teacher
    steps: int
    facts: dict[str, Any]

    def save(self, file: Path) -> None:
        """Write a file of plain values and tensors: reading it runs no code."""
        content = {
            "teacher": self.teacher.content(),
            "supernet": {key: value.cpu() for key, value in self.supernet.state_dict().items()},
            "importance": self.supernet.importance,
            "steps": self.steps,
            "facts": self.facts,
        }
        with replacing(file) as unfinished:
            torch.save(content, unfinished)

    @staticmethod
    def load(file: Path) -> TrainedSupernet:
        """Read what `save` wrote.

        Raises:
            TransferError: There is none, or it is damaged.
        """
        if not file.is_file():
            hint = "give the directory of a finished run with pretrained weights"
            raise TransferError("no such file", file=file, hint=hint)
        try:
            held = load_tensors(file)
            teacher = Teacher.from_content(held["teacher"])
            supernet = Supernet(teacher.detector, teacher.network, held["importance"])
            supernet.load_state_dict(held["supernet"])
            return TrainedSupernet(supernet, teacher, int(held["steps"]), dict(held["facts"]))
        except (TransferError, RuntimeError, LookupError, TypeError, ModelError) as error:
            reason = " ".join(str(error).split())[:200]
            raise TransferError(f"not readable as a supernet: {reason}", file=file) from None
