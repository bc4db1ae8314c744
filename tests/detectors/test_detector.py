"""The public `Detector`: from a YAML to its cost, its network and back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nas.detectors.nms import nms
from nas.detectors.rows import Detector, Row
from nas.detectors.templates import TEMPLATES
from nas.errors import ConfigError, ModelError

STOCK = TEMPLATES["yolov8n"].stock(3)


def test_a_yaml_and_back(tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(STOCK.to_yaml("two\nlines"))
    assert file.read_text().startswith("# two\n# lines\n")
    assert Detector.from_yaml(file) == STOCK
    assert Detector.from_yaml(file, nc=80) == TEMPLATES["yolov8n"].stock(80)


def test_cost() -> None:
    assert STOCK.cost(320).params == 3_011_433
    with pytest.raises(ConfigError) as caught:
        STOCK.cost(100)
    assert (caught.value.field, caught.value.value) == ("imgsz", 100)


def test_networks_of_one_seed_are_equal() -> None:
    one, two = (STOCK.network(seed=3).state_dict() for _ in range(2))
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize(
    "args",
    [
        ("FasterBlock", (256, 0)),
        ("FasterBlock", (128,)),
        ("ShuffleV2Block", (256, 3, "no")),
        ("Conv", (256, 3, 1, None, 7)),
    ],
)
def test_a_row_that_cannot_be_built_is_named(args: tuple[str, tuple[object, ...]]) -> None:
    wrong = Detector((*STOCK.rows[:9], Row((-1,), 1, *args), *STOCK.rows[10:]), 3, 10)
    with pytest.raises(ModelError) as caught:
        wrong.network()
    assert caught.value.field == f"row 9 ({args[0]})"


@pytest.mark.parametrize("count", [0, 1, 300])
def test_nms_of_boxes_that_all_overlap_keeps_the_best(count: int) -> None:
    boxes = torch.tensor([0.0, 0, 10, 10]).repeat(count, 1)
    assert nms(boxes, torch.arange(count) / 1000, 0.5).tolist() == [count - 1][: min(count, 1)]


def test_no_torch_is_imported(tmp_path: Path) -> None:
    """Nor optuna or pandas: commands that read detectors answer at once."""
    (tmp_path / "model.yaml").write_text(STOCK.to_yaml())
    program = (
        "import sys\n"
        "import nas.detectors.heads, nas.spaces.space\n"
        "from nas.detectors.rows import Detector\n"
        "from nas.spaces.models import load_detector\n"
        "detector = Detector.from_yaml(sys.argv[1])\n"
        "assert load_detector(sys.argv[1]) == detector\n"
        "assert detector.cost().params == 3_011_433\n"
        "print(*sorted({'torch', 'optuna', 'pandas'} & sys.modules.keys()))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "model.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
