"""Our operators in Ultralytics: one call, no edit to the package.

Ultralytics looks a row's module up in the namespace of ``ultralytics.nn.tasks`` and takes a module that it does not
know as one that keeps its channels, which all of ours do.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from nas.errors import InputError
from nas.operators.base import KeepingOperator
from nas.operators.registry import OPERATORS
from nas.operators.user_operators import load_own


def register() -> None:
    """Make every operator of ours known to Ultralytics' model YAMLs and checkpoints, in this process.

    Call it before ``YOLO("model.yaml")``. Operators of a person's own are among them. Raises InputError where
    Ultralytics is missing, or has another module of that name, and as `nas.operators.load_own`.
    """
    load_own()
    tasks = import_ultralytics("ultralytics.nn.tasks")
    for name, operator in OPERATORS.items():
        if isinstance(operator, KeepingOperator):
            held = getattr(tasks, name, None)
            # It would insert input channels into the arguments of a module of its own by that name.
            if getattr(held, "__module__", "").partition(".")[0] in {"ultralytics", "torch"}:
                raise InputError(f"operator {name}: Ultralytics has a module of that name; call yours otherwise")
            setattr(tasks, name, operator.module)


def import_ultralytics(module: str = "ultralytics") -> ModuleType:
    """Import a module of Ultralytics, which must not install packages by itself on our account."""
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != "ultralytics":
            raise
        raise InputError("ultralytics is not installed; run: pip install 'pareto-yolo[ultralytics]'") from None
