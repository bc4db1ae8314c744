"""Checkpoints are read, and no code that they contain runs."""

from __future__ import annotations

import collections
import os
import subprocess
from argparse import Namespace
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from nas.errors import TransferError
from nas.integrations.safe_checkpoint import load_checkpoint
from nas.operators.registry import OPERATORS


class Call:
    """Pickles as a call."""

    def __init__(self, function: object, *arguments: object):
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[object, ...]:
        return self.function, self.arguments


def test_what_checkpoints_of_trainings_contain(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.SiLU(), OPERATORS["CSPFaster"].module(32, 32))
    held = {
        "model": module.half(),
        "ema": None,
        "train_args": {"data": "data.yaml", "project": PurePosixPath("runs")},
        "args": SimpleNamespace(box=7.5),
        "fitness": np.float64(0.25),
        "maps": np.zeros(3),
        "results": collections.OrderedDict(map=[0.1, 0.2]),
    }
    torch.save(held, tmp_path / "best.pt")
    found = load_checkpoint(tmp_path / "best.pt")
    assert found["fitness"] == 0.25 and found["args"].box == 7.5 and found["maps"].tolist() == [0, 0, 0]
    assert torch.equal(found["model"][0].weight, module[0].weight)
    assert str(found["train_args"]["project"]) == "runs"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (Call(os.system, "touch run"), "posix.system"),
        (Call(subprocess.check_output, ["touch", "run"]), "subprocess.check_output"),
        (Call(eval, "open('run', 'w')"), "builtins.eval"),
        (Call(torch.hub.load, "a", "b"), "torch.hub.load"),
        (Call(Path.touch, Path("run")), "builtins.getattr"),
        (Namespace(a=1), "argparse.Namespace"),
    ],
)
def test_what_could_run_code_is_refused(
    call: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model": call}, "best.pt")
    with pytest.raises(TransferError) as caught:
        load_checkpoint(Path("best.pt"))
    assert "\n" not in str(caught.value) and caught.value.file == Path("best.pt")
    assert name.rpartition(".")[2] in str(caught.value)
    assert not Path("run").exists()


def test_a_list_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "best.pt")
    with pytest.raises(TransferError, match="it contains a list"):
        load_checkpoint(tmp_path / "best.pt")
