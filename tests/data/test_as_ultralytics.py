"""The data reader and Ultralytics', side by side, on generated layouts, label files and images."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas.data.data_yaml import DataYaml, read_data_yaml
from nas.data.image_files import label_file
from nas.data.image_reading import read_image
from nas.data.labels import read_labels
from nas.data.resolved import write_resolved
from nas.data.skipped import SkippedImageError
from nas.errors import DataError

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ultralytics") is None, reason="the ultralytics extra is not installed"
)

Oracle = Any


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oracle]:
    """Functions of Ultralytics that read data."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YOLO_CONFIG_DIR", str(tmp_path_factory.mktemp("settings")))
        patch.setenv("YOLO_OFFLINE", "true")
        import ultralytics.data.dataset as dataset
        import ultralytics.data.utils as utils
        from ultralytics.utils import LOGGER, patches

        patch.setattr(utils, "check_font", lambda *_, **__: None)  # it downloads
        level = LOGGER.level
        LOGGER.setLevel(logging.CRITICAL)
        yield SimpleNamespace(utils=utils, dataset=dataset.YOLODataset, imread=patches.imread)
        LOGGER.setLevel(level)


# --- paths, classes and encodings ------------------------------------------------------------------------------------


class Layout:
    """Folders of images, list files, a folder `datasets_dir`, and data.yaml files with random values."""

    SETS = ("set", "conf/set", "inbox/set", "inbox/only-there", ".", "conf")
    FILES = ("data.yaml", "set/data.yaml", "conf/data.yaml", "conf/deep/data.yaml")

    def __init__(self, root: Path) -> None:
        self.root = root
        for number, name in enumerate(self.SETS):
            for split in ("train", "val"):
                folder = root / name / "images" / split
                (folder / "deep").mkdir(parents=True, exist_ok=True)
                for image in (f"{number}.jpg", "x.PNG", "no.txt", ".hidden.jpg", "deep/y.jp2", "z.heic"):
                    (folder / image).touch()
        (root / "conf/deep").mkdir()
        (root / "empty").mkdir()

    def paths(self) -> list[str | None]:
        root = self.root
        return [
            *(None, None, "", "None", "null", "~", ".", "..", "set", "./set", "set/", "conf/set", "only-there", "gone"),
            *(f"{root}/set", f"{root}/gone", "/gone", "3", "[set]", "'set '", "set/images", "data.yaml"),
        ]

    def values(self) -> list[str]:
        root = self.root
        plain = [
            "images/train",
            "images/val",
            "./images/val",
            "../images/train",
            "../set/images/val",
            "images",
            "images/",
        ]
        plain += [f"{root}/set/images/val", "gone", "../gone", "l.txt", "list.lst", "images/train/x.PNG", ".", "set"]
        odd = [
            "",
            "null",
            "'None'",
            "None",
            "[]",
            "5",
            "true",
            "{a: b}",
            "''",
            "[5]",
            "[null]",
            "[None]",
            f"{root}/empty",
        ]
        return plain * 3 + odd

    def line(self, random: random.Random) -> str:
        name = random.choice(
            ["images/train/x.PNG", "images/val/3.jpg", "images/train/deep/y.jp2", "x.jpg", "no.txt", ""]
        )
        before = random.choice(["", "./", "../", f"{self.root}/", "set/", "./../", "././", " ", "./images/../"])
        return before + name + random.choice(["", "", "", " ", "\r"])

    def write_lists(self, random: random.Random) -> None:
        """Write list files into the folders that may be a root."""
        for name in (*self.SETS, "conf/deep"):
            for file in ("l.txt", "list.lst"):
                text = "\n".join(self.line(random) for _ in range(random.randrange(4)))
                (self.root / name / file).write_bytes(b"\xef\xbb\xbf" * random.randrange(2) + text.encode())

    def write(self, random: random.Random) -> tuple[Path, Path]:
        """Write a data.yaml; return it and a working directory."""
        rows = {"train": self.value(random), "val": self.value(random), "names": "[a, b]"}
        if (path := random.choice(self.paths())) is not None:
            rows["path"] = path
        if random.random() < 0.1:
            rows["validation"] = rows.pop("val")
        if random.random() < 0.2:
            rows["test"] = self.value(random)
        if random.random() < 0.05:
            del rows[random.choice(["train", "names"])]
        file = self.root / random.choice(self.FILES)
        file.write_text("".join(f"{key}: {value}\n" for key, value in rows.items()))
        return file, self.root / random.choice(["", "set", "conf", "inbox"])

    def value(self, random: random.Random) -> str:
        values = self.values()
        if random.random() < 0.3:
            return f"[{', '.join(random.choices(values[:12], k=random.randrange(1, 4)))}]"
        return random.choice(values)


