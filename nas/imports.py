"""Modules of a person's own, by the name that they gave."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType

from nas.errors import InputError


def import_own(name: str, given: str, mend: str) -> ModuleType:
    """A module that is installed or lies in the working directory.

    Raises InputError for one that is not there or cannot be imported, which begins with where it was ``given`` and says
    the ``mend`` of a wrong name.
    """
    if os.getcwd() not in map(os.path.abspath, sys.path):
        sys.path.append(os.getcwd())  # It stays: a module may import its neighbours later.
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            where = f"in {os.getcwd()} or among the installed packages"
            raise InputError(f"{given}: no module {name} {where}; {mend}") from None
        raise InputError(f"{given}: {name} needs {error.name}, which is not installed") from None
    except InputError:
        raise  # the module's own registration says what is wrong
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{given}: importing {name} failed: {why}") from error
