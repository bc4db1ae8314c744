"""`SlimDetect` in Ultralytics: a subclass of its Detect, so that its loss, validation and exporters apply.

Only `nas.integrations.ultralytics` imports this module, and checkpoints that contain the head.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from nas.errors import ModelError
from nas.integrations.ultralytics import import_ultralytics

_modules: Any = import_ultralytics("ultralytics.nn.modules")


class SlimDetect(_modules.Detect):  # type: ignore[misc]
    """Detect with other branches: see `nas.operators.modules.slim_detect.SlimDetect`.

    Args:
        nc: Number of classes.
        box_width: Channels inside the box branches.
        class_width: Channels inside the class branches.
        depth: 3x3 convolutions of each branch.
        depthwise: Those of the class branches are depthwise, each followed by a 1x1.
        parsed: Arguments that Ultralytics adds for Detect, the channels of the maps last.
    """

    def __init__(self, nc: int, box_width: int, class_width: int, depth: int, depthwise: bool, *parsed: Any) -> None:
        super().__init__(nc, *parsed)
        if hasattr(self, "one2one_cv2"):
            raise ModelError("has no second pair of branches", field="end2end", hint="drop the key end2end")
        steps = range(depth - 1)
        channels = parsed[-1]
        self.cv2 = nn.ModuleList(
            nn.Sequential(
                _modules.Conv(c, box_width, 3),
                *(_modules.Conv(box_width, box_width, 3) for _ in steps),
                nn.Conv2d(box_width, 4 * self.reg_max, 1),
            )
            for c in channels
        )
        spatial = _depthwise if depthwise else _dense
        self.cv3 = nn.ModuleList(
            nn.Sequential(
                spatial(c, class_width),
                *(spatial(class_width, class_width) for _ in steps),
                nn.Conv2d(class_width, nc, 1),
            )
            for c in channels
        )
        self._built = True

    def __setattr__(self, name: str, value: Any) -> None:
        # `load` of Ultralytics puts the class branches of any checkpoint that reads maps of these widths in place of
        # the model's own. Those of a stock head would make this one as wide as the stock head, without a word.
        if name != "cv3" or not getattr(self, "_built", False):
            super().__setattr__(name, value)


def _dense(c1: int, c2: int) -> nn.Module:
    module: nn.Module = _modules.Conv(c1, c2, 3)
    return module


def _depthwise(c1: int, c2: int) -> nn.Module:
    return nn.Sequential(_modules.Conv(c1, c1, 3, g=c1), _modules.Conv(c1, c2, 1))