def theirs(oracle: Oracle, data: str) -> dict[str, Any] | None:
    """Classes, images and labels of Ultralytics; None where a training stops."""
    try:
        found = oracle.utils.check_det_dataset(data, autodownload=False)
        assert found["train"] and found["val"]  # it stops later without them
        splits = {}
        for split in ("train", "val", "test"):
            if found.get(split):
                try:
                    images = oracle.dataset.get_img_files(SimpleNamespace(prefix="", fraction=1.0), found[split])
                except FileNotFoundError:
                    assert split == "test"
                    images = []
                labels = oracle.utils.img2label_paths(images)
                pairs = zip(images, labels, strict=True)
                splits[split] = sorted((os.path.realpath(i), os.path.realpath(p)) for i, p in pairs)
    except Exception:
        return None
    return {"classes": tuple(found["names"][index] for index in range(found["nc"])), **splits}


def ours(data: str) -> dict[str, Any] | None:
    """Classes, images and labels as `theirs`; None where the data is refused."""
    try:
        found = read_data_yaml(data)
        splits = {}
        for split in found.places:
            try:
                splits[split] = sorted((os.path.realpath(i), os.path.realpath(p)) for i, p in found.images(split))
            except DataError:
                if split != "test":
                    raise
                splits[split] = []
    except DataError as error:
        return None if "\n" not in str(error) else {"more than one line": str(error)}
    return {"classes": found.classes, **splits}


