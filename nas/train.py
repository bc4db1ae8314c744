"""``python -m nas.train model=x.yaml data=d.yaml ...``: ``yolo detect train`` with our operators registered.

The arguments are Ultralytics' own; `val`, `predict` and `export` before them choose another mode.
"""

from __future__ import annotations

import sys

from nas import cli
from nas.errors import InputError
from nas.integrations.torchvision import mend_torchvision
from nas.integrations.ultralytics import import_ultralytics, register

MODES = ("train", "val", "predict", "export")


def main(arguments: list[str] | None = None) -> None:
    """Run the ``yolo`` command line in this process with these arguments (default: those of the process)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(__doc__)
        return
    mode, rest = (arguments[0], arguments[1:]) if arguments[0] in MODES else ("train", arguments)
    if mode == "train" and not any(a.startswith("model=") for a in rest):
        raise InputError("nas.train: model=... is missing; give a model YAML or a checkpoint")
    register()
    if mend_torchvision():
        print("torchvision's compiled operators do not fit this torch; its nms runs in plain torch instead.")
    sys.argv = ["yolo", "detect", mode, *rest]
    import_ultralytics("ultralytics.cfg").entrypoint()


if __name__ == "__main__":
    cli.run(main)
