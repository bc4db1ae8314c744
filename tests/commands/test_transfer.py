"""``python -m nas.transfer``: starting weights from a trained detector."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from nas import cli
from nas.data.forms import CLASSES
from nas.detectors.network import Network
from nas.detectors.templates import TEMPLATES
from nas.integrations.checkpoint import read_checkpoint
from nas.integrations.start_checkpoint import write_start
from nas.spaces.architecture import decode, stock
from nas.spaces.models import load_detector
from nas.transfer.__main__ import app

pytest.importorskip("ultralytics")

STOCK = "yolov8n.1/p2:c2f_e0.5_n1_c32/p3:c2f_e0.5_n2_c64/p4:c2f_e0.5_n2_c128/p5:c2f_e0.5_n1_c256"
MEMBER = "yolov8n.1/p2:c2f_e0.5_n1_c16/p3:csp-het_p4_e1_n1_c64/p4:plain-faster_r4_e1_n1_c96/p5:c2f_e0.5_n1_c128"
MEMBER += "/head:dense_b0.5_c0.5_n1"


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("teacher") / "best.pt"
    detector = decode(STOCK).detector(len(CLASSES))
    write_start(file, detector, Network(detector, 0), CLASSES)
    return file


def run(*options: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.run(lambda: app(options, standalone_mode=False))
    return int(ended.value.code or 0)


def test_starting_weights(teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "start.pt"
    options = ("--teacher", str(teacher), "--data", "shapes", "--imgsz", "64", "--steps", "1", "--json")
    assert run(MEMBER, *options, "--out", str(out), "--train-device", "cpu") == 0
    facts = json.loads(capsys.readouterr().out)
    shares = {row["row"]: row["share"] for row in facts["rows"]}
    assert (
        shares[4] == shares[22] == 1 and shares[6] == 0
    )  # HetConv and a narrower head are restrictions of the dense kernels, the FasterNet block is none
    assert all(0 <= facts[key] <= 1 for key in ("teacher_ap", "restricted_ap", "ap"))
    assert load_detector(tmp_path / "start.yaml") == decode(MEMBER).detector(len(CLASSES))  # for an architecture string
    written = read_checkpoint(out)  # it also compares our outputs with those of Ultralytics
    assert written.detector == decode(MEMBER).detector(len(CLASSES))


def test_without_training_the_weights_are_the_teachers(teacher: Path, tmp_path: Path) -> None:
    out = tmp_path / "start.pt"
    assert (
        run(STOCK, "--teacher", str(teacher), "--data", "shapes", "--imgsz", "64", "--steps", "0", "--out", str(out))
        == 0
    )
    ours, theirs = (dict(read_checkpoint(file).network.named_parameters()) for file in (out, teacher))
    assert all(torch.equal(ours[key], value) for key, value in theirs.items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((str(stock(TEMPLATES["yolo11n"])),), "error: yolo11n.1/"),
        ((STOCK, "--out", "start.bin"), ".pt"),
        ((STOCK, "--imgsz", "65"), "multiple of 32"),
    ],
)
def test_refusals(options: tuple[str, ...], message: str, teacher: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*options, "--teacher", str(teacher), "--data", "shapes") == 2
    assert message in capsys.readouterr().err


def test_a_teacher_of_other_classes(teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "other.pt"
    detector = decode(STOCK).detector(1)
    write_start(file, detector, Network(detector, 0), ["one"])
    assert run(STOCK, "--teacher", str(file), "--data", "shapes", "--imgsz", "64") == 2
    assert "was trained for 1 classes" in capsys.readouterr().err
