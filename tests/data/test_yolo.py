from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nas.data.loading import load
from nas.data.skipped import skipped_notice, write_skipped
from nas.errors import ConfigError, DataError

BCCD = Path(__file__).parents[2] / "../shared/data/bccd/data.yaml"
YAML = "train: images/train\nval: images/val\nnames: [cat, dog, owl]\n"
BOX = "1 0.5 0.5 0.25 0.5\n"


class Folder:
    """A data set on disk: two training and two validation images of 80 x 40 pixels, one box each."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.yaml = root / "data.yaml"
        self.yaml.write_text(YAML)
        for split in ("train", "val"):
            for name in ("a", "b"):
                self.image(f"images/{split}/{name}.png")
                self.label(f"labels/{split}/{name}.txt", BOX)

    def image(self, name: str, shade: int = 50) -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 40), (shade, 0, 255)).save(file)
        return file

    def label(self, name: str, text: str) -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


# --- what is read ---------------------------------------------------------------------------------------------------


def test_reads_images_boxes_and_classes(folder: Folder) -> None:
    data = load(folder.yaml, 64)
    assert data.name == str(folder.yaml)
    assert data.classes == ("cat", "dog", "owl")
    assert data.nc == 3
    assert data.note == "2 of 2 training and 2 of 2 validation images"
    assert data.train.images.shape == (2, 3, 64, 64)
    assert data.train.images.dtype == torch.uint8
    # 80 x 40 on a canvas of 64: 64 x 32, 16 pixels down.
    assert data.train.boxes[0].tolist() == [[1, 24, 24, 40, 40]]
    assert data.train.boxes[0].dtype == torch.float32
    assert data.train.images[0, :, 0, 0].tolist() == [114, 114, 114]
    assert data.train.images[0, :, 32, 32].tolist() == [50, 0, 255]


def test_polygons_become_their_bounding_boxes_and_repeated_lines_one(folder: Folder) -> None:
    polygon, turned = "2 0.25 0.5 0.5 0.25 0.75 0.5 0.5 1.0\n", "2 0.5 0.25 0.75 0.5 0.5 1.0 0.25 0.5\n"
    folder.label("labels/train/a.txt", polygon + "\n" + turned + polygon)
    folder.label("labels/train/b.txt", BOX + BOX)
    first, second = load(folder.yaml, 64).train.boxes
    assert first.tolist() == [[2, 16, 24, 48, 48]] * 2  # two polygons of one box are two objects
    assert second.tolist() == [[1, 24, 24, 40, 40]]


def test_boxes_without_area_are_left_out(folder: Folder) -> None:
    folder.label("labels/train/a.txt", f"0 0 0 0 0\n0 0.5 0.5 0 0.5\n0 1.01 0.5 0.01 0.5\n{BOX}")
    folder.label("labels/train/b.txt", "0 0.1 0.1 0.5 0.1 0.9 0.1\n")
    data = load(folder.yaml, 64)
    assert [boxes.shape for boxes in data.train.boxes] == [(1, 5), (0, 5)]
    assert not data.skipped


def test_a_pose_set_has_the_boxes_of_its_rows(folder: Folder) -> None:
    folder.yaml.write_text(f"{YAML}kpt_shape: [2, 3]\nflip_idx: [1, 0]\n")
    folder.label("labels/train/a.txt", f"{BOX.strip()} 0.5 0.5 2 0 0 0\n{BOX.strip()} 0.1 0.1 2 0 0 0\n0 0.5 0.5 1 1\n")
    assert load(folder.yaml, 64).train.boxes[0].tolist() == [[1, 24, 24, 40, 40], [0, 0, 16, 64, 48]]


def test_boxes_are_clipped_to_the_image(folder: Folder) -> None:
    folder.label("labels/train/a.txt", "0 0.0 1.0 0.5 0.5\n0 0.5 0.5 1.005 1.0\n")
    assert load(folder.yaml, 64).train.boxes[0].tolist() == [[0, 0, 40, 16, 48], [0, 0, 16, 64, 48]]


def test_an_image_without_a_label_file_or_with_an_empty_one_shows_nothing(folder: Folder) -> None:
    (folder.root / "labels/train/a.txt").unlink()
    folder.label("labels/val/b.txt", "\n")
    data = load(folder.yaml, 64)
    assert [boxes.shape for boxes in data.train.boxes] == [(0, 5), (1, 5)]
    assert [boxes.shape for boxes in data.val.boxes] == [(1, 5), (0, 5)]


@pytest.mark.parametrize(
    "names",
    [
        "{0: cat, 1: dog, 2: owl}",
        "{2: owl, 0: cat, 1: dog}",
        '{"0": cat, "1": dog, "2": owl}',
        "[cat, dog, owl]\nnc: 3",
        "[cat, dog, owl]\nnc: '3'",
    ],
)
def test_names(folder: Folder, names: str) -> None:
    folder.yaml.write_text(f"train: images/train\nval: images/val\nnames: {names}\n")
    assert load(folder.yaml, 64).classes == ("cat", "dog", "owl")


def test_names_may_look_like_numbers(folder: Folder) -> None:
    folder.yaml.write_text("train: images/train\nval: images/val\nnames: [7, 8]\n")
    assert load(folder.yaml, 64).classes == ("7", "8")


@pytest.mark.parametrize(
    ("rows", "classes"),
    [("nc: 2", ("class_0", "class_1")), ("nc: '2'", ("class_0", "class_1")), ("names: [a, null]", ("a", "None"))],
)
def test_classes_without_a_name(folder: Folder, rows: str, classes: tuple[str, ...]) -> None:
    folder.yaml.write_text(f"train: images/train\nval: images/val\n{rows}\n")
    assert load(folder.yaml, 64).classes == classes


def test_bytes_that_are_not_utf8_are_passed_over(folder: Folder) -> None:
    folder.yaml.write_bytes(YAML.encode() + "nc: 3  # 三只".encode("gbk"))
    assert load(folder.yaml, 64).nc == 3


@pytest.mark.parametrize("path", ["set", "./set", "{root}/set"])
@pytest.mark.parametrize("file", ["my.yaml", "set/my.yaml", "configs/my.yaml"])
def test_path_is_absolute_or_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, file: str
) -> None:
    for name in ("set", "configs/set"):  # the second is beside one of the files, and is not meant
        (tmp_path / name).mkdir(parents=True)
        Folder(tmp_path / name)
    for name in ("a", "b"):
        (tmp_path / f"configs/set/images/train/{name}.png").unlink()
    (tmp_path / file).write_text(f"path: {path.format(root=tmp_path)}\n{YAML}")
    monkeypatch.chdir(tmp_path)
    assert len(load(file, 64).train) == 2


def test_path_is_looked_for_in_the_folder_of_data_sets_of_ultralytics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inbox/set").mkdir(parents=True)
    Folder(tmp_path / "inbox/set")
    settings = tmp_path / "Ultralytics/settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"datasets_dir": str(tmp_path / "inbox")}))
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    (tmp_path / "my.yaml").write_text(f"path: set\n{YAML}")
    monkeypatch.chdir(tmp_path)
    assert len(load("my.yaml", 64).train) == 2


@pytest.mark.parametrize("path", ["/gone", "gone", "None", ""])
def test_path_is_not_needed_if_the_splits_are_absolute(folder: Folder, path: str) -> None:
    folder.yaml.write_text(f"path: {path}\n" + YAML.replace("images/", f"{folder.root}/images/"))
    assert len(load(folder.yaml, 64).train) == 2


def test_lists_are_from_the_working_directory_unless_a_line_begins_with_a_dot(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.label("set.txt", "images/train/a.png\n./images/train/b.png\n")
    folder.yaml.write_text(YAML.replace("images/train", "set.txt"))
    monkeypatch.chdir(folder.root.parent)
    folder.label("set.txt", f"{folder.root.name}/images/train/a.png\n./images/train/b.png\n")
    assert len(load(folder.yaml, 64).train) == 2
    monkeypatch.chdir(folder.root)
    assert [str(one.image) for one in load(folder.yaml, 64).skipped] == [
        f"{folder.root}/{folder.root.name}/images/train/a.png"
    ]


def test_folders_lists_and_several_of_them(folder: Folder) -> None:
    deep = folder.image("more/images/deep/er/c.png", shade=90)
    folder.label("more/labels/deep/er/c.txt", "0 0.5 0.5 0.5 0.5")
    folder.image("lone/d.png")  # no folder called images: the label is beside it
    folder.label("lone/d.txt", "2 0.5 0.5 0.5 0.5")
    (folder.root / "lists").mkdir()
    (folder.root / "lists/l.txt").write_text(f"./../lone/d.png\n\n{deep}\n./../images/train/a.png\n")
    folder.yaml.write_text("train: [images/train, lists/l.txt]\nval: more/images\nnames: [cat, dog, owl]\n")
    data = load(folder.yaml, 64)
    assert sorted(int(boxes[0, 0]) for boxes in data.train.boxes) == [0, 1, 1, 1, 2]  # a listed twice counts twice
    assert data.val.boxes[0].tolist() == [[0, 16, 24, 48, 40]]


def test_published_sets_that_mean_the_folder_of_the_yaml_by_two_dots(folder: Folder) -> None:
    folder.yaml.write_text(YAML.replace("images/", "../images/"))
    assert len(load(folder.yaml, 64).train) == 2


def test_only_the_last_images_in_a_path_counts(tmp_path: Path) -> None:
    root = tmp_path / "images" / "labels"
    root.mkdir(parents=True)
    assert len(load(Folder(root).yaml, 64).train.boxes[0]) == 1


def test_hidden_files_are_no_images(folder: Folder) -> None:
    (folder.root / "images/train/._a.png").write_bytes(b"resource fork")
    assert len(load(folder.yaml, 64).train) == 2


def test_larger_sets_keep_evenly_spaced_files_and_open_no_others(folder: Folder) -> None:
    for i in range(10):
        folder.image(f"images/many/{i}.png", shade=10 * i)
        folder.label(f"labels/many/{i}.txt", BOX)
    for i in (1, 2, 4, 5, 7, 8, 9):
        (folder.root / f"images/many/{i}.png").write_bytes(b"never opened")
        folder.label(f"labels/many/{i}.txt", "never read")
    folder.yaml.write_text("train: images/many\nval: images/val\nnames: [cat, dog]\n")
    folder.label("labels/many/0.txt", f"{BOX}0 0.5 0.5 1 1\n")
    data = load(folder.yaml, 64, max_train=3)
    assert data.train.images[:, 0, 32, 32].tolist() == [0, 30, 60]
    note = "3 of 10 training and 2 of 2 validation images, evenly spaced over the sorted files"
    assert data.note == f"{note}; classes with fewer than 10 training boxes among them: cat 1, dog 3"


def test_a_subset_has_every_class(folder: Folder) -> None:
    for i in range(20):
        folder.image(f"images/many/{i:02}.png", shade=10 * i)
        folder.label(f"labels/many/{i:02}.txt", "0 0.5 0.5 0.5 0.5\n" if i not in (7, 13) else BOX)
    folder.label("labels/many/11.txt", "2 0.5 0.5 0.5 0.5\n9 0 0 0 0\n")  # unusable: its class does not count
    folder.yaml.write_text(YAML.replace("images/train", "images/many"))
    before = load(folder.yaml, 64, max_train=5)
    assert before.train.images[:, 0, 32, 32].tolist() == [0, 40, 80, 130, 160]  # 13 in the place of 12
    assert {int(boxes[0, 0]) for boxes in before.train.boxes} == {0, 1}
    assert "cat 4, dog 1, owl 0" in before.note
    folder.label("labels/many/11.txt", "2 0.5 0.5 0.5 0.5\n")
    after = load(folder.yaml, 64, max_train=5)
    assert {int(boxes[0, 0]) for boxes in after.train.boxes} == {0, 1, 2}
    assert len(after.train) == 5
    assert after.fingerprint != before.fingerprint


def test_the_test_split_is_never_looked_at(folder: Folder) -> None:
    before = load(folder.yaml, 64)
    folder.yaml.write_text(YAML + "test: images/nowhere\n")
    assert load(folder.yaml, 64).fingerprint == before.fingerprint


def test_validation_on_training_images_is_said(folder: Folder) -> None:
    folder.yaml.write_text(YAML.replace("images/val", "images/train"))
    assert "2 validation images are training images too" in load(folder.yaml, 64).note


def test_the_fingerprint_is_of_what_decides_scores(folder: Folder) -> None:
    first = load(folder.yaml, 64).fingerprint
    assert len(first) == 16
    assert load(folder.yaml, 64).fingerprint == first
    changed = {load(folder.yaml, 32).fingerprint, load(folder.yaml, 64, max_val=1).fingerprint}
    folder.label("labels/val/b.txt", "1 0.5 0.5 0.25 0.51")
    changed.add(load(folder.yaml, 64).fingerprint)
    folder.image("images/val/b.png", shade=51)
    changed.add(load(folder.yaml, 64).fingerprint)
    folder.yaml.write_text(YAML.replace("owl]", "owl, fox]"))
    changed.add(load(folder.yaml, 64).fingerprint)
    assert len(changed | {first}) == 6


def test_the_real_set() -> None:
    if not BCCD.is_file():
        pytest.skip(f"no data set at {BCCD}")
    data = load(BCCD, 128)
    assert (len(data.train), len(data.val)) == (205, 87)
    assert data.classes == ("RBC", "WBC", "Platelets")
    boxes = torch.cat(data.train.boxes)
    assert set(boxes[:, 0].tolist()) == {0, 1, 2}
    assert (boxes[:, 3:] > boxes[:, 1:3]).all()
    # 640 x 480 on 128: 96 pixels high, 16 down.
    assert boxes[:, 1].min() >= 0
    assert boxes[:, 3].max() <= 128
    assert boxes[:, 2].min() >= 16
    assert boxes[:, 4].max() <= 112
    # White cells are the purple ones: more blue than red inside their boxes. Boxes that are somewhere else fail this.
    bluer = []
    for image, rows in zip(data.train.images.float(), data.train.boxes, strict=True):
        blue = image[2] - image[0]
        for kind, x1, y1, x2, y2 in rows.tolist():
            if kind == 1:
                bluer.append(float(blue[round(y1) : round(y2), round(x1) : round(x2)].mean() - blue[16:112].mean()))
    assert min(bluer) > 10


# --- what is refused ------------------------------------------------------------------------------------------------


def refused(data: str | Path, file: Path, field: str, *parts: str) -> None:
    """Loading fails with this file and field, and one line that has all the parts."""
    with pytest.raises(DataError) as caught:
        load(data, 64)
    assert (caught.value.file, caught.value.field) == (file, field)
    message = str(caught.value)
    assert "\n" not in message
    assert "; " in message  # what to do about it
    for part in parts:
        assert part in message


def test_missing_yaml(tmp_path: Path) -> None:
    refused(tmp_path / "no.yaml", tmp_path / "no.yaml", "", "no such file", "'shapes'")


def test_folder_without_one_yaml(folder: Folder) -> None:
    assert load(folder.root, 64).name == str(folder.yaml)
    folder.label("b.yaml", YAML)
    refused(folder.root, folder.root, "", "is a folder with 2 YAML files (b.yaml, data.yaml)")
    refused(folder.root / "images", folder.root / "images", "", "is a folder without a data.yaml")


def test_archive(folder: Folder) -> None:
    file = folder.label("set.zip", "PK")
    refused(file, file, "", "is no .yaml file", "unpacking")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_yaml_without_permission(folder: Folder) -> None:
    folder.yaml.chmod(0)
    refused(folder.yaml, folder.yaml, "", "cannot be read")


@pytest.mark.parametrize(
    ("text", "field", "parts"),
    [
        ("train: images/train\nval: [\n", "line 3", ["not YAML"]),
        ("train: a: b\n", "line 1", ["not YAML"]),
        ("!!python/object/apply:os.getcwd []\n", "line 1", ["not YAML"]),
        ("- train\n- val\n", "", ["not a mapping", "'train: ...'"]),
        ("", "", ["not a mapping"]),
        (f"{YAML}channels: 1\n", "channels", ["is 1", "3 channels", "remove the line"]),
        (YAML.replace("train: images/train\n", ""), "train", ["missing", "add a line"]),
        (YAML.replace("val: images/val\n", "val:\n"), "val", ["missing", "add a line"]),
        (YAML.replace("names: [cat, dog, owl]\n", ""), "names", ["missing", "add a line"]),
        (YAML.replace("[cat, dog, owl]", "[]"), "names", ["no class", "add a line"]),
        (YAML.replace("[cat, dog, owl]", "cat"), "names", ["is not a list"]),
        (YAML.replace("[cat, dog, owl]", "{a: cat}"), "names", ["not a number"]),
        (YAML.replace("[cat, dog, owl]", "{1: cat, 2: dog}"), "names", ["no 0"]),
        (YAML + "nc: 4\n", "nc", ["is 4", "'names' has 3"]),
        (YAML + "nc: '4'\n", "nc", ["is 4"]),
        (YAML + "nc: many\n", "nc", ["not a number", "'many'"]),
        (YAML + "path: 3\n", "path", ["3"]),
        (YAML + "path: nowhere\n", "train", ["nowhere/images/train", "does not exist", "'path'"]),
        (
            YAML + "path: nowhere\ndownload: https://x/y.zip\n",
            "train",
            ['download the images first: python -c "from ultralytics.data', "data.yaml')\""],
        ),
        (YAML + "path: images\n", "train", ["working directory", "datasets", "write 'path: /"]),
        (YAML + "kpt_shape: 17\n", "kpt_shape", ["pair of numbers"]),
        (YAML.replace("images/train", "images/nowhere"), "train", ["images/nowhere", "does not exist"]),
        (YAML.replace("images/val", "[images/val, lists/no.txt]"), "val", ["lists/no.txt", "does not exist"]),
        (YAML.replace("images/val", "5"), "val", ["5"]),
        (YAML.replace("images/val", "labels/val"), "val", ["labels/val", "has no images"]),
    ],
)
def test_broken_yaml(folder: Folder, text: str, field: str, parts: list[str]) -> None:
    folder.yaml.write_text(text)
    refused(folder.yaml, folder.yaml, field, *parts)


def test_empty_list(folder: Folder) -> None:
    folder.label("val.txt", "\n")
    folder.yaml.write_text(YAML.replace("images/val", "val.txt"))
    refused(folder.yaml, folder.yaml, "val", "has no images", f"{folder.root}/val.txt")


def test_image_for_a_list(folder: Folder) -> None:
    (folder.root / "images/val/a.png").write_bytes(b"\xff\xfe")
    folder.yaml.write_text(YAML.replace("images/val", "images/val/a.png"))
    refused(folder.yaml, folder.root / "images/val/a.png", "", "is not UTF-8 text", "list")


# --- what is left out -----------------------------------------------------------------------------------------------


def left_out(folder: Folder, file: Path, field: str, *parts: str) -> None:
    """One image is left out for this file and field, with a reason of one line that has all the parts."""
    (one,) = load(folder.yaml, 64).skipped
    assert (one.error.file, one.error.field) == (file, field)
    message = str(one.error)
    assert "\n" not in message
    assert "; " in message
    for part in parts:
        assert part in message


def test_listed_image_that_is_not_there(folder: Folder) -> None:
    folder.label("val.txt", "./images/val/a.png\n./images/val/gone.png\n")
    folder.yaml.write_text(YAML.replace("images/val", "val.txt"))
    left_out(folder, folder.root / "images/val/gone.png", "", "no such image", "list")


def test_all_images_left_out(folder: Folder) -> None:
    for name in ("a", "b"):
        folder.label(f"labels/val/{name}.txt", "7 0.5 0.5 0.5 0.5\n")
    first = f"{folder.root}/labels/val/a.txt: line 1: class 7 is not one of 0..2"
    refused(folder.yaml, folder.yaml, "val", "0 usable validation images; 2 are left out", first)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("0 0.5 0.5 0.5", ["4 columns"]),
        ("0 0.5 0.5 0.5 0.5 0.9", ["6 columns"]),
        ("cat 0.5 0.5 0.5 0.5", ["class 'cat'", "not a number"]),
        ("0 0.5 half 0.5 0.5", ["y 'half'", "not a number"]),
        ("3 0.5 0.5 0.5 0.5", ["class 3", "0..2", "'names'"]),
        ("-1 0.5 0.5 0.5 0.5", ["class -1"]),
        ("0.5 0.5 0.5 0.5 0.5", ["class 0.5"]),
        ("nan 0.5 0.5 0.5 0.5", ["class nan"]),
        ("0 0.1 0.1 0.5 0.1 0.9 0.9", ["is a box in a file with polygons"]),
        ("0 1.02 0.5 0.5 0.5", ["x 1.02", "outside 0..1"]),
        ("0 0.5 -0.02 0.5 0.5", ["y -0.02", "outside 0..1"]),
        ("0 0.5 0.5 40 0.5", ["width 40", "outside 0..1"]),
        ("0 0.5 0.5 0.5 nan", ["height nan", "outside"]),
        ("0 inf 0.5 0.5 0.5", ["x inf", "outside"]),
        ("0 0.5 0.5 0.5 -0.5", ["height -0.5", "below 0"]),
    ],
)
def test_broken_label(folder: Folder, line: str, parts: list[str]) -> None:
    file = folder.label("labels/train/b.txt", f"{BOX}\n{line}\n")
    left_out(folder, file, "line 1" if "polygons" in parts[0] else "line 3", *parts)


def test_label_file_that_is_not_text(folder: Folder) -> None:
    (folder.root / "labels/val/a.txt").write_bytes(b"\xff\xfe\x00")
    left_out(folder, folder.root / "labels/val/a.txt", "", "UTF-8")


@pytest.mark.parametrize(("content", "why"), [(b"", "empty"), (b"GIF?", "format"), (None, "runcated")])
def test_unreadable_image(folder: Folder, content: bytes | None, why: str) -> None:
    file = folder.root / "images/val/b.png"
    if content is None:
        noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(file)
        content = file.read_bytes()[:4000]
    file.write_bytes(content)
    left_out(folder, file, "", "image cannot be read", why, "remove")


def test_an_image_at_which_a_training_stops_is_refused(folder: Folder) -> None:
    file = folder.root / "images/val/c.bmp"
    Image.new("RGB", (64, 64)).save(file)
    file.write_bytes(file.read_bytes()[:4000])
    refused(folder.yaml, file, "", "image cannot be read", "can stop a training", "remove")


def test_a_small_image(folder: Folder) -> None:
    Image.new("RGB", (9, 30)).save(folder.root / "images/val/b.png")
    left_out(folder, folder.root / "images/val/b.png", "", "9 x 30 pixels", "10")


def test_the_list_of_images_that_are_left_out(folder: Folder, tmp_path: Path) -> None:
    for name in "abcdef":
        folder.image(f"images/train/{name}.png").write_bytes(b"x")
    folder.image("images/train/g, g.png")
    folder.label("labels/train/g, g.txt", BOX)
    skipped = load(folder.yaml, 64).skipped
    write_skipped(skipped, tmp_path / "run")
    with (tmp_path / "run/skipped-images.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [f"{folder.root}/images/train/{name}.png" for name in "abcdef"]
    assert {row["split"] for row in rows} == {"train"}
    assert "its content is of no known format" in rows[0]["reason"]
    notice = skipped_notice(skipped, tmp_path / "run")
    assert notice.startswith("6 images are left out")
    assert f"{folder.root}/images/train/c.png" in notice and "images/train/d.png" not in notice
    assert notice.endswith("... 3 more")


KANGAROO = Path(__file__).parents[2] / "../shared/data/kangaroo/data.yaml"


def test_the_truncated_photograph_of_the_kangaroo_set() -> None:
    if not KANGAROO.is_file():
        pytest.skip(f"no data set at {KANGAROO}")
    data = load(KANGAROO, 64)
    (one,) = data.skipped
    assert "truncated" in str(one.error)
    assert data.note == "123 of 123 training and 40 of 41 validation images; 1 unusable image left out"


@pytest.mark.parametrize(("key", "kind"), [("train", "training"), ("val", "validation")])
def test_split_without_a_box(folder: Folder, key: str, kind: str) -> None:
    for name in ("a", "b"):
        (folder.root / f"labels/{key}/{name}.txt").unlink()
    where = str(folder.root / f"labels/{key}/a.txt")
    refused(folder.yaml, folder.yaml, key, f"2 {kind} images", where)


@pytest.mark.parametrize("options", [{"imgsz": 16}, {"imgsz": 64, "max_train": 0}, {"imgsz": 64, "max_val": -1}])
def test_options_out_of_range(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError) as caught:
        load("shapes", **options)
    assert caught.value.field == next(reversed(options))
