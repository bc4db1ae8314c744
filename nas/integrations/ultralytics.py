"""Our operators in Ultralytics, registered by one call, without an edit of the package.

Ultralytics looks up the module of a row in the namespace of ``ultralytics.nn.tasks``. It takes an unknown module as one
that keeps its channels, and all of our operators do.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from nas.errors import InputError, ModelError
from nas.installation import install_command
from nas.integrations.torchvision import patch_torchvision
from nas.operators.base import KeepingOperator
from nas.operators.registry import OPERATORS
from nas.operators.user_operators import load_own


def register() -> None:
    """Register all of our operators and the user's for the model YAMLs and checkpoints of Ultralytics.

    The registration holds for this process. Call it before ``YOLO("model.yaml")``. It also gives torchvision an `nms`
    where its compiled one does not load, see `nas.integrations.torchvision`.

    Raises:
        InputError: If Ultralytics is not installed.
        ModelError: If Ultralytics has another module of the same name, or a user operator is wrong.

    Example:
        >>> from nas.integrations.ultralytics import register
        >>> register()
        >>> from ultralytics import YOLO
        >>> model = YOLO("runs/first/pareto/03-faster.yaml")
    """
    load_own()
    patch_torchvision()
    tasks = import_ultralytics("ultralytics.nn.tasks")
    for name, operator in OPERATORS.items():
        if isinstance(operator, KeepingOperator):
            held = getattr(tasks, name, None)
            # It would insert input channels into the arguments of a module of its own by that name.
            if getattr(held, "__module__", "").partition(".")[0] in {"ultralytics", "torch"}:
                raise ModelError(f"operator {name}: Ultralytics has a module of that name", hint="rename yours")
            setattr(tasks, name, operator.module)


def import_ultralytics(module: str = "ultralytics") -> ModuleType:
    """Import a module of Ultralytics and keep Ultralytics from installing packages.

    Raises:
        InputError: If Ultralytics is not installed.
    """
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != "ultralytics":
            raise
        hint = f"run {install_command('ultralytics')}"
        raise InputError("ultralytics is not installed", hint=hint) from None
