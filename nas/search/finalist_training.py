"""Training of finalists as students of the pretrained model."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nas.data.dataset import Dataset
from nas.data.loading import load, load_validation
from nas.detectors.network import Network
from nas.detectors.rows import Detector
from nas.files import write
from nas.integrations.start_checkpoint import write_weights
from nas.interrupts import stop_if_asked
from nas.progress import Progress, silent
from nas.proxies.base import Proxy
from nas.proxies.fidelity import with_fidelity
from nas.proxies.teacher import Teacher
from nas.proxies.train import reproducible
from nas.runs.finalist_weights import stored_weights
from nas.runs.finalists import Finalist
from nas.search.size_curve import MOST_IMAGES
from nas.spaces.architecture import Architecture
from nas.supernet.proxy import SupernetProxy
from nas.supernet.supernet import Supernet
from nas.transfer.recalibration import image_batches
from nas.transfer.student import RECIPE, StudentScores, train_student


@dataclass
class FinalistTraining:
    """Trains finalists one after the other; a finalist whose weights are in the run directory is not trained again.

    Attributes:
        folder: The run directory.
        proxy: The proxy of the search.
        teacher: The pretrained model.
        steps: Steps of each training.
        seed: Seed of each training.
    """

    folder: Path
    proxy: Proxy
    teacher: Teacher
    steps: int
    seed: int

    def run(self, finalist: Finalist, member: Architecture, progress: Progress = silent) -> Finalist:
        """Train a finalist, and write its weights.

        Args:
            finalist: The finalist.
            member: Its architecture.
            progress: Receives the share done.

        Returns:
            The finalist with ``ap`` and ``weights``.

        Raises:
            ProxyError: The loss is not finite, or no validation image has a box.
        """
        file = self.folder / stored_weights(finalist.arch)
        scores = self._stored(file, finalist)
        if scores is None:
            scores = self._train(file, finalist, member.detector(self.proxy.dataset.nc), progress)
        progress(1.0)
        weights = stored_weights(finalist.arch)
        return replace(finalist, ap=scores.after, weights=weights, jackknife=scores.jackknife)

    def _train(self, file: Path, finalist: Finalist, detector: Detector, progress: Progress) -> StudentScores:
        dataset = self._dataset(finalist.imgsz)
        recipe = replace(RECIPE, imgsz=finalist.imgsz, steps=self.steps, val_images=MOST_IMAGES)

        def shown(share: float) -> None:
            stop_if_asked()
            progress(share)

        with reproducible(self.seed):
            network, given = self._start(detector, dataset, finalist.imgsz), self.teacher.network
            scores = train_student(network, given, dataset, recipe, self.seed, self.proxy.device, shown)
        write_weights(file, detector, network.cpu(), dataset.classes)
        content = {"facts": self._facts(finalist), "ap": scores.after, "ap_before": scores.before}
        content["jackknife"] = scores.jackknife
        write(file.with_suffix(".json"), json.dumps(content, indent=2) + "\n")
        return scores

    def _start(self, detector: Detector, dataset: Dataset, imgsz: int) -> Network:
        """The network with the weights that it has in the supernet, or else those that the teacher gives it."""
        if isinstance(self.proxy, SupernetProxy):
            # The proxy of this image size: rows that are no restriction of the teacher's were trained and scored there.
            sized = with_fidelity(self.proxy, 1, imgsz / self.proxy.recipe.imgsz)
            assert isinstance(sized, SupernetProxy)
            return sized.extract(detector)
        network = self.teacher.network.to(self.proxy.device)
        images = image_batches(dataset.train, device=self.proxy.device)
        return Supernet.of(self.teacher.detector, network, images).member(detector)

    def _dataset(self, imgsz: int) -> Dataset:
        """The proxy's training images and all validation images, at an image size."""
        given = self.proxy.dataset
        same = given.train.images.shape[-1] == imgsz
        dataset = given if same else load(given.origin, imgsz)
        return replace(dataset, val=load_validation(given.origin, imgsz, most=MOST_IMAGES))

    def _facts(self, finalist: Finalist) -> dict[str, Any]:
        """Everything that the weights depend on."""
        recipe = hashlib.sha256(repr(asdict(RECIPE)).encode()).hexdigest()[:16]
        own = {"arch": finalist.arch, "imgsz": finalist.imgsz, "steps": self.steps, "seed": self.seed}
        return own | {"proxy": self.proxy.fingerprint, "recipe": recipe}

    def _stored(self, file: Path, finalist: Finalist) -> StudentScores | None:
        """Scores of weights that are stored already; None if there are none."""
        try:
            content = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        known = file.is_file() and content.get("facts") == self._facts(finalist)
        if not known:
            return None
        return StudentScores(float(content["ap_before"]), float(content["ap"]), tuple(content.get("jackknife", ())))
