"""Import every script of the experiments, and ask those with options for their help. Run by test_smoke.py.

    python import_scripts.py EXPERIMENTS

Prints one line for each script that fails.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path


def failures(root: Path) -> Iterator[str]:
    """The scripts that fail, with the error. Folders have modules of the same name, so each begins afresh."""
    for folder in sorted({file.parent for file in root.rglob("*.py")}):
        path, modules = list(sys.path), set(sys.modules)
        sys.path.insert(0, str(folder))
        names = [file.stem for file in sorted(folder.glob("*.py"))]
        for name in names:
            try:
                _check(name, folder / f"{name}.py")
            except BaseException as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                yield f"{folder.name}/{name}.py: {type(error).__name__}: {error} ({where.filename}:{where.lineno})"
        for name in set(sys.modules) - modules:
            if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(root):
                del sys.modules[name]
        sys.path[:] = path


def _check(name: str, file: Path) -> None:
    module = importlib.import_module(name)
    if "parse_args" in file.read_text():
        sys.argv = [str(file), "--help"]
        with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as shown:
            module.main()
        assert "usage:" in shown.getvalue()


if __name__ == "__main__":
    for line in failures(Path(sys.argv[1])):
        print(line)
