"""BottleneckCSP, the stage of YOLOv5 until version 4.

Source: Wang et al., "CSPNet: A New Backbone that can Enhance Learning Capability of CNN", CVPR Workshops 2020.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from nas.operators.modules.bottleneck import Bottleneck
from nas.operators.modules.conv import Conv


class BottleneckCSP(nn.Module):
    """Bottlenecks and a 1x1 on one branch, a 1x1 on the other, then a norm and SiLU over both, and a 1x1.

    (B, c1, H, W) -> (B, c2, H, W). Row arguments: [c2, shortcut=True, g=1, e=0.5].
    """

    def __init__(self, c1: int, c2: int, n: int = 1, shortcut: bool = True, g: int = 1, e: float = 0.5):
        super().__init__()
        hidden = int(c2 * e)
        self.cv1 = Conv(c1, hidden, 1)
        self.cv2 = nn.Conv2d(c1, hidden, 1, bias=False)
        self.cv3 = nn.Conv2d(hidden, hidden, 1, bias=False)
        self.cv4 = Conv(2 * hidden, c2, 1)
        self.bn: nn.Module = nn.BatchNorm2d(2 * hidden)
        self.act = nn.SiLU()
        self.m = nn.Sequential(*(Bottleneck(hidden, hidden, shortcut, g, e=1) for _ in range(n)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = torch.cat((self.cv3(self.m(self.cv1(x))), self.cv2(x)), 1)
        return cast(torch.Tensor, self.cv4(self.act(self.bn(both))))

    @torch.no_grad()
    def fuse(self) -> None:
        """Fold each half of the batch norm into the convolution before it, for inference."""
        if isinstance(self.bn, nn.BatchNorm2d):
            hidden = self.cv3.out_channels
            for name, half in (("cv3", slice(hidden)), ("cv2", slice(hidden, None))):
                norm = nn.BatchNorm2d(hidden, self.bn.eps).eval()
                norm.load_state_dict({key: v[half] if v.ndim else v for key, v in self.bn.state_dict().items()})
                setattr(self, name, nn.utils.fuse_conv_bn_eval(getattr(self, name), norm))
            self.bn = nn.Identity()
