"""Teacher: the user's trained detector, and its file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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

    def save(self, file: Path) -> None:
        """Write a file of plain values and tensors: reading it runs no code."""
        state = {key: value.detach().cpu() for key, value in self.network.state_dict().items()}
        with replacing(file) as unfinished:
            content = {"yaml": to_yaml(self.detector), "names": list(self.names), "epochs": self.epochs, "state": state}
            torch.save(content, unfinished)

    @staticmethod
    def load(file: Path) -> Teacher:
        """Read what `save` wrote.

        Raises:
            TransferError: The file is damaged.
        """
        try:
            held = load_tensors(file)
            detector = from_content(yaml.safe_load(held["yaml"]), None, "", lambda assumed: None)
            state = held["state"]
            network = network_with_hidden(detector, hidden_channels(state))
            network.load_state_dict(state)
        except (TransferError, RuntimeError, LookupError, TypeError, ModelError) as error:
            reason = " ".join(str(error).split())[:200]
            raise TransferError(
                f"not readable as a teacher: {reason}", file=file, hint="remove it and repeat"
            ) from None
        return Teacher(detector, network.eval(), tuple(held["names"]), int(held["epochs"]))
