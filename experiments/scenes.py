"""Detection scenes composed from CIFAR-10, written in YOLO format.

    python experiments/scenes.py ../shared/data/cifar10 DIR

A scene is 160 x 160 pixels. Two to five pictures of CIFAR-10, 30 to 74 pixels a side, lie under rounded or elliptic
masks on a blurred background. Up to three distractors, pictures with shuffled tiles, have the same masks, so that a
detector must recognize the pictures and not the masks. Training scenes use CIFAR's training pictures; validation and
test scenes use the two halves of its test pictures. The same versions of numpy and Pillow write the same files.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import yaml
from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIDE = 160
OBJECTS, DISTRACTORS = (2, 5), (0, 3)
SIZES = (30, 74)
SCENES = {"train": 1600, "val": 400, "test": 400}
COVERED = 0.3
"""Largest overlap of two objects, as a share of the smaller one."""

Box = tuple[int, int, int, int]


class Pictures:
    """A range of the pictures in one file of CIFAR-10, packed as in shared/data/cifar10."""

    def __init__(self, file: Path, first: int = 0, last: int | None = None):
        with np.load(file) as packed:
            self._bytes, self._offset = packed["jpeg"], packed["offset"]
            self.labels, self.names = packed["label"], [str(name) for name in packed["names"]]
        self._range = first, len(self.labels) if last is None else last

    def draw(self, rng: np.random.Generator) -> tuple[Image.Image, int]:
        """A random picture and its class."""
        index = int(rng.integers(*self._range))
        data = self._bytes[self._offset[index] : self._offset[index + 1]].tobytes()
        return Image.open(io.BytesIO(data)).convert("RGB"), int(self.labels[index])


def compose(pictures: Pictures, rng: np.random.Generator) -> tuple[Image.Image, list[tuple[int, Box]]]:
    """A scene, and the class and box (x1, y1, x2, y2 in pixels) of each object."""
    scene = background(pictures, rng)
    objects, distractors = (int(rng.integers(low, high + 1)) for low, high in (OBJECTS, DISTRACTORS))
    found: list[tuple[int, Box]] = []
    placed: list[Box] = []
    for is_object in rng.permutation([True] * objects + [False] * distractors):
        box = place(placed, rng)
        if box is None:
            continue
        picture, label = pictures.draw(rng)
        if rng.random() < 0.5:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if not is_object:
            picture = shuffled(picture, rng)
        size = box[2] - box[0], box[3] - box[1]
        picture = picture.resize(size, Image.Resampling.BICUBIC).point(levels(rng))
        scene.paste(picture, box[:2], mask(size, rng))
        placed.append(box)
        if is_object:
            found.append((label, box))
    noise = rng.normal(0, rng.uniform(2, 8), (SIDE, SIDE, 3))
    return Image.fromarray((np.asarray(scene) + noise).clip(0, 255).astype(np.uint8)), found


def background(pictures: Pictures, rng: np.random.Generator) -> Image.Image:
    """Two pictures, enlarged and blurred beyond recognition, one over the other."""
    layers = []
    for _ in range(2):
        picture = pictures.draw(rng)[0].resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        layers.append(picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(6, 16)))))
    return Image.blend(*layers, float(rng.uniform(0.2, 0.8)))


def place(placed: list[Box], rng: np.random.Generator) -> Box | None:
    """A box for the next object; None if fifty tries found no room."""
    for _ in range(50):
        side, aspect = rng.uniform(*SIZES), rng.uniform(0.8, 1.25)
        width, height = (round(min(side * part, SIZES[1])) for part in (aspect**0.5, aspect**-0.5))
        x, y = int(rng.integers(0, SIDE - width + 1)), int(rng.integers(0, SIDE - height + 1))
        box = x, y, x + width, y + height
        if all(shared(box, other) <= COVERED for other in placed):
            return box
    return None


def shared(one: Box, other: Box) -> float:
    """Overlap of two boxes, as a share of the smaller one."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return max(0, width) * max(0, height) / min(areas)


def shuffled(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The picture's sixteen tiles in another order: the same colors and textures, but no object."""
    pixels, tile = np.asarray(picture), picture.width // 4
    tiles = [pixels[y : y + tile, x : x + tile] for y in range(0, 4 * tile, tile) for x in range(0, 4 * tile, tile)]
    order = rng.permutation(16)
    rows = [np.concatenate([tiles[i] for i in order[start : start + 4]], axis=1) for start in range(0, 16, 4)]
    return Image.fromarray(np.concatenate(rows))


def levels(rng: np.random.Generator) -> list[int]:
    """Another brightness and contrast, as a table of the 256 levels of three channels."""
    gain, shift = rng.uniform(0.7, 1.3), rng.uniform(-20, 20)
    table = ((np.arange(256) - 128) * gain + 128 + shift).clip(0, 255).astype(int).tolist()
    return table * 3


def mask(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """A rounded rectangle or an ellipse that touches all four sides, its edge soft."""
    large = Image.new("L", (4 * size[0], 4 * size[1]))
    draw, whole = ImageDraw.Draw(large), (0, 0, 4 * size[0] - 1, 4 * size[1] - 1)
    if rng.random() < 0.3:
        draw.ellipse(whole, fill=255)
    else:
        draw.rounded_rectangle(whole, radius=4 * min(size) * float(rng.uniform(0.15, 0.5)), fill=255)
    small = large.resize(size, Image.Resampling.BOX)
    return ImageChops.multiply(small, small.filter(ImageFilter.GaussianBlur(1)))


def write(folder: Path, cifar: Path) -> None:
    """Write images, labels and data.yaml.

    Raises:
        FileNotFoundError: CIFAR-10 is missing.
    """
    half = 5000
    sources = {
        "train": Pictures(cifar / "train.npz"),
        "val": Pictures(cifar / "test.npz", 0, half),
        "test": Pictures(cifar / "test.npz", half),
    }
    for number, (split, count) in enumerate(SCENES.items()):
        images, labels = folder / "images" / split, folder / "labels" / split
        images.mkdir(parents=True, exist_ok=True)
        labels.mkdir(parents=True, exist_ok=True)
        for index in range(count):
            scene, found = compose(sources[split], np.random.default_rng([number, index]))
            scene.save(images / f"{index:05}.png")
            lines = [
                f"{label} {(x1 + x2) / 2 / SIDE:.6f} {(y1 + y2) / 2 / SIDE:.6f} {(x2 - x1) / SIDE:.6f} "
                f"{(y2 - y1) / SIDE:.6f}\n"
                for label, (x1, y1, x2, y2) in found
            ]
            (labels / f"{index:05}.txt").write_text("".join(lines))
    facts = {"path": str(folder.resolve()), **{split: f"images/{split}" for split in SCENES}}
    names = dict(enumerate(sources["train"].names))
    # It comes last: a folder without it is no data set.
    (folder / "data.yaml").write_text(yaml.safe_dump({**facts, "names": names}, sort_keys=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cifar", type=Path, help="the folder with train.npz and test.npz")
    parser.add_argument("folder", type=Path, help="folder of the new data set")
    options = parser.parse_args()
    write(options.folder, options.cifar)
    print(options.folder / "data.yaml")


if __name__ == "__main__":
    main()
