from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.data.letterbox import letterbox


def _marked(width: int, height: int, mark: tuple[int, int, int, int]) -> Image.Image:
    """A blue image with a red rectangle."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[..., 2] = 255
    x1, y1, x2, y2 = mark
    pixels[y1:y2, x1:x2] = (255, 0, 0)
    return Image.fromarray(pixels)


def _extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    ys, xs = np.nonzero(mask)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


@pytest.mark.parametrize(("width", "height"), [(200, 100), (100, 200), (64, 64), (20, 10), (333, 77), (1000, 3)])
def test_the_image_lies_in_the_middle_with_its_aspect(width: int, height: int) -> None:
    canvas, (left, top, w, h) = letterbox(Image.new("RGB", (width, height), (0, 0, 255)), 64)
    assert canvas.shape == (3, 64, 64)
    assert max(w, h) == 64
    assert w / 64 == pytest.approx(width / max(width, height), abs=0.5 / 64 + 0.01)
    assert h / 64 == pytest.approx(height / max(width, height), abs=0.5 / 64 + 0.01)
    grey = (canvas == 114).all(axis=0)
    assert _extent(~grey) == (left, top, left + w, top + h)
    assert (canvas[:, ~grey] == np.array([[0], [0], [255]])).all()
    assert abs((64 - left - w) - left) <= 1
    assert abs((64 - top - h) - top) <= 1


def test_the_image_takes_the_pixels_that_it_is_given() -> None:
    canvas, place = letterbox(Image.new("RGB", (200, 100), (0, 0, 255)), 64, 50)
    assert place == (7, 19, 50, 25)
    assert _extent(~(canvas == 114).all(axis=0)) == (7, 19, 57, 44)


@pytest.mark.parametrize(("width", "height"), [(200, 100), (150, 300), (640, 480)])
def test_points_land_where_it_says(width: int, height: int) -> None:
    mark = (width // 4, height // 2, width // 2, height * 3 // 4)
    canvas, (left, top, w, h) = letterbox(_marked(width, height, mark), 128)
    told = [
        left + mark[0] / width * w,
        top + mark[1] / height * h,
        left + mark[2] / width * w,
        top + mark[3] / height * h,
    ]
    red = (canvas[0].astype(int) > 127) & (canvas[2] < 127)
    np.testing.assert_allclose(_extent(red), told, atol=1)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (1, 1)), (6, (1, 0)), (8, (0, 1)), (5, (0, 0))])
def test_exif_turns_the_image_upright(tmp_path: Path, suffix: str, orientation: int, corner: tuple[int, int]) -> None:
    """Stored 160 x 80 with a red quarter top left; where that is seen follows from the EXIF standard."""
    file = tmp_path / f"x.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    _marked(160, 80, (0, 0, 80, 40)).save(file, exif=exif)
    with Image.open(file) as image:
        canvas, place = letterbox(image, 64)
    assert place == ((0, 16, 64, 32) if orientation in (1, 3) else (16, 0, 32, 64))
    left, top, w, h = place
    x, y = left + corner[0] * w // 2, top + corner[1] * h // 2
    red = (canvas[0].astype(int) > 127) & (canvas[2] < 127)
    np.testing.assert_allclose(_extent(red), (x, y, x + w // 2, y + h // 2), atol=1)


def test_a_large_jpeg_looks_like_the_same_png(tmp_path: Path) -> None:
    """JPEGs are decoded small: this must not move or change what is seen."""
    y, x = np.mgrid[0:450, 0:600]
    pixels = np.repeat(((x // 60 + y // 45) % 2 * 200 + 25)[..., None], 3, axis=-1).astype(np.uint8)
    seen = []
    for name in ("x.png", "x.jpg"):
        Image.fromarray(pixels).save(tmp_path / name, quality=95)
        with Image.open(tmp_path / name) as image:
            seen.append(letterbox(image, 64))
    assert seen[0][1] == seen[1][1]
    difference = np.abs(seen[0][0].astype(int) - seen[1][0].astype(int))
    assert difference.mean() <= 4  # of 200 between the fields: only their edges differ a little


@pytest.mark.parametrize(
    ("mode", "value", "rgb"),
    [
        ("L", 200, (200, 200, 200)),
        ("LA", (200, 128), (200, 200, 200)),
        ("RGBA", (10, 20, 30, 128), (10, 20, 30)),
        ("1", 1, (255, 255, 255)),
        ("I;16", 200 * 256, (200, 200, 200)),
        ("I", 200 * 256, (200, 200, 200)),
    ],
)
def test_modes(mode: str, value: object, rgb: tuple[int, int, int]) -> None:
    canvas, _ = letterbox(Image.new(mode, (10, 10), value), 32)  # type: ignore[arg-type]
    assert (canvas == np.array(rgb)[:, None, None]).all()
