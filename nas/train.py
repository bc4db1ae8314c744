"""``python -m nas.train model=x.yaml data=d.yaml ...``: ``yolo detect train`` with our operators registered.

The arguments are those of Ultralytics. `val`, `predict` or `export` among them chooses another mode. Results are
written below the working directory, in runs/detect, unless project=FOLDER or Ultralytics' setting runs_dir says
otherwise.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from nas import cli
from nas.errors import ConfigError

OTHER_COMMANDS = {"help", "checks", "version", "settings", "cfg", "copy-cfg", "login", "logout", "hub", "solutions"}
"""Commands of ``yolo`` that train nothing. They are passed on."""


def main(arguments: list[str] | None = None) -> None:
    """Run the ``yolo`` command line in this process.

    Args:
        arguments: The arguments; None: those of the process.

    Raises:
        ConfigError: If a training has no model.
        InputError: If Ultralytics is not installed, or an argument is wrong.
        DataError: If the data cannot be read.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(__doc__)
        return
    from nas.data.resolved import training_file
    from nas.integrations.output_folder import output_folder
    from nas.integrations.torchvision import patch_torchvision
    from nas.integrations.ultralytics import register
    from nas.integrations.yolo_arguments import read_arguments

    if patch_torchvision():
        print("torchvision's compiled operators do not fit this torch; its nms runs in plain torch instead.")
    register()
    if arguments[0] in OTHER_COMMANDS:
        _run(arguments, None)
        return
    given = read_arguments(["detect", "train", *arguments])
    training = given.mode == "train"
    if training and given.values.get("model") is None:
        raise ConfigError("nas.train: model=... is missing", hint="give a model YAML or a checkpoint")
    model = Path(str(given.values.get("model")))
    if model.suffix == ".pt" and model.is_file():
        from nas.integrations.checkpoint import check_checkpoint

        check_checkpoint(model)
    if training:
        _print_transfer(given.values)
    place = output_folder(given)
    for note in place.notes:
        print(note)
    if training and place.project is not None:
        print(f"results: {place.project}")
    # The last of equal arguments counts.
    ours = [] if place.project is None or given.mode == "export" else [f"project={place.project}"]
    if given.task == "detect" and given.values.get("data"):
        ours.append(f"data={training_file(str(given.values['data']))}")
    _run(["detect", "train", *arguments, *ours], given.values.get("data"))


def _print_transfer(values: dict[str, Any]) -> None:
    from nas.integrations.pretrained import transfer_note

    if note := transfer_note(str(values["model"]), str(values.get("pretrained", ""))):
        print(note)


def _run(arguments: list[str], data: str | None) -> None:
    """Run ``yolo``, and print the next commands after a training on ``data``."""
    from nas.integrations.ultralytics import import_ultralytics

    trainers: list[Any] = []
    ended = import_ultralytics("ultralytics.utils.callbacks").default_callbacks["on_train_end"]
    ended.append(trainers.append)
    try:
        held = getattr(import_ultralytics("ultralytics.utils"), "ARGV", sys.argv)
        sys.argv[:] = held[:] = ["yolo", *arguments]  # in place: Ultralytics holds the list of its import
        import_ultralytics("ultralytics.cfg").entrypoint()
    finally:
        ended.remove(trainers.append)
    for trainer in trainers:
        if Path(trainer.best).is_file():
            print("\n".join(next_commands(Path(trainer.best), str(data or trainer.args.data), trainer.args.imgsz)))


def next_commands(best: Path, data: str, imgsz: int) -> list[str]:
    """Lines with the commands that follow a training.

    Args:
        best: The checkpoint.
        data: The data.yaml.
        imgsz: Side of the images in pixels.
    """
    relative = os.path.relpath(best)
    shown = str(best) if relative.startswith("..") else relative
    return [
        f"trained: {shown}; next, an ONNX file, or its accuracy again:",
        "  " + shlex.join(["python", "-m", "nas.export", shown, "--onnx", "--imgsz", str(imgsz)]),
        "  " + shlex.join(["python", "-m", "nas.train", "val", f"model={shown}", f"data={data}", f"imgsz={imgsz}"]),
    ]


if __name__ == "__main__":
    cli.run(main)
