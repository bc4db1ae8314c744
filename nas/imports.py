"""Import of a user's modules by name."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType

from nas.errors import InputError


def import_own(name: str, given: str, hint: str) -> ModuleType:
    """Import a module that is installed or in the working directory.

    Args:
        name: The module.
        given: The place where the user named it; the message begins with it.
        hint: The next step if there is no module of this name.

    Raises:
        InputError: If the module does not exist or cannot be imported.
    """
    if os.getcwd() not in map(os.path.abspath, sys.path):
        sys.path.append(os.getcwd())  # It stays: a module may import its neighbors later.
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            where = f"in {os.getcwd()} or among the installed packages"
            raise InputError(f"{given}: no module {name} {where}", hint=hint) from None
        raise InputError(f"{given}: {name} needs {error.name}, which is not installed") from None
    except InputError:
        raise  # the module's own registration says what is wrong
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{given}: importing {name} failed: {why}") from error
