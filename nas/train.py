"""``python -m nas.train model=x.yaml data=d.yaml ...``: ``yolo detect train`` with our operators registered.

The arguments are Ultralytics' own; `val`, `predict` and `export` before them choose another mode.
"""

from __future__ import annotations

import sys
from pathlib import Path

from nas import cli
from nas.detectors.yaml_files import from_yaml
from nas.errors import InputError
from nas.integrations.checkpoint import transfer
from nas.integrations.torchvision import patch_torchvision
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
    if patch_torchvision():
        print("torchvision's compiled operators do not fit this torch; its nms runs in plain torch instead.")
    if mode == "train":
        _tell_of_weights(dict(argument.split("=", 1) for argument in rest if "=" in argument))
    sys.argv = ["yolo", "detect", mode, *rest]
    import_ultralytics("ultralytics.cfg").entrypoint()


def _tell_of_weights(given: dict[str, str]) -> None:
    """Which rows of a YAML take over weights and which start fresh. Ultralytics itself counts tensors only."""
    model, weights = Path(given["model"]), Path(given.get("pretrained", ""))
    if model.suffix not in {".yaml", ".yml"} or weights.suffix != ".pt" or not (model.is_file() and weights.is_file()):
        return
    try:
        detector = from_yaml(model, None, lambda assumed: None)
        fit, hidden = transfer(detector, weights)
    except InputError:
        return  # rows or weights that only Ultralytics knows: it says itself what it makes of them
    others = ", ".join(f"{row} ({detector.rows[row].module})" for row, fits in fit.items() if not fits) or "none"
    print(f"{weights}: all weights of {sum(fit.values())} of {len(fit)} rows fit; not those of rows {others}")
    if hidden:
        print(
            f"the class branch of its head is {hidden} channels wide inside, and Ultralytics makes that of this model "
            "as wide: it becomes larger and slower than the one that was searched and measured"
        )


if __name__ == "__main__":
    cli.run(main)
