"""Our operators in Ultralytics, registered by one call, without an edit of the package.

Ultralytics looks up the module of a row in the namespace of ``ultralytics.nn.tasks``. It takes an unknown module as one
that keeps its channels, and all of our operators do. Only to its own heads does it pass the channels of the maps that
they read: our head counts as one of them while a YAML with it is parsed.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from functools import wraps
from types import ModuleType
from typing import Any

from nas.errors import InputError, ModelError
from nas.installation import install_command
from nas.integrations.torchvision import patch_torchvision
from nas.operators.base import KeepingOperator
from nas.operators.registry import OPERATORS
from nas.operators.user_operators import load_own

HEAD = "SlimDetect"
"""The module of our head in a model YAML."""


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
    _register_head(tasks)


def _register_head(tasks: Any) -> None:
    """Let the parser of model YAMLs build `SlimDetect` as it builds Detect: from the channels of several maps."""
    if hasattr(tasks, HEAD):
        return
    head = importlib.import_module("nas.integrations.slim_detect").SlimDetect
    parse = tasks.parse_model

    @wraps(parse)
    def parse_model(content: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        stock = tasks.Detect
        if any(HEAD in row for row in content.get("head", ())):
            tasks.Detect = head  # the parser looks up the classes of heads at every call
        try:
            return parse(content, *args, **options)
        finally:
            tasks.Detect = stock

    setattr(tasks, HEAD, head)
    tasks.parse_model = parse_model


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
