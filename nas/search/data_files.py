"""Files of a run directory about its data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from nas.data.data_yaml import DataYaml
from nas.data.resolved import FILE, write_resolved
from nas.data.skipped import SkippedImage, skipped_notice, write_skipped


def write_data_files(
    folder: Path, source: DataYaml | None, skipped: Sequence[SkippedImage], say: Callable[[str], None]
) -> None:
    """Write the data.yaml by absolute paths, for trainings after the search, and the list of images that are left out.

    Args:
        folder: The run directory.
        source: The data.yaml of the run; None for the built-in set.
        skipped: Images that are left out.
        say: Receives a message for people, if there are any.
    """
    if source is not None:
        write_resolved(source, folder / FILE)
    if skipped:
        write_skipped(skipped, folder)
        say(skipped_notice(skipped, folder))
