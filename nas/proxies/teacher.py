"""Teacher: the user's trained detector, and its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.detectors.wide_head import hidden_channels, network_with_hidden
from nas.detectors.yaml_files import from_content, to_yaml
from nas.errors import ModelError, TransferError
from nas.files import replacing
from nas.tensor_files import load_tensors


@dataclass(frozen=True)
class Teacher:
    """A trained detector.

    Attributes:
        detector: The rows.
        network: The network, whose head may be wider than the rows build it.
        names: Class names; empty if they are unknown.
        epochs: Epochs that it was trained for by this project; 0 if it is used as the user gave it.
    """

    detector: Detector
    network: Network
    names: tuple[str, ...] = ()
    epochs: int = 0

    def content(self) -> dict[str, Any]:
        """The teacher as plain values and tensors, for a file that is read without running code."""
        state = {key: value.detach().cpu() for key, value in self.network.state_dict().items()}
        return {"yaml": to_yaml(self.detector), "names": list(self.names), "epochs": self.epochs, "state": state}

    @staticmethod
    def from_content(held: Mapping[str, Any]) -> Teacher:
        """The teacher of a `content`.

        Raises:
            LookupError, RuntimeError, TypeError, ModelError: It is something else.
        """
        detector = from_content(yaml.safe_load(held["yaml"]), None, "", lambda assumed: None)
        network = network_with_hidden(detector, hidden_channels(held["state"]))
        network.load_state_dict(held["state"])
        return Teacher(detector, network.eval(), tuple(held["names"]), int(held["epochs"]))

    def save(self, file: Path) -> None:
        """Write a file of plain values and tensors: reading it runs no code."""
        with replacing(file) as unfinished:
            torch.save(self.content(), unfinished)

    @staticmethod
    def load(file: Path) -> Teacher:
        """Read what `save` wrote.

        Raises:
            TransferError: The file is damaged.
        """
        try:
            return Teacher.from_content(load_tensors(file))
        except (TransferError, RuntimeError, LookupError, TypeError, ModelError) as error:
            problem = f"not readable as a teacher: {' '.join(str(error).split())[:200]}"
            raise TransferError(problem, file=file, hint="remove it and repeat") from None
