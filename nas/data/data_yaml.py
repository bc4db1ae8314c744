"""Reader of a data.yaml, with the rules of Ultralytics: its classes, and the places of its splits.

`path` is the root: absolute, or relative to the working directory. If it is not there, it is relative to the setting
`datasets_dir` of Ultralytics. Without `path`, the root is the folder of the file. `train`, `val` and `test` are each a
folder or a list file, or several of these, relative to the root. tests/data/test_data_yaml.py reads generated layouts
here and with Ultralytics, side by side.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from yaml.reader import Reader

from nas.data.class_names import read_classes
from nas.data.datasets_dir import datasets_dir, ultralytics_package
from nas.data.image_files import ImageFile, folder_images, listed_images
from nas.errors import DataError

SPLITS = ("train", "val", "test")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # it accepts a little more, and Ultralytics uses it


class DataYaml(NamedTuple):
    """A data.yaml with all paths resolved. It reads the same images in any process and working directory.

    Attributes:
        file: Its path, absolute.
        content: The mapping in it.
        classes: The class names.
        places: Folders and list files of each split that the file has, absolute.
        root: The folder that the splits are relative to.
        folder: The working directory at reading; lines of list files may be relative to it.
        keypoints: Columns of a label row that is a box with keypoints; 0 if the set has none.
    """

    file: Path
    content: dict[str, Any]
    classes: tuple[str, ...]
    places: dict[str, tuple[Path, ...]]
    root: Path
    folder: Path
    keypoints: int

    def images(self, split: str) -> list[ImageFile]:
        """The images of a split, sorted. An image that is listed twice counts twice.

        Args:
            split: ``train``, ``val`` or ``test``.

        Raises:
            DataError: If the split leads to no images.
        """
        images: list[ImageFile] = []
        for place in map(Path.resolve, self.places[split]):
            if place.is_dir():
                images += folder_images(place)
            elif place.is_file():
                images += listed_images(place, self.folder)
            else:
                raise self._absent(split, place)
        if images:
            return sorted(images)
        where = ", ".join(str(place.resolve()) for place in self.places[split])
        problem = f"leads to {where}, which has no images"
        raise DataError(problem, file=self.file, field=split, hint=f"correct '{split}' or 'path'")

    def _absent(self, split: str, place: Path) -> DataError:
        """The error for a place that does not exist."""
        problem = f"leads to {place}, which does not exist"
        return DataError(problem, file=self.file, field=split, hint=self._absent_hint(split))

    def _absent_hint(self, split: str) -> str:
        if self.content.get("download"):
            code = f"from ultralytics.data.utils import check_det_dataset as get; get({str(self.file)!r})"
            quoted = shlex.quote(code) if set(code) & set('"$`\\') else f'"{code}"'
            return f"download the images first: python -c {quoted}"
        path = self.content.get("path")
        if path and (beside := (self.file.parent / path).resolve()).is_dir() and beside != self.root.resolve():
            where = f"the working directory and then in {datasets_dir()}, as in Ultralytics"
            return f"'path' is looked for in {where}; write 'path: {beside}'"
        return f"correct '{split}' or 'path'"


def read_data_yaml(data: str | Path) -> DataYaml:
    """Read a data.yaml; its images are not looked for.

    Args:
        data: The file, or its folder, or the name of a data.yaml that ships with Ultralytics.

    Raises:
        DataError: With the field that is wrong.
    """
    file = _find(Path(data))
    # The trainers take None for null here, but not deeper in the file.
    content = {key: None if value == "None" else value for key, value in _mapping(file).items()}
    if "val" not in content and "validation" in content:  # the trainers know both
        content["val"] = content.pop("validation")
    root = _root(file, content)
    places = {split: _places(file, root, split, content[split]) for split in SPLITS if _is_given(content, split)}
    for key, example in (("train", "images/train"), ("val", "images/val")):
        if key not in places:
            raise DataError("missing", file=file, field=key, hint=f"add a line such as '{key}: {example}'")
    classes, keypoints = read_classes(file, content), _keypoints(file, content)
    return DataYaml(Path(os.path.abspath(file)), content, classes, places, root, Path.cwd(), keypoints)


def _find(data: Path) -> Path:
    """The file that is meant."""
    if data.is_dir():
        return _only_yaml(data)
    for file in (data, data.with_name(f"{data.name}.yaml"), data.with_name(f"{data.name}.yml")):
        if file.is_file():
            if file.suffix.lower() not in {".yaml", ".yml"}:
                hint = "give the data.yaml; of an archive, the one in it after unpacking"
                raise DataError("is no .yaml file", file=file, hint=hint)
            return file
    package = ultralytics_package()
    if package is not None and data.parent == Path():
        for file in (package / "cfg" / "datasets" / data, package / "cfg" / "datasets" / f"{data}.yaml"):
            if file.is_file():
                return file
    hint = "give the path of a data.yaml, or 'shapes' for the built-in set"
    raise DataError("no such file", file=data, hint=hint)


def _only_yaml(folder: Path) -> Path:
    """The YAML file of a folder, or below it if there is none in it."""
    found = [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*.yml"))] or sorted(folder.rglob("*.yaml"))
    if len(found) != 1:
        names = ", ".join(str(file.relative_to(folder)) for file in found[:5])
        problem = f"is a folder with {len(found)} YAML files ({names})" if found else "is a folder without a data.yaml"
        raise DataError(problem, file=folder, hint="give the data.yaml")
    return found[0]


def _mapping(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8-sig", errors="ignore")
        content = yaml.load(Reader.NON_PRINTABLE.sub("", text), Loader=_LOADER)  # a safe loader
    except OSError as error:
        hint = "make it a readable text file"
        raise DataError(f"cannot be read ({error.strerror})", file=file, hint=hint) from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: of a date such as 2020-13-01
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or " ".join(str(error).split())
        raise DataError(f"is not YAML ({problem})", file=file, field=line, hint="correct that line") from None
    if not isinstance(content, dict):
        hint = "write 'train: ...', 'val: ...' and 'names: ...', a line each"
        raise DataError("is not a mapping", file=file, hint=hint)
    return content


def _root(file: Path, content: dict[str, Any]) -> Path:
    """The folder that the splits are relative to; it need not exist if these are absolute."""
    path = content.get("path")
    if path in (None, ""):
        return Path.cwd() / file.parent
    if not isinstance(path, str):
        problem = f"is not a folder's name but {path!r}"
        raise DataError(problem, file=file, field="path", hint="give the folder of the data set")
    return Path.cwd() / (path if Path(path).exists() else datasets_dir() / path)  # an absolute path stays itself


def _is_given(content: dict[str, Any], split: str) -> bool:
    return content.get(split) not in (None, "", [])


def _places(file: Path, root: Path, split: str, value: object) -> tuple[Path, ...]:
    """Absolute paths of a split."""
    if isinstance(value, str):
        if value.startswith("../") and not (root / value).resolve().exists():
            return (root / value[3:],)  # many published sets say ../ and mean the folder of the yaml
        return (root / value,)
    if not isinstance(value, list) or not all(isinstance(place, str) for place in value):
        problem = f"is not a path but {value!r}"
        raise DataError(problem, file=file, field=split, hint="give a folder of images, or a .txt list")
    return tuple(root / place for place in value)


def _keypoints(file: Path, content: dict[str, Any]) -> int:
    """Columns of a label row of a pose set: class, box and keypoints."""
    if "kpt_shape" not in content:
        return 0
    shape = content["kpt_shape"]
    if not isinstance(shape, list) or len(shape) != 2 or not all(isinstance(number, int) for number in shape):
        problem = f"is not a pair of numbers but {shape!r}"
        hint = "write it as 'kpt_shape: [17, 3]', or leave it out"
        raise DataError(problem, file=file, field="kpt_shape", hint=hint)
    return 5 + int(shape[0] * shape[1])
