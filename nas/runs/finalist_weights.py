"""Trained weights of finalists: a file in RUN/finalists for each, and copies beside the YAMLs of the front.

Names of the front begin with a rank, which changes when latencies are measured later. The files in RUN/finalists stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING

from nas.errors import ConfigError
from nas.files import replacing
from nas.runs.trials import short_id

if TYPE_CHECKING:
    from nas.runs.finalists import Finalist

FOLDER = "finalists"
"""Folder of the finalists' weights in a run directory."""
_MADE_BY_US = "[0-9][0-9]-*.pt"
"""Pattern of the names of copies. Other files in the folder belong to the user."""


def stored_weights(arch: str) -> str:
    """The file with the trained weights of a finalist, relative to the run directory.

    Args:
        arch: Its architecture string.
    """
    return f"{FOLDER}/{short_id(arch)}.pt"


def copy_weights(run: Path, front: Sequence[Finalist]) -> None:
    """Copy the weights of each model of the front beside its YAML; copies of an earlier front are removed.

    Args:
        run: The run directory.
        front: The models. Those without weights are passed over.

    Raises:
        ConfigError: A file in RUN/finalists is missing. No copy is removed then.
    """
    trained = {run / model.weights: run / stored_weights(model.arch) for model in front if model.weights}
    for source in trained.values():
        if not source.is_file():
            problem = f"has no {source.relative_to(run)}, the weights of a finalist"
            raise ConfigError(problem, file=run, hint="search again into another directory")
    for old in (run / "pareto").glob(_MADE_BY_US):
        old.unlink()
    for copy, source in trained.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        with replacing(copy) as temporary:
            copyfile(source, temporary)
