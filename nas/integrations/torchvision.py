"""Torchvision beside a torch that its compiled operators do not fit.

A CPU build of torch cannot load the compiled library of PyPI's CUDA build of torchvision: the import fails with
"operator torchvision::nms does not exist".
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

import torch

from nas.detectors.nms import nms

_libraries: list[torch.library.Library] = []


def patch_torchvision() -> bool:
    """Give torchvision an `nms` in plain torch if its compiled operators do not load.

    Call it before the first ``import torchvision``. It does nothing if the compiled library loads or torchvision is not
    installed.

    Returns:
        True if torchvision was patched.
    """
    if importlib.util.find_spec("torchvision") is None:
        return False
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    else:
        return False
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", nms, "CPU")
    _libraries.append(library)  # the definitions live as long as this object
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # the modules of the failed import
    importlib.import_module("torchvision")
    # Not earlier: while it is imported, torchvision would ask for all of its operators.
    importlib.import_module("torchvision.extension")._has_ops = lambda: True  # type: ignore[attr-defined]
    return True


mend_torchvision = patch_torchvision
"""The name in version 0.1.0, which scripts of users import."""
