"""The user's folder of data sets: the setting `datasets_dir` of Ultralytics, read without importing it."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path


def datasets_dir() -> Path:
    """The folder in which Ultralytics looks for a data set whose `path` is not in the working directory.

    Returns:
        The setting `datasets_dir`. Where there are no settings yet: the folder that Ultralytics writes into them.
    """
    try:
        found = json.loads(_settings_file().read_text(encoding="utf-8"))["datasets_dir"]
    except (OSError, ValueError, LookupError, TypeError):  # absent or damaged: Ultralytics then writes new ones
        return _default()
    return Path(found) if isinstance(found, str) else _default()


def _settings_file() -> Path:
    home, custom = Path.home(), os.environ.get("YOLO_CONFIG_DIR")
    if custom:
        folder = Path(custom)
    elif sys.platform == "darwin":
        folder = home / "Library" / "Application Support"
    elif sys.platform == "win32":
        folder = home / "AppData" / "Roaming"
    else:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return folder / "Ultralytics" / "settings.json"


def ultralytics_package() -> Path | None:
    """The folder of the installed package `ultralytics`; None if it is not installed."""
    spec = importlib.util.find_spec("ultralytics")
    return None if spec is None or spec.origin is None else Path(spec.origin).resolve().parent


def _default() -> Path:
    """`datasets` beside the git repository that the files of Ultralytics lie in, else in the working directory."""
    package = ultralytics_package()
    for folder in package.parents if package else ():
        if (folder / ".git").exists():
            return (folder.parent if os.access(folder.parent, os.W_OK) else folder) / "datasets"
    return Path.cwd() / "datasets"
