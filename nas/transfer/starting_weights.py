"""Starting weights for one model, made of a trained detector in the same family."""

from __future__ import annotations

from typing import NamedTuple

from nas.data.dataset import Dataset
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.errors import TransferError
from nas.progress import Progress, silent
from nas.proxies.detections import detect
from nas.proxies.recipe import Recipe
from nas.proxies.teacher import Teacher
from nas.proxies.train import reproducible
from nas.transfer.gather import Restriction
from nas.transfer.importance import channel_importance
from nas.transfer.recalibration import image_batches
from nas.transfer.restriction import restrict
from nas.transfer.student import RECIPE, train_student


class RowOrigin(NamedTuple):
    """The origin of a row's starting weights.

    Attributes:
        row: Number of the row.
        module: Its module.
        share: Share of its parameters that come from the teacher, from 0 (it starts fresh) to 1.
    """

    row: int
    module: str
    share: float


class StartingWeights(NamedTuple):
    """Starting weights, and AP50-95 on the validation split.

    Attributes:
        network: The network, in eval mode.
        rows: All rows with parameters.
        teacher_ap: AP of the teacher.
        restricted_ap: AP of the weights as they come from the teacher, with the norms recomputed.
        ap: AP after the distilled training.
    """

    network: Network
    rows: tuple[RowOrigin, ...]
    teacher_ap: float
    restricted_ap: float
    ap: float


def starting_weights(
    detector: Detector,
    teacher: Teacher,
    dataset: Dataset,
    recipe: Recipe = RECIPE,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> StartingWeights:
    """Restrict a teacher's weights to a detector, and train the result for a few steps as the teacher's student.

    Args:
        detector: The rows of the model.
        teacher: The trained detector. Its rows have the same numbers and the same sources.
        dataset: Images and boxes.
        recipe: Constants of the training; 0 steps: no training.
        seed: Seed of fresh weights, of the order of images and of their augmentation.
        device: Torch device.
        progress: Receives the share done.

    Raises:
        TransferError: The model is not of the teacher's family.
        ProxyError: The loss is not finite, or no validation image has a box.
    """
    check_family(detector, teacher.detector)
    given = teacher.network.to(device).eval()
    teacher_ap = detect(given, dataset.val, recipe, device=device).score(dataset.nc)
    importance = channel_importance(given, image_batches(dataset.train, device=device))
    found = restrict(detector, teacher.detector, importance, given)
    with reproducible(seed):
        network = Network(detector, seed).to(device)
        network.load_state_dict(found.apply(given.state_dict(), network.state_dict()))
        scores = train_student(network, given, dataset, recipe, seed, device, progress)
    origins = row_origins(detector, network, found)
    return StartingWeights(network, origins, teacher_ap, scores.before, scores.after)


def check_family(detector: Detector, teacher: Detector) -> None:
    """Raise TransferError unless two detectors have the same rows, but for operators, widths and depths."""
    ours, theirs = ([row.source for row in rows.rows] for rows in (detector, teacher))
    if ours != theirs:
        different = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
        place = f"row {different} reads other rows" if different is not None else f"{len(ours)} rows, not {len(theirs)}"
        hint = "give a model whose rows have the teacher's numbers and sources"
        raise TransferError(f"is not of the teacher's family: {place}", hint=hint)
    if detector.nc != teacher.nc:
        raise TransferError(f"has {detector.nc} classes, the teacher {teacher.nc}", field="nc", hint="give as many")


def row_origins(detector: Detector, network: Network, restriction: Restriction) -> tuple[RowOrigin, ...]:
    """The share of every row's parameters that come from the teacher."""
    counts: dict[int, list[int]] = {}
    for key, parameter in network.named_parameters():
        count = counts.setdefault(int(key.split(".")[1]), [0, 0])
        gather = restriction.gathers.get(key)
        count[0] += 0 if gather is None else int((gather.entries >= 0).sum())
        count[1] += parameter.numel()
    return tuple(RowOrigin(i, detector.rows[i].module, own / total) for i, (own, total) in counts.items())
