"""``python -m nas.train model=x.yaml data=d.yaml ...``: ``yolo detect train`` with our operators registered.

The arguments are those of Ultralytics. `val`, `predict` or `export` as the first one chooses another mode.
"""

from __future__ import annotations

import sys

from nas import cli
from nas.errors import ConfigError

MODES = ("train", "val", "predict", "export")


def main(arguments: list[str] | None = None) -> None:
    """Run the ``yolo`` command line in this process.

    Args:
        arguments: The arguments; None: those of the process.

    Raises:
        ConfigError: If a training has no model.
        InputError: If Ultralytics is not installed.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(__doc__)
        return
    mode, rest = (arguments[0], arguments[1:]) if arguments[0] in MODES else ("train", arguments)
    if mode == "train" and not any(a.startswith("model=") for a in rest):
        raise ConfigError("nas.train: model=... is missing", hint="give a model YAML or a checkpoint")
    from nas.integrations.torchvision import patch_torchvision
    from nas.integrations.ultralytics import import_ultralytics, register

    register()
    if patch_torchvision():
        print("torchvision's compiled operators do not fit this torch; its nms runs in plain torch instead.")
    if mode == "train":
        from nas.integrations.pretrained import transfer_note

        given = dict(argument.split("=", 1) for argument in rest if "=" in argument)
        if note := transfer_note(given["model"], given.get("pretrained", "")):
            print(note)
    sys.argv = ["yolo", "detect", mode, *rest]
    import_ultralytics("ultralytics.cfg").entrypoint()


if __name__ == "__main__":
    cli.run(main)
