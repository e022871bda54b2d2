import os
import threading
import warnings

import numpy as np
import pytest
from PIL import Image, ImageOps

from tinycnn.data import photographs
from tinycnn.data.batches import batches
from tinycnn.data.dataset import Samples
from tinycnn.data.photographs import Photographs, PictureError, PixelCache, decode, read_image
from tinycnn.errors import DataError

rng = np.random.default_rng(0)


def noise(height=6, width=9):
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def ramp(height, width):
    """A smooth picture without symmetry: JPEG keeps it, and turning it shows."""
    y, x = np.mgrid[:height, :width]
    return np.stack([255 * x / width, 255 * y / height, np.full_like(x, 30)], axis=-1).astype(np.uint8)


def save(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def test_rgb_png_comes_back_exactly(tmp_path):
    pixels = noise()
    result = read_image(save(tmp_path / "a.png", pixels))
    assert result.dtype == np.uint8 and np.array_equal(result, pixels)
    with pytest.raises(ValueError, match="read-only"):
        result[0] = 0


def test_gray_palette_transparent_and_deep_pictures_become_rgb(tmp_path):
    gray = noise()[..., 0]
    assert np.array_equal(read_image(save(tmp_path / "gray.png", gray)), np.stack([gray] * 3, axis=-1))

    palette = Image.fromarray(ramp(6, 9)).quantize(16)
    palette.save(tmp_path / "palette.png")
    assert np.array_equal(read_image(tmp_path / "palette.png"), np.asarray(palette.convert("RGB")))

    rgba = np.dstack([noise(), np.full((6, 9), 255, np.uint8)])
    rgba[:3, ..., 3] = 0
    result = read_image(save(tmp_path / "alpha.png", rgba))
    assert (result[:3] == 255).all() and np.array_equal(result[3:], rgba[3:, :, :3])  # transparent is white, not black

    deep = np.array([[0, 255, 256, 32768, 65535]], dtype=np.uint16)
    result = read_image(save(tmp_path / "deep.png", deep))
    assert result[0, :, 0].tolist() == [0, 0, 1, 128, 255]

    save(tmp_path / "float.tiff", np.ones((2, 2), np.float32))
    with pytest.raises(PictureError, match="floating-point"):
        read_image(tmp_path / "float.tiff")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    exif = Image.Exif()
    exif[photographs.ORIENTATION] = orientation
    path = save(tmp_path / "a.jpg", ramp(16, 32), exif=exif, quality=95)
    picture = decode(path)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert np.array_equal(picture.pixels, expected)
    assert picture.stored_size == (16, 32) and picture.upright_size == expected.shape[:2]
    assert picture.orientation == orientation


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tile_by_tile_it_is_the_same_picture(tmp_path, monkeypatch, orientation):
    exif = Image.Exif()
    exif[photographs.ORIENTATION] = orientation
    pictures = {"rgb": Image.fromarray(noise(7, 9)), "palette": Image.fromarray(noise(7, 9)).quantize(8),
                "clear": Image.fromarray(np.dstack([noise(7, 9), noise(7, 9)[..., 0]])),
                "deep": Image.fromarray(rng.integers(0, 4096, (7, 9)).astype(np.uint16))}  # fmt: skip
    for name, picture in pictures.items():
        more = {"transparency": 3} if name == "palette" else {}
        picture.save(tmp_path / f"{name}.png", exif=exif, **more)
    whole = {name: read_image(tmp_path / f"{name}.png") for name in pictures}
    assert whole["rgb"].shape == ((9, 7, 3) if orientation >= 5 else (7, 9, 3))
    for tile in (20, 3):  # some rows, a part of a row
        monkeypatch.setattr(photographs, "TILE", tile)
        for name, pixels in whole.items():
            np.testing.assert_array_equal(read_image(tmp_path / f"{name}.png"), pixels)


def test_nonsense_orientation_is_ignored(tmp_path):
    exif = Image.Exif()
    exif[photographs.ORIENTATION] = 99
    path = save(tmp_path / "a.jpg", ramp(16, 32), exif=exif)
    assert decode(path).orientation == 1 and read_image(path).shape == (16, 32, 3)


@pytest.mark.parametrize(("name", "shape"), [("a.png", (40, 100)), ("a.jpg", (40, 100)), ("tall.jpg", (900, 300))])
def test_large_pictures_are_reduced(tmp_path, name, shape):
    path = save(tmp_path / name, ramp(*shape))
    side = 50
    picture = decode(path, max_side=side)
    height, width = picture.pixels.shape[:2]
    assert max(height, width) == side and picture.stored_size == shape
    assert abs(height - side * shape[0] / max(shape)) <= 0.5 and abs(width - side * shape[1] / max(shape)) <= 0.5
    expected = np.asarray(Image.fromarray(ramp(*shape)).resize((width, height), Image.Resampling.BOX)).astype(int)
    assert np.abs(picture.pixels.astype(int) - expected).max() <= 6
    assert np.array_equal(read_image(path, max_side=max(shape)), read_image(path))  # what fits is not touched


def test_damaged_files_are_refused_with_the_reason(tmp_path, monkeypatch):
    good = save(tmp_path / "good.jpg", noise(64, 64), quality=90).read_bytes()
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(good[: len(good) // 2])
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("this is no picture")
    (tmp_path / "drawing.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    for name, reason in {
        "cut.jpg": "damaged or cut off", "empty.jpg": "empty file", "text.jpg": "beginning is damaged",
        "drawing.eps": "the picture is no JPEG", "nowhere.jpg": "missing",
    }.items():
        with pytest.raises(PictureError, match=reason) as caught:
            read_image(tmp_path / name)
        assert name in str(caught.value) and name not in caught.value.reason
    monkeypatch.setattr(photographs, "MAX_FILE_BYTES", 100)
    with pytest.raises(PictureError, match="larger than 100 bytes"):
        read_image(tmp_path / "good.jpg")


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path, words in ((tmp_path / "pipe.png", "a pipe"), (tmp_path, "a folder"), ("/dev/zero", "a device"),
                        (tmp_path / "no/where.png", "missing")):
        with pytest.raises(PictureError, match=words):
            read_image(path)


def test_decompression_bombs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    bomb, large, small = (save(tmp_path / f"{side}.png", noise(side, side)) for side in (30, 12, 10))
    with pytest.raises(PictureError, match="more pixels than Pillow opens"):
        read_image(bomb)
    assert read_image(small).shape == (10, 10, 3)
    with pytest.warns(Image.DecompressionBombWarning):  # between the limit and twice the limit: as a phone takes them
        assert read_image(large).shape == (12, 12, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureError, match="more pixels than Pillow opens"):
            read_image(large)


@pytest.fixture
def five(tmp_path):
    """Five pictures of different sizes, and their paths."""
    pictures = [noise(4 + i, 6) for i in range(5)]
    return pictures, [save(tmp_path / f"{i}.png", picture) for i, picture in enumerate(pictures)]


def sizes_of(pictures):
    return [picture.shape[:2] for picture in pictures]


def test_photographs_is_a_sequence(five):
    pictures, paths = five
    images = Photographs(paths, sizes_of(pictures))
    assert len(images) == 5 and images.sizes.tolist() == [[4 + i, 6] for i in range(5)]
    assert all(np.array_equal(a, b) for a, b in zip(images, pictures, strict=True))
    assert np.array_equal(images[-1], pictures[-1]) and np.array_equal(images[np.int64(2)], pictures[2])
    with pytest.raises(IndexError):
        images[5]
    for indices in (slice(1, 4, 2), [1, 3], np.array([False, True, False, True, False])):
        part = images[indices]
        assert isinstance(part, Photographs) and part.sizes.tolist() == [[5, 6], [7, 6]]
        assert np.array_equal(part[1], pictures[3]) and part.cache is images.cache
    assert len(images[np.array([], dtype=int)]) == 0


def test_kept_pictures_are_not_decoded_again_and_stay_below_the_limit(five, watch):
    pictures, paths = five
    room = pictures[0].nbytes + pictures[1].nbytes
    images = Photographs(paths, sizes_of(pictures), cache=PixelCache(room))
    opened = watch(photographs, "read_image")
    for _ in range(2):
        for image, picture in zip(images, pictures, strict=True):
            assert np.array_equal(image, picture)
    assert images.cache.bytes == room
    names = [path.name for (path, _), _ in opened]
    assert names == ["0.png", "1.png", "2.png", "3.png", "4.png", "2.png", "3.png", "4.png"]
    assert images[0] is images[:1][0]  # parts share the cache


def test_many_threads_get_the_right_pictures(five):
    pictures, paths = five
    room = sum(picture.nbytes for picture in pictures[:3])
    images = Photographs(paths, sizes_of(pictures), cache=PixelCache(room))
    wrong, start = [], threading.Barrier(8)

    def look(seed):
        start.wait()
        for i in np.random.default_rng(seed).integers(0, 5, 60):
            if not np.array_equal(images[i], pictures[i]):
                wrong.append(i)

    threads = [threading.Thread(target=look, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = sum(pictures[i].nbytes for i, path in enumerate(paths) if images.cache.get(path) is not None)
    assert not wrong and images.cache.bytes == kept <= room


def test_files_that_change_or_vanish_are_named(five):
    pictures, paths = five
    images = Photographs(paths, sizes_of(pictures))
    paths[0].unlink()
    save(paths[1], noise(3, 3))
    with pytest.raises(DataError, match="0.png.*missing"):
        images[0]
    with pytest.raises(DataError, match="1.png has changed its size"):
        images[1]
    with pytest.raises(DataError, match="5 paths but 1 sizes"):
        Photographs(paths, [(1, 2)])


def test_batches_take_photographs_of_different_sizes(five):
    pictures, paths = five
    boxes = [[0, 0, 6, 4 + i] for i in range(5)]
    samples = Samples(Photographs(paths, sizes_of(pictures)), [0, 1, 0, 1, 0], boxes, list("abcde"), ("x", "y"))
    (batch,) = batches(samples.subset([4, 1, 2]), 8, 16, shuffle=False)
    assert batch.images.shape == (3, 16, 16, 3) and batch.labels.tolist() == [0, 1, 0]
    assert np.allclose(batch.codes, [0.5, 0.5, 1, 1])  # (cx, cy, h, w): the whole picture


def test_avif_is_read_upright(tmp_path):
    features = pytest.importorskip("PIL.features")
    if "avif" not in features.modules | features.features or not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    exif = Image.Exif()
    exif[photographs.ORIENTATION] = 6
    path = save(tmp_path / "a.avif", ramp(16, 32), exif=exif, quality=95)
    picture = decode(path)
    assert picture.pixels.shape == (32, 16, 3) and (picture.stored_size, picture.orientation) == ((16, 32), 6)
    assert np.abs(picture.pixels - np.rot90(ramp(16, 32), -1).astype(int)).mean() < 8
    path.rename(tmp_path / "a.jpg")  # the beginning of the file tells
    assert decode(tmp_path / "a.jpg").orientation == 6


def test_heic_is_read(tmp_path):
    pytest.importorskip("pillow_heif").register_heif_opener()
    path = save(tmp_path / "a.heic", ramp(16, 32), quality=95)
    assert np.abs(read_image(path) - ramp(16, 32).astype(int)).mean() < 8


@pytest.mark.parametrize(("brand", "reason"), [
    (b"heic", "the picture is HEIC, which Pillow cannot read here: pip install pillow-heif"),
    (b"mif1", "the picture is HEIC, which Pillow cannot read here: pip install pillow-heif"),
    (b"avif", "the picture is AVIF, which Pillow cannot read here: pip install -U 'pillow>=11.3'"),
])  # fmt: skip
def test_what_to_install_is_said(tmp_path, monkeypatch, brand, reason):
    monkeypatch.setattr(photographs, "_has_heif", lambda: False)
    monkeypatch.setattr(photographs, "_has_avif", lambda: False)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1miaf" + bytes(50))
    with pytest.raises(PictureError) as caught:
        read_image(tmp_path / "a.heic")
    assert caught.value.reason == reason


def test_newer_endings_are_those_of_pictures():
    assert {".heic", ".heif", ".avif"} <= photographs.SUFFIXES
