"""Pretrained weights in a training of Ultralytics: the rows that take them over."""

from __future__ import annotations

from pathlib import Path

from nas.detectors.yaml_files import from_yaml
from nas.errors import InputError
from nas.integrations.checkpoint import transfer


def transfer_note(model: str, pretrained: str) -> str:
    """Lines that say which rows of a YAML take over weights and which start fresh. Ultralytics counts tensors only.

    Args:
        model: The argument ``model`` of Ultralytics.
        pretrained: Its argument ``pretrained``.

    Returns:
        The lines; empty unless a YAML starts from a checkpoint whose rows we know.
    """
    file, weights = Path(model), Path(pretrained)
    if file.suffix not in {".yaml", ".yml"} or weights.suffix != ".pt" or not (file.is_file() and weights.is_file()):
        return ""
    try:
        detector = from_yaml(file, None, lambda assumed: None)
        fit, hidden = transfer(detector, weights)
    except InputError:
        return ""  # rows or weights that only Ultralytics knows: its own log reports them
    others = ", ".join(f"{row} ({detector.rows[row].module})" for row, fits in fit.items() if not fits) or "none"
    lines = [f"{weights}: all weights of {sum(fit.values())} of {len(fit)} rows fit; not those of rows {others}"]
    if hidden:
        lines.append(
            f"the class branch of its head is {hidden} channels wide inside, and Ultralytics makes that of this model "
            "as wide: it becomes larger and slower than the one that was searched and measured"
        )
    return "\n".join(lines)
