"""Reader of a data.yaml: its classes, its root folder and the images of its splits.

The rules are those of the trainers: `path` is the root, absolute or relative to the folder of the file, which is the
default. `train`, `val` and `test` are each a folder, which is searched to the bottom, a .txt list of images, or several
of these, relative to the root.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from nas.errors import DataError

_SUFFIXES = (".avif", ".bmp", ".dng", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp")


class DataYaml(NamedTuple):
    """A data.yaml.

    Attributes:
        file: Its path.
        content: The mapping in it; `train`, `val` and `names` are there.
        classes: The class names.
    """

    file: Path
    content: dict[str, Any]
    classes: tuple[str, ...]

    @property
    def root(self) -> Path:
        """The folder that the splits are relative to.

        Raises:
            DataError: If `path` is no folder.
        """
        path = self.content.get("path")
        if path in (None, ""):
            return self.file.parent
        if not isinstance(path, str):
            problem = f"is not a folder's name but {path!r}"
            raise DataError(problem, file=self.file, field="path", hint="give the folder of the data set")
        root = self.file.parent / path  # an absolute path stays itself
        if not root.is_dir():
            problem = f"leads to {os.path.abspath(root)}, which is not a folder"
            hint = "give the data set's folder, absolute or relative to the folder of this file"
            raise DataError(problem, file=self.file, field="path", hint=hint)
        return root

    def images(self, split: str) -> list[Path]:
        """The images of a split, each once, sorted.

        Args:
            split: ``train``, ``val`` or ``test``.

        Raises:
            DataError: If the split leads to no images.
        """
        value, root = self.content[split], self.root
        images: set[Path] = set()
        for place in value if isinstance(value, list) else [value]:
            if not isinstance(place, str):
                problem = f"is not a path but {place!r}"
                raise DataError(problem, file=self.file, field=split, hint="give a folder of images, or a .txt list")
            source = root / place
            if not source.exists() and place.startswith("../") and (root / place[3:]).exists():
                source = root / place[3:]  # many published sets say ../ and mean the folder of the yaml
            images.update(self._images_at(source, split))
        return sorted(images)

    def _images_at(self, source: Path, split: str) -> list[Path]:
        """The images of a folder or a .txt list."""
        if source.is_dir():
            # glob follows links and skips hidden files, such as the ._x.jpg that other systems leave behind.
            everything = glob.iglob(os.path.join(glob.escape(str(source.resolve())), "**", "*"), recursive=True)
            if found := [Path(p) for p in everything if Path(p).suffix.lower() in _SUFFIXES]:
                return found
            problem = f"leads to {os.path.abspath(source)}, which has no images"
            raise DataError(problem, file=self.file, field=split, hint=f"correct '{split}'")
        if source.suffix == ".txt" and source.is_file():
            if found := _listed_images(source):
                return found
            hint = f"write one path a line, or correct '{split}' in {self.file}"
            raise DataError("lists no images", file=source, hint=hint)
        kind = "list" if source.suffix == ".txt" else "folder"
        wrong = "is neither a folder nor a .txt list" if source.exists() else f"does not exist; no such {kind}"
        problem = f"leads to {os.path.abspath(source)}, which {wrong}"
        raise DataError(problem, file=self.file, field=split, hint=f"correct '{split}' or 'path'")


def read_data_yaml(file: Path) -> DataYaml:
    """Read a data.yaml; its images are not looked for.

    Args:
        file: The file.

    Raises:
        DataError: With the field that is wrong.
    """
    content = _mapping(file)
    if "val" not in content and "validation" in content:  # the trainers know both
        content["val"] = content["validation"]
    for key, example in (("train", "images/train"), ("val", "images/val"), ("names", "[cat, dog]")):
        if content.get(key) in (None, "", [], {}):
            raise DataError("missing", file=file, field=key, hint=f"add a line such as '{key}: {example}'")
    if "kpt_shape" in content:
        problem = "makes this a pose data set"
        raise DataError(problem, file=file, field="kpt_shape", hint="give a data set with boxes")
    return DataYaml(file, content, _classes(file, content))


def read_text(file: Path) -> str:
    """The text of a file in UTF-8; raises DataError."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        hint = "make it a readable text file"
        raise DataError(f"cannot be read ({error.strerror})", file=file, hint=hint) from None
    except UnicodeDecodeError:
        raise DataError("is not UTF-8 text", file=file, hint="save it as UTF-8") from None


def _mapping(file: Path) -> dict[str, Any]:
    if file.is_dir():
        raise DataError("is a folder", file=file, hint="give the data.yaml in it")
    if not file.exists():
        hint = "give the path of a data.yaml, or 'shapes' for the built-in set"
        raise DataError("no such file", file=file, hint=hint)
    try:
        content = yaml.safe_load(read_text(file))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "a character it does not know"
        raise DataError(f"is not YAML ({problem})", file=file, field=line, hint="correct that line") from None
    if not isinstance(content, dict):
        hint = "write 'train: ...', 'val: ...' and 'names: ...', a line each"
        raise DataError("is not a mapping", file=file, hint=hint)
    return content


def _classes(file: Path, content: dict[str, Any]) -> tuple[str, ...]:
    """The class names: `names` is a list or a mapping from 0, 1, 2, ...; `nc` must agree with it if it is there."""
    names = content["names"]
    if isinstance(names, dict):
        names = _numbered(file, names)
    if not isinstance(names, list) or any(isinstance(name, (list, dict)) or name is None for name in names):
        raise DataError("is not a list of names", file=file, field="names", hint="write it as 'names: [cat, dog]'")
    nc = content.get("nc", len(names))
    if nc != len(names):
        problem = f"is {nc!r} but 'names' has {len(names)}"
        raise DataError(problem, file=file, field="nc", hint="correct one, or leave 'nc' out")
    return tuple(str(name) for name in names)


def _numbered(file: Path, names: dict[Any, Any]) -> list[Any]:
    """The values of a mapping from 0, 1, 2, ... in order."""
    hint = "number the classes 0, 1, 2, ..."
    try:
        numbered = {int(key): name for key, name in names.items()}
    except (TypeError, ValueError):
        raise DataError("has a key that is not a number", file=file, field="names", hint=hint) from None
    if gaps := set(range(len(names))) - set(numbered):
        raise DataError(f"has {len(names)} classes but no {min(gaps)}", file=file, field="names", hint=hint)
    return [numbered[i] for i in range(len(numbered))]


def _listed_images(source: Path) -> list[Path]:
    """The images of a .txt list, relative to its own folder. They are not looked for."""
    lines = (line.strip() for line in read_text(source).splitlines())
    # Without dots, so that an image that a folder holds too is counted once.
    return [Path(os.path.normpath(source.resolve().parent / line)) for line in lines if line]
