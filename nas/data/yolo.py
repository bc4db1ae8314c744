"""Reader of Ultralytics-format data sets: a data.yaml, folders of images, label files beside them.

The rules are the trainers' own, so what trains there is read here:

* `path` is the root, absolute or taken from the yaml's folder, which it defaults to. `train` and `val` are each a
  folder (searched to the bottom), a .txt list of images, or several of those, taken from the root.
* The labels of `.../images/x.jpg` are `.../labels/x.txt` (the last `images` in the path counts); where no folder is
  called `images` they lie beside the image. No label file: the image shows nothing.
* A label line is `class x y width height`, centre and size as parts of the image, or `class x1 y1 x2 y2 x3 y3 ...`, a
  polygon, of which the bounding box is taken. A line that is there twice counts once.

Where the trainers drop a broken label with a warning, here it is an error: scores of different data do not compare.
The test split is read by `read_test` alone. Of a set larger than asked for, files evenly spaced over the sorted list
are kept, and only those are opened.
"""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from nas.data.dataset import Dataset, Split, fingerprint
from nas.data.letterbox import letterbox
from nas.errors import InputError

_SUFFIXES = (".avif", ".bmp", ".dng", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif", ".tiff", ".webp")
KINDS = {"train": "training", "val": "validation", "test": "test"}
_SLACK = 0.01  # how far rounding may carry a normalised coordinate out of 0..1; the box is clipped

_T = TypeVar("_T")


def read_yolo(file: Path, imgsz: int, *, content: int | None = None, max_train: int, max_val: int) -> Dataset:
    """Read the training and validation splits of a data.yaml into memory, as imgsz x imgsz images (`letterbox`)."""
    config = _read_config(file)
    classes = _classes(file, config)
    root = _root(file, config)
    found = {key: _find_images(file, key, config[key], root) for key in ("train", "val")}
    kept = {"train": _spaced(found["train"], max_train), "val": _spaced(found["val"], max_val)}
    splits = {key: _read_split(file, key, images, len(classes), imgsz, content) for key, images in kept.items()}
    train, val = splits["train"], splits["val"]
    return Dataset(str(file), classes, train, val, fingerprint(len(classes), train, val), _note(found, kept))


def read_test(file: Path, imgsz: int, *, content: int | None = None, most: int) -> Split | None:
    """Read the test split of a data.yaml; None where it names none."""
    config = _read_config(file)
    if config.get("test") in (None, "", []):
        return None
    images = _find_images(file, "test", config["test"], _root(file, config))
    return _read_split(file, "test", _spaced(images, most), len(_classes(file, config)), imgsz, content)


def read_classes(file: Path) -> tuple[str, ...]:
    """The class names of a data.yaml; its images are not looked for."""
    return _classes(file, _read_config(file))


def _note(found: dict[str, list[Path]], kept: dict[str, list[Path]]) -> str:
    counts = {key: f"{len(kept[key])} of {len(found[key])}" for key in found}
    note = f"{counts['train']} training and {counts['val']} validation images"
    if kept != found:
        note += ", evenly spaced over the sorted files"
    shared = len(set(kept["train"]) & set(kept["val"]))
    if shared:
        note += f"; {shared} validation images are training images too, so scores flatter"
    return note


def _spaced(items: list[_T], most: int) -> list[_T]:
    """At most so many items, evenly spaced, the first among them."""
    n = min(most, len(items))
    return [items[i * len(items) // n] for i in range(n)]


# --- data.yaml ------------------------------------------------------------------------------------------------------


def _read_config(file: Path) -> dict[str, Any]:
    """The mapping in a data.yaml, with `train`, `val` and `names` in it."""
    if file.is_dir():
        raise InputError(f"{file}: is a folder; give the data.yaml in it")
    try:
        config = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(
            f"{file}: no such file; give the path of a data.yaml, or 'shapes' for the built-in set"
        ) from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); give a data.yaml that can") from None
    except UnicodeDecodeError:
        raise InputError(f"{file}: is not UTF-8 text; save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "a character it does not know"
        raise InputError(f"{file}{where}: is not YAML ({problem}); correct that line") from None
    if not isinstance(config, dict):
        raise InputError(f"{file}: is not a mapping; write 'train: ...', 'val: ...' and 'names: ...', a line each")
    if "val" not in config and "validation" in config:  # the trainers know both
        config["val"] = config["validation"]
    for key, example in (("train", "images/train"), ("val", "images/val"), ("names", "[cat, dog]")):
        if config.get(key) in (None, "", [], {}):
            raise InputError(f"{file}: '{key}' is missing; add a line such as '{key}: {example}'")
    if "kpt_shape" in config:
        raise InputError(f"{file}: 'kpt_shape' makes this a pose data set; give one with boxes")
    return config


def _classes(file: Path, config: dict[str, Any]) -> tuple[str, ...]:
    """`names`, a list or a mapping from 0, 1, 2, ..., which `nc` must agree with if it is there."""
    names = config["names"]
    if isinstance(names, dict):
        try:
            numbered = {int(key): name for key, name in names.items()}
        except (TypeError, ValueError):
            raise InputError(
                f"{file}: 'names' has a key that is not a number; number the classes 0, 1, 2, ..."
            ) from None
        gaps = set(range(len(names))) - set(numbered)
        if gaps:
            raise InputError(f"{file}: 'names' has {len(names)} classes but no {min(gaps)}; number them 0, 1, 2, ...")
        names = [numbered[i] for i in range(len(numbered))]
    if not isinstance(names, list) or any(isinstance(name, (list, dict)) or name is None for name in names):
        raise InputError(f"{file}: 'names' is not a list of names; write it as 'names: [cat, dog]'")
    nc = config.get("nc", len(names))
    if nc != len(names):
        raise InputError(f"{file}: 'nc' is {nc!r} but 'names' has {len(names)}; correct one, or leave 'nc' out")
    return tuple(str(name) for name in names)


def _root(file: Path, config: dict[str, Any]) -> Path:
    """The folder that `train` and `val` are taken from."""
    path = config.get("path")
    if path in (None, ""):
        return file.parent
    if not isinstance(path, str):
        raise InputError(f"{file}: 'path' is not a folder's name but {path!r}; give the folder of the data set")
    root = file.parent / path  # an absolute path stays itself
    if not root.is_dir():
        raise InputError(
            f"{file}: 'path' leads to {_full(root)}, which is not a folder; "
            "give the data set's folder, absolute or taken from the folder of this file"
        )
    return root


def _full(path: Path) -> str:
    return os.path.abspath(path)


# --- images ---------------------------------------------------------------------------------------------------------


def _find_images(file: Path, key: str, value: object, root: Path) -> list[Path]:
    """The images of a split, each once, sorted."""
    places = value if isinstance(value, list) else [value]
    images: set[Path] = set()
    for place in places:
        if not isinstance(place, str):
            raise InputError(f"{file}: '{key}' is not a path but {place!r}; give a folder of images, or a .txt list")
        source = root / place
        if not source.exists() and place.startswith("../") and (root / place[3:]).exists():
            source = root / place[3:]  # many published sets say ../ and mean the folder of the yaml; trainers allow it
        if source.is_dir():
            # glob follows links and passes over hidden files, such as the ._x.jpg that other systems leave behind.
            everything = glob.iglob(os.path.join(glob.escape(str(source.resolve())), "**", "*"), recursive=True)
            found = [Path(p) for p in everything if Path(p).suffix.lower() in _SUFFIXES]
            if not found:
                raise InputError(f"{file}: '{key}' leads to {_full(source)}, where no images are; correct '{key}'")
        elif source.suffix == ".txt" and source.is_file():
            found = _read_list(source)
            if not found:
                raise InputError(f"{source}: lists no images; write one path a line, or correct '{key}' in {file}")
        else:
            what = "list" if source.suffix == ".txt" else "folder"
            wrong = "is neither a folder nor a .txt list" if source.exists() else f"does not exist; no such {what}"
            raise InputError(f"{file}: '{key}' leads to {_full(source)}, which {wrong}; correct '{key}' or 'path'")
        images.update(found)
    return sorted(images)


def _read_list(source: Path) -> list[Path]:
    """The images that a .txt lists, taken from its own folder. Whether they exist shows when they are opened."""
    lines = (line.strip() for line in _read_text(source).splitlines())
    # Without dots, so that an image that a folder holds too is counted once.
    return [Path(os.path.normpath(source.resolve().parent / line)) for line in lines if line]


def _read_split(file: Path, key: str, images: Sequence[Path], nc: int, imgsz: int, content: int | None) -> Split:
    labels = [_label_file(image) for image in images]
    # Labels first: they are read in no time, and most mistakes are there.
    boxes = [_read_labels(label, nc, file) for label in labels]
    if not any(len(rows) for rows in boxes):
        raise InputError(
            f"{file}: '{key}' has no box in any of its {len(images)} {KINDS[key]} images used; "
            f"put label files where they are looked for, such as {labels[0]}"
        )
    canvases = torch.empty((len(images), 3, imgsz, imgsz), dtype=torch.uint8)

    def place(i: int) -> torch.Tensor:
        canvas, (left, top, width, height) = _decode(images[i], imgsz, content)
        canvases[i] = torch.from_numpy(canvas)
        return torch.from_numpy(boxes[i] * (1, width, height, width, height) + (0, left, top, left, top)).float()

    # Pillow decodes outside the interpreter lock.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return Split(canvases, tuple(pool.map(place, range(len(images)))))


def _decode(file: Path, imgsz: int, content: int | None) -> tuple[NDArray[np.uint8], tuple[int, int, int, int]]:
    try:
        with Image.open(file) as image:
            return letterbox(image, imgsz, content)
    except FileNotFoundError:
        raise InputError(f"{file}: image is listed but not there; restore it, or take it off the list") from None
    # What decoders raise on broken files is any of these.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = "it is empty" if file.stat().st_size == 0 else "its content is of no known format"
        raise InputError(f"{file}: image cannot be read ({reason}); replace or remove it") from None


# --- labels ---------------------------------------------------------------------------------------------------------


def _label_file(image: Path) -> Path:
    parts = image.parts
    for i in range(len(parts) - 2, -1, -1):
        if parts[i] == "images":
            return Path(*parts[:i], "labels", *parts[i + 1 :]).with_suffix(".txt")
    return image.with_suffix(".txt")


def _read_labels(file: Path, nc: int, config: Path) -> NDArray[np.float64]:
    """float64 (n, 5): class, x1, y1, x2, y2 as parts of the image."""
    if not file.exists():
        return np.empty((0, 5))
    rows: dict[tuple[float, ...], None] = {}
    for number, line in enumerate(_read_text(file).splitlines(), start=1):
        if line.strip():
            try:
                rows[_parse(line.split(), nc, config)] = None
            except ValueError as error:
                raise InputError(f"{file}, line {number}: {error}") from None
    return np.array(list(rows), dtype=np.float64).reshape(-1, 5)


def _parse(words: list[str], nc: int, config: Path) -> tuple[float, ...]:
    """A label line's class, x1, y1, x2, y2. Raises ValueError with the rest of the sentence."""
    polygon = len(words) >= 7 and len(words) % 2 == 1
    if len(words) != 5 and not polygon:
        raise ValueError(
            f"{len(words)} columns; write 5 for a box (class x y width height), or a class and 3 or more points"
        )
    kind = _number(words[0], "class")
    if kind != int(kind) or not 0 <= kind < nc:
        raise ValueError(f"class {words[0]} is not one of 0..{nc - 1}; correct it, or 'names' in {config}")
    names = ("x", "y") * (len(words) // 2) if polygon else ("x", "y", "width", "height")
    values = [_number(word, name) for word, name in zip(words[1:], names, strict=True)]
    for value, word, name in zip(values, words[1:], names, strict=True):
        if not polygon and name in ("width", "height") and value <= 0:
            raise ValueError(f"{name} {word} is not above 0; correct the box or remove the line")
        if not -_SLACK <= value <= 1 + _SLACK:
            raise ValueError(f"{name} {word} is outside 0..1; divide pixels by the image's width or height")
    if polygon:
        xs, ys = values[0::2], values[1::2]
        sides = (min(xs), min(ys), max(xs), max(ys))
    else:
        x, y, width, height = values
        sides = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    x1, y1, x2, y2 = (min(max(side, 0.0), 1.0) for side in sides)
    if x1 >= x2 or y1 >= y2:
        raise ValueError(
            f"{'width' if x1 >= x2 else 'height'} inside the image is 0; correct the box or remove the line"
        )
    return kind, x1, y1, x2, y2


def _number(word: str, name: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise ValueError(f"{name} '{word}' is not a number; correct it or remove the line") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} {word} is not a finite number; correct it or remove the line")
    return value


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); make it a readable text file") from None
    except UnicodeDecodeError:
        raise InputError(f"{file}: is not UTF-8 text; save it as UTF-8") from None
