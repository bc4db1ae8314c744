"""Silence, a row of YOLOv9 that gives its input: later rows read the image from it."""

from __future__ import annotations

from nas.operators.activations import MapOperator
from nas.operators.base import Cost, Grid
from nas.operators.registration import register


@register()
class SilenceOperator(MapOperator):
    """Row arguments: []."""

    follows_activation = False

    @staticmethod
    def costs(*, grid: Grid) -> list[Cost]:
        return []
