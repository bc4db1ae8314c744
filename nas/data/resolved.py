"""Writer of a data.yaml with absolute paths: it names the same images in any working directory."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

from nas.data.data_yaml import SPLITS, DataYaml, read_data_yaml
from nas.data.image_files import label_file, listed_images
from nas.files import data_home, write

FILE = "data.yaml"
"""Name of the file in a run directory."""
_NOT_NEEDED = ("path", "validation", "download", "nc", "names", *SPLITS)


def training_file(data: str) -> str:
    """The data.yaml to give to Ultralytics, so that a training reads what a search reads.

    Args:
        data: The argument ``data`` of the training.

    Returns:
        A data.yaml by absolute paths in the user's folder; it stays, since the checkpoint names it. Or ``data`` itself,
        if Ultralytics downloads or unpacks it first.

    Raises:
        DataError: The data cannot be read, or there are no images.
    """
    suffix = Path(data).suffix.lower()
    if "://" in data or (suffix not in {"", ".yaml", ".yml"} and Path(data).is_file()):
        return data
    found = read_data_yaml(data)
    absent = [place for split in ("train", "val") for place in found.places[split] if not place.resolve().exists()]
    if absent and found.content.get("download"):
        return data
    for split in ("train", "val"):
        found.images(split)
    file = data_home() / f"{found.file.parent.name}-{found.file.stem}-{_key(found)}.yaml"
    write_resolved(found, file)
    return str(file)


def _key(data: DataYaml) -> str:
    """A hash that is the same from each working directory that gives the same images."""
    lists = [
        listed_images(place, data.folder) for places in data.places.values() for place in places if place.is_file()
    ]
    return hashlib.sha256(repr((data._replace(folder=Path()), lists)).encode()).hexdigest()[:8]


def write_resolved(data: DataYaml, file: Path, ascii_only: bool = False) -> None:
    """Write a data.yaml that Ultralytics reads as `data`, whatever the working directory and its settings are.

    Args:
        data: The data.yaml.
        file: The file to write. Lists whose lines depend on the working directory are written beside it.
        ascii_only: True to escape other characters, for a trainer that reads the encoding of the system.
    """
    others = {key: value for key, value in data.content.items() if key not in _NOT_NEEDED}
    content: dict[str, Any] = {"path": str(data.root.resolve())}
    for split, places in data.places.items():
        resolved = [_place(data, place.resolve(), file.with_name(f"{file.stem}-{split}")) for place in places]
        content[split] = resolved if len(resolved) > 1 else resolved[0]
    content["names"] = dict(enumerate(data.classes))
    text = yaml.safe_dump(content | others, sort_keys=False, allow_unicode=not ascii_only, width=1000)
    origin = ascii(str(data.file)) if ascii_only else data.file
    write(file, f"# The images of {origin}, by absolute paths.\n{text}")


def _place(data: DataYaml, place: Path, beside: Path) -> str:
    """A folder or list file by its absolute path; a list that depends on the working directory is written anew."""
    if not place.is_file():
        return str(place)
    images = listed_images(place, data.folder)
    if images == listed_images(place, Path("/")) or any(label_file(str(one.image)) != one.label for one in images):
        return str(place)
    copy = beside.with_name(f"{beside.name}-{place.stem}.txt")
    write(copy, "".join(f"{one.image}\n" for one in images))
    return str(copy.resolve())
