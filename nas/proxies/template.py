"""Proxies that use a trained template: candidates inherit its weights or are compared with it."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from nas.data.data_yaml import DataYaml
from nas.data.dataset import Dataset
from nas.progress import Progress, silent
from nas.proxies.base import Proxy
from nas.proxies.pretrained import FINE_TUNING, FineTuning, PretrainedTemplate
from nas.proxies.recipe import Recipe
from nas.proxies.teacher import Teacher
from nas.proxies.trained_template import TrainedTemplate


class FromTemplate(Proxy):
    """A proxy that uses a trained template.

    Args:
        data: As for `Proxy`.
        folder: As for `Proxy`; the trained template is kept here.
        template_recipe: Constants of the template's training; its image size is the proxy's.
        pretrained: Trained model that is used in its place.
        training: Training of such a model, if it was trained for other classes.
        options: Other arguments of `Proxy`.
    """

    template_recipe = Recipe(steps=450)

    def __init__(
        self,
        data: str | Path | DataYaml | Dataset,
        folder: Path,
        *,
        template_recipe: Recipe | None = None,
        pretrained: Path | None = None,
        training: FineTuning = FINE_TUNING,
        **options: Any,
    ) -> None:
        super().__init__(data, folder, **options)
        name = self.space.file.template
        recipe = replace(template_recipe or type(self).template_recipe, imgsz=self.recipe.imgsz)
        self.template = (
            TrainedTemplate(name, self.dataset, recipe, self.device)
            if pretrained is None
            else PretrainedTemplate(name, self.dataset, recipe, self.device, pretrained, training)
        )
        self._prepared = False

    @property
    def teacher(self) -> Teacher:
        """The trained template. Call `prepare` first."""
        return self.template.teacher

    def facts(self) -> dict[str, object]:
        return super().facts() | self.template.facts()

    def prepare(self, progress: Progress = silent, until: float = math.inf) -> None:
        """Load the template's weights; see `TrainedTemplate.prepare`."""
        self.template.prepare(self.folder, progress)
        self._prepared = True