@pytest.fixture
def layout(tmp_path: Path, oracle: Oracle, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A layout; both readers have its inbox as `datasets_dir`."""
    settings = tmp_path / "config/Ultralytics/settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"datasets_dir": str(tmp_path / "inbox")}))
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setattr(oracle.utils, "DATASETS_DIR", tmp_path / "inbox")
    return Layout(tmp_path)


def test_the_same_images_in_300_layouts(layout: Layout, oracle: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    trained, copy = 0, layout.root / "run/data.yaml"
    for seed in range(300):
        if seed % 15 == 0:  # writing takes most of the time
            layout.write_lists(random.Random(seed))
        file, folder = layout.write(random.Random(seed))
        monkeypatch.chdir(folder)
        data = os.path.relpath(file) if seed % 3 else str(file)
        expected = theirs(oracle, data)
        assert ours(data) == expected, f"seed {seed}: {file.read_text()}"
        trained += expected is not None
        if expected is not None and labels_follow_from_images(read_data_yaml(data)):
            write_resolved(read_data_yaml(data), copy)
            monkeypatch.chdir(layout.root / "empty")
            assert theirs(oracle, str(copy)) == expected, f"seed {seed}: {copy.read_text()}"
    assert trained > 40  # enough of them are sets that train


def labels_follow_from_images(data: DataYaml) -> bool:
    """False for a list with a line such as images/x.jpg: its label is beside it, and no absolute path says so."""
    places = [one for split in ("train", "val") for one in data.images(split)]
    return all(label_file(str(one.image)) == one.label for one in places)


NAMES = [
    *("names: [a, b]", "names: {0: a, 1: b}", "names: {1: a, 0: b}", "names: {'0': a, '1': b}", "names: {1: a, 2: b}"),
    *("names: {0: a, 2: b}", "names: {a: 0, b: 1}", "names: {0.0: a, 1.0: b}", "names: [1, 2.5, true, null, None]"),
    *("names: [[a], {b: c}]", "names: []", "names: {}", "names: a", "names: 5", "names: null", "names: [a, a]"),
    *("names: [No, Yes]", "names: [2020-01-01]", "names: {0: null, 1: b}", "names: ['', b]", "names: !!set {a, b}", ""),
]
NUMBERS = ["", "nc: 2", "nc: '2'", "nc: 2.0", "nc: 3", "nc: 0", "nc: -1", "nc: x", "nc: null", "nc: true", "nc: [2]"]


def test_the_same_classes(layout: Layout, oracle: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(layout.root)
    file = layout.root / "set/data.yaml"
    for names in NAMES:
        for number in NUMBERS:
            file.write_text(f"train: images/train\nval: images/val\n{names}\n{number}\n")
            assert ours("set/data.yaml") == theirs(oracle, "set/data.yaml"), f"{names} {number}"


@pytest.mark.parametrize(
    "text",
    [
        *(b"# \xc4\xe3\xff\n", b"x: [a\xff, b]\n", b"\xef\xbb\xbf", b"x: a\x07\x00b\n", "x: 猫 😀\u200b\n".encode()),
        *("x: 猫\n".encode("gbk"), b"x: [\xc4\xe3, b]\n", b"x: a\t\n", b"x:\n\t- a\n", b"x: [a, b\n", b'x: it"s\n'),
        *(b'x: ["a\n', b"x: b: c\n", b"x: %c\n", b"x: @c\n", b"---\n", b"x: !!python/tuple [a]\n", b"x: 2020-13-40\n"),
        *(b"x: a\xc2\x85b\n", b"? x\n", b"<<: {y: z}\n", b"x: &a [1]\ny: *a\n", b"x: *a\n", b"- a\n"),
    ],
)
@pytest.mark.parametrize("where", ["first", "last"])
def test_the_same_files_are_readable(
    layout: Layout, oracle: Oracle, monkeypatch: pytest.MonkeyPatch, text: bytes, where: str
) -> None:
    monkeypatch.chdir(layout.root)
    rows = b"train: images/train\nval: images/val\nnames: [a, b]\n"
    Path("set/data.yaml").write_bytes(text + rows if where == "first" else rows + text)
    assert ours("set/data.yaml") == theirs(oracle, "set/data.yaml")


def test_the_same_file_is_found(layout: Layout, oracle: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(layout.root)
    rows = "train: images/train\nval: images/val\nnames: [a]\n"
    for file in ("set/data.yaml", "conf/a.yml", "inbox/only-there/x.yaml", "inbox/set/x.yaml", "inbox/set/y.yaml"):
        Path(file).write_text(rows)
    Path("set/data.txt").write_text(rows)
    for data in (
        "set/data",
        "set",
        "conf",
        "conf/a",
        "set/data.txt",
        "inbox/only-there",
        "inbox/set",
        "empty",
        "nope.yaml",
    ):
        assert ours(data) == theirs(oracle, data), data
    for name in ("train", "val"):
        (layout.root / "inbox/coco8/images" / name).mkdir(parents=True)
        (layout.root / "inbox/coco8/images" / name / "1.jpg").touch()
    for data in ("coco8.yaml", "coco8"):
        assert ours(data) == theirs(oracle, data) is not None


# --- labels ----------------------------------------------------------------------------------------------------------

WORDS = [
    *(
        "0.5",
        "0.25",
        ".5",
        "5e-1",
        "1",
        "0",
        "0.0",
        "1.005",
        "1.01",
        "1.0100001",
        "-0.005",
        "-0.01",
        "-0.0100001",
        "1.5",
    ),
    *("nan", "inf", "x", "0,5", "0.5_1", "0x1", "1e-50", "1e400", "+0.5", "\u0660.\u0665", "0.5\x00", "-0.5", "0.9"),
]
CLASSES = ["0", "1", "2", "3", "-1", "0.5", "1.0", "1e0", "nan", "cat", "0.99999999999", "-0.0", "00"]
ENDS = ["\n", "\r\n", "\r", "\n\n", " \n", "\n \t\n", "\x0b", "\x0c", "\u2028"]
BOX, TRIANGLE = "0 0.5 0.5 0.25 0.25", "1 0.1 0.1 0.5 0.1 0.5 0.6"


def row(random: random.Random, odd: float) -> str:
    """A row of a label file; its numbers are odd with this probability."""

    def number() -> str:
        return random.choice(WORDS) if random.random() < odd else f"{random.random():.{random.randrange(1, 8)}f}"

    kind = random.choice(CLASSES) if random.random() < odd else str(random.randrange(3))
    columns = random.choice([5] * 12 + [7, 9, 11, 11, 13] + [3, 4, 6, 8, 10, 1] * (random.random() < odd))
    if columns == 5 and random.random() < 0.5:
        return f"{kind} 0.5 0.5 {number()} {number()}"
    return random.choice([" ", " ", "\t", "  ", "\u00a0"]).join([kind, *(number() for _ in range(columns - 1))])


def label_text(seed: int) -> bytes:
    """A label file. Most files have rows of one kind; some repeat rows, mix kinds or are damaged."""
    chance = random.Random(seed)
    odd = chance.choice([0, 0, 0.02, 0.1])
    rows = [row(chance, odd) for _ in range(chance.randrange(5))]
    if chance.random() < 0.8:
        polygons = chance.random() < 0.5
        rows = [one for one in rows if (len(one.split()) > 6) == polygons]
    rows += chance.choices(rows or [BOX, TRIANGLE], k=chance.randrange(3))
    text = chance.choice(ENDS).join(chance.choice(["", "", "", " ", "\t"]) + one for one in rows)
    text += chance.choice(["", "\n", "\n\n", "# x\n" if odd else "\n"])
    return chance.choice([b"", b"", b"", b"\xef\xbb\xbf", b"\xff" if odd else b""]) + text.encode()


FIXED = [
    b"",
    b"\n",
    b"0 0 0 0 0\n",
    b"0 0.2 0.2 0.6 0.2 0.6 0.6\n0 0.2 0.2 0.2 0.6 0.6 0.6\n",  # two polygons of one box
    f"{TRIANGLE}\n{TRIANGLE}\n".encode(),
    f"{BOX}\n{TRIANGLE}\n".encode(),
    f"{BOX}\n{BOX}0000000001\n".encode(),
    b"0 -0.5 0.1 0.5 0.1 0.5 0.6\n",  # a polygon partly outside, its center inside
    b"0 0.1 0.1 0.5 0.1 0.5 0.6\n1 0.5 0.5\n",
    b"0 0.1 0.1 0.5 0.1 0.5 0.6\n1\n",
    b"0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9\n",  # the corners of an oriented box
]
POSES = ["", "[2, 3]", "[3, 2]", "[1, 2]", "[2, 4]", "[0, 3]", "[17, 3]", "[4, 1]"]


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    file = tmp_path / "images" / "x.png"
    file.parent.mkdir()
    Image.new("RGB", (16, 16)).save(file)
    return file


@pytest.mark.parametrize("pose", POSES)
def test_the_same_boxes(tmp_path: Path, oracle: Oracle, photograph: Path, pose: str) -> None:
    label, used = tmp_path / "x.txt", 0
    shape = json.loads(pose or "[0, 0]")
    yaml = tmp_path / "data.yaml"
    yaml.write_text(f"train: x\nval: x\nnames: [a, b, c]\n{pose and f'kpt_shape: {pose}'}\n")
    keypoints = read_data_yaml(yaml).keypoints
    for content in [*FIXED, *map(label_text, range(600 if pose == "" else 150))]:
        label.write_bytes(content)
        verified = oracle.utils.verify_image_label((str(photograph), str(label), "", False, 3, *shape, False))
        boxes = outcome(lambda: read_labels(label, 3, yaml, keypoints))
        assert isinstance(boxes, str) == (verified[0] is None), f"{content!r}: {verified[-1]}"
        if isinstance(boxes, str):
            continue
        kind, x, y, width, height = verified[1].T
        corners = np.clip((x - width / 2, y - height / 2, x + width / 2, y + height / 2), 0, 1)
        expected = visible(np.stack((kind, *corners), axis=1))
        np.testing.assert_allclose(visible(boxes), expected, atol=1e-6, err_msg=repr(content))
        used += len(boxes) > 0
    assert used > 50


def outcome(read: Callable[[], Any]) -> Any:
    """The value of `read`, or "dropped" or "stops"."""
    try:
        return read()
    except SkippedImageError:
        return "dropped"
    except DataError:
        return "stops"


def visible(boxes: np.ndarray) -> np.ndarray:
    """Boxes with an area beyond rounding, sorted."""
    wide = ((boxes[:, 3] - boxes[:, 1]) > 1e-6) & ((boxes[:, 4] - boxes[:, 2]) > 1e-6)
    rows = boxes[wide]
    return rows[np.lexsort(rows.round(5).T)]


# --- images ----------------------------------------------------------------------------------------------------------

SIDE = 64
FORMATS = {"PNG": "png", "JPEG": "jpg", "TIFF": "tif", "BMP": "bmp", "WEBP": "webp", "JPEG2000": "jp2", "AVIF": "avif"}


def scene(mode: str) -> Image.Image:
    """A smooth picture in a mode of Pillow."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    rgb = Image.fromarray(np.stack((x * 3, y * 3, 120 + x - y), axis=2).astype(np.uint8))
    if mode == "RGBA":
        rgb.putalpha(Image.fromarray((x * 2 + y).astype(np.uint8)))
        return rgb
    if mode == "I;16":
        return Image.fromarray((x * 500 + y * 400).astype(np.uint16))
    if mode in {"I", "F"}:
        return Image.fromarray((x * 500 + y * 400).astype(np.int32 if mode == "I" else np.float32))
    return rgb.convert(mode)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    """The bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def judged(oracle: Oracle, file: Path) -> tuple[Any, Any]:
    """An image as Ultralytics reads it and as we do: RGB pixels, or "dropped" or "stops"."""
    content = file.read_bytes()
    label = file.with_suffix(".txt")
    label.write_text(f"{BOX}\n")
    seen: Any = "dropped"
    if oracle.utils.verify_image_label((str(file), str(label), "", False, 1, 0, 0, False))[0] is not None:
        pixels = oracle.imread(str(file))
        seen = "stops" if pixels is None else pixels[..., ::-1]
    file.write_bytes(content)  # it repairs some files in place

    def pixels_of_ours() -> np.ndarray:
        canvas, (left, top, width, height) = read_image(file, SIDE)
        return canvas[:, top : top + height, left : left + width].transpose(1, 2, 0)

    return seen, outcome(pixels_of_ours)


MODES = ["RGB", "L", "LA", "RGBA", "P", "1", "CMYK", "I;16", "I", "F"]
CASES = [(mode, form) for mode in MODES for form in FORMATS]


@pytest.mark.parametrize(("mode", "form"), CASES)
def test_the_same_pixels(tmp_path: Path, oracle: Oracle, mode: str, form: str) -> None:
    try:
        content = encoded(scene(mode), form)
    except (OSError, ValueError, KeyError):
        pytest.skip(f"Pillow writes no {form} of {mode}")
    if (mode, form) == ("CMYK", "JPEG2000"):
        pytest.skip("OpenCV has no such conversion; nobody has such files")
    file = tmp_path / f"x.{FORMATS[form]}"
    file.write_bytes(content)
    seen, read = judged(oracle, file)
    if isinstance(seen, str):
        assert read == seen
    else:
        assert read.shape == seen.shape
        assert np.abs(read.astype(int) - seen).mean() < 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", [form for form in FORMATS if form not in {"BMP", "JPEG2000"}])
def test_the_same_side_is_up(tmp_path: Path, oracle: Oracle, form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / f"x.{FORMATS[form]}"
    file.write_bytes(encoded(scene("RGB").crop((0, 0, SIDE, SIDE // 2)), form, exif=exif))
    seen, read = judged(oracle, file)
    assert read.shape == seen.shape
    assert np.abs(read.astype(int) - seen).mean() < 3


def damaged(content: bytes, chance: random.Random) -> bytes:
    """A file that is cut off, overwritten in places, or longer than it was."""
    kind, middle = chance.randrange(6), chance.randrange(20, len(content))
    if kind == 0:
        return content[:middle]
    if kind == 1:
        return content[: -chance.randrange(1, 30)]
    if kind == 2:
        return content[:middle] + b"\xff\xd9"
    if kind == 3:
        return content[:middle] + bytes(60) + content[middle + 60 :]
    if kind == 4:
        return content[:middle] + content[middle + 30 :]
    return content + chance.choice([b"\n", b"\0\0\0\0", b"text"])


@pytest.mark.filterwarnings("ignore")  # of Pillow, for damaged TIFF files
@pytest.mark.parametrize(
    ("form", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("BMP", {}), ("WEBP", {})]
)
def test_the_same_damaged_images_are_dropped(
    tmp_path: Path, oracle: Oracle, capfd: pytest.CaptureFixture[str], form: str, options: dict[str, Any]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise), form, **options)
    file, chance = tmp_path / f"x.{FORMATS[form]}", random.Random(0)
    for number in range(60):
        file.write_bytes(damaged(content, chance))
        seen, read = judged(oracle, file)
        if form == "PNG" and isinstance(seen, str) and seen == "stops":
            continue  # bytes of the end are missing that Pillow does not need
        as_text = [one if isinstance(one, str) else "used" for one in (seen, read)]
        assert as_text[0] == as_text[1], f"number {number}: {as_text}"
    capfd.readouterr()  # decoders complain


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.png", encoded(Image.new("RGB", (9, 40)), "PNG"), "dropped"),
        ("x.png", encoded(Image.new("RGB", (40, 9)), "PNG"), "dropped"),
        ("x.png", encoded(Image.new("RGB", (10, 10)), "PNG"), "used"),
        ("x.jpg", b"", "dropped"),
        ("x.jpg", b"GIF?", "dropped"),
        ("x.jpg", encoded(Image.new("RGB", (20, 20)), "GIF"), "dropped"),
        ("x.png", encoded(Image.new("RGB", (20, 20)), "PPM"), "dropped"),
        ("x.png", encoded(Image.new("RGB", (20, 20)), "JPEG"), "used"),
    ],
)
def test_the_same_odd_images_are_dropped(
    tmp_path: Path, oracle: Oracle, name: str, content: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(content)
    found = [one if isinstance(one, str) else "used" for one in judged(oracle, tmp_path / name)]
    assert found == [expected, expected]
