"""Every operator in every template, all the way: Ultralytics builds, trains, saves and folds what ONNX Runtime runs."""

from __future__ import annotations

import importlib.util
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.detectors.costs import cost
from nas.detectors.network import fuse
from nas.detectors.templates import BACKBONE, TEMPLATES
from nas.detectors.yaml_files import to_yaml
from nas.integrations.checkpoint import read_checkpoint
from nas.integrations.ultralytics import register
from nas.latency.runtimes.onnx_runtimes import export
from nas.operators.registry import FAMILIES
from nas.spaces.architecture import Architecture, StageChoice, choose, decode
from nas.spaces.space import load_space

missing = [name for name in ("ultralytics", "onnxruntime") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")

SIDE = 64


def close(found: torch.Tensor, wanted: torch.Tensor) -> None:
    """Equal to 1e-4, but for what float32 leaves of the largest: a model of one step may say boxes of 300,000 pixels,
    and float32 of torch is as far from float64 there as that of ONNX Runtime."""
    torch.testing.assert_close(found, wanted, atol=1e-4 + 1e-6 * float(wanted.abs().max()), rtol=1e-4)


def kinds(template: str) -> list[tuple[str, str]]:
    """Every operator that its stages may have, in every shell."""
    families = TEMPLATES[template].families(BACKBONE[0])
    return [(key, shell) for key in families for shell in FAMILIES[key].shells]


def choice(template: str, stage: str, key: str, shell: str) -> StageChoice:
    """As wide as the template's own stage and two deep, with parameters that are nowhere the default."""
    declared = FAMILIES[key].parameters.items()
    parameters = {name: max(p.low, min(p.high, 3 if p.odd else 4)) for name, p in declared}
    return choose(key, shell, TEMPLATES[template].stages[stage].channels, 2, parameters)


def mixed(template: str) -> Iterator[Architecture]:
    """Members that together have every operator and shell once, four each, of which the last begins anew."""
    stock, every = load_space(template).stock(), kinds(template)
    for first in range(0, len(every), len(BACKBONE)):
        of = itertools.islice(itertools.cycle(every), first, first + len(BACKBONE))
        yield stock.replace({stage: choice(template, stage, *kind) for stage, kind in zip(BACKBONE, of, strict=True)})


def whole(template: str) -> Iterator[Architecture]:
    """Each operator and shell in all stages at once, the stock model, and random members."""
    space, rng = load_space(template), np.random.default_rng(22)
    yield space.stock()
    for kind in kinds(template):
        yield space.stock().replace({stage: choice(template, stage, *kind) for stage in BACKBONE})
    yield from (space.random(rng) for _ in range(5))


SMALL = [
    str(member) for template in ("yolov5n", "yolov8n", "gelan-t", "yolo11n", "yolo26n") for member in mixed(template)
]
WHOLE = [str(member) for template in TEMPLATES for member in whole(template)]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder in which every trained member leaves its checkpoint, and its output for an image."""
    return tmp_path_factory.mktemp("checkpoints")


@pytest.mark.parametrize("arch", [*SMALL, *(pytest.param(arch, marks=pytest.mark.slow) for arch in WHOLE)])
def test_from_rows_to_deployment(arch: str, checkpoints: Path) -> None:
    register()
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    detector, path = decode(arch).detector(3), checkpoints / f"{len(list(checkpoints.iterdir()))}.yaml"
    path.write_text(to_yaml(detector, arch))
    model = DetectionModel(str(path), verbose=False)
    assert sum(p.numel() for p in model.parameters()) == cost(detector).params

    model.args = get_cfg()
    optimizer = torch.optim.SGD(model.train().parameters(), 0.01)
    boxes = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.3, 0.6, 0.2, 0.4]])
    batch = {"img": torch.rand(2, 3, SIDE, SIDE), "cls": torch.tensor([[0.0], [2.0]]), "bboxes": boxes}
    loss, _ = model.loss(batch | {"batch_idx": torch.tensor([0.0, 1.0])})
    before = [p.detach().clone() for p in model.parameters() if p.requires_grad]
    loss.sum().backward()
    optimizer.step()
    after = [p for p in model.parameters() if p.requires_grad]
    assert torch.isfinite(loss).all() and any(not torch.equal(a, b) for a, b in zip(after, before, strict=True))
    del model.criterion
    torch.save({"model": model}, path.with_suffix(".pt"))

    x = torch.rand(1, 3, SIDE, SIDE)
    network = read_checkpoint(path.with_suffix(".pt")).network
    with torch.no_grad():
        trained = model.eval()(x)[0]
        close(network(x), trained)
        close(model.fuse(verbose=False)(x)[0], trained)
    torch.save((x, trained), path.with_suffix(".said"))

    import onnxruntime

    file = export(fuse(network), [x], ("images",), ("output0",))
    (found,) = onnxruntime.InferenceSession(file).run(None, {"images": x.numpy()})
    close(torch.from_numpy(found), trained)


READ = """
import sys, torch
from pathlib import Path
from nas.integrations.checkpoint import read_checkpoint
paths = sorted(Path(sys.argv[1]).glob("*.pt"))
for path in paths:
    x, said = torch.load(path.with_suffix(".said"))
    with torch.no_grad():
        torch.testing.assert_close(read_checkpoint(path).network(x), said, atol=1e-4, rtol=1e-4)
print(len(paths), "read")
"""


@pytest.mark.parametrize("of", ["small", pytest.param("whole", marks=pytest.mark.slow)])
def test_their_checkpoints_in_a_fresh_process(of: str, checkpoints: Path) -> None:
    """Of all members that the tests above have built."""
    built = len(list(checkpoints.glob("*.yaml")))
    if not built:
        pytest.skip("reads what the other tests of this file have left")
    command = [sys.executable, "-c", READ, str(checkpoints)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout == f"{built} read\n", result.stderr[-2000:]
