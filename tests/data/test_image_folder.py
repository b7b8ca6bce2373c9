"""Image folders: pixels and classes as they lie on disk; what cannot be read is named."""

import struct
import zlib

import numpy as np
import pytest

from jairika_nb.data import DataLoader, ImageFolder, transforms
from jairika_nb.errors import DataError

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (4, 6, 5, 3)).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    places = ("cat/b.png", "cat/a.bmp", "ant/deep/x.png", "bee/y.PNG")
    for place, pixels in zip(places, PIXELS, strict=True):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def test_folders_are_classes_and_files_samples(folder):
    data = ImageFolder(folder)
    assert data.classes == ("ant", "bee", "cat")
    assert data.class_to_idx == {"ant": 0, "bee": 1, "cat": 2}
    assert [p.name for p in data.paths] == ["x.png", "y.PNG", "a.bmp", "b.png"]
    images, labels = data[:]
    assert labels.tolist() == [0, 1, 2, 2]
    assert labels.dtype == np.int32
    wanted = PIXELS[[2, 3, 1, 0]].transpose(0, 3, 1, 2) / np.float32(255)
    np.testing.assert_array_equal(images, wanted)
    bytes_kept = ImageFolder(folder, transforms.Lambda(np.asarray))[3][0]
    np.testing.assert_array_equal(bytes_kept, PIXELS[0].transpose(2, 0, 1))


def test_grey_images_have_one_channel(folder):
    image, _ = ImageFolder(folder, mode="L")[3]
    theirs = np.asarray(Image.fromarray(PIXELS[0]).convert("L"))
    np.testing.assert_allclose(image, theirs[None] / np.float32(255))


def test_unequal_sizes_are_named_unless_made_equal(folder):
    Image.fromarray(PIXELS[0][:4]).save(folder / "bee" / "small.png")
    for transform in (None, transforms.Resize(4), transforms.Compose([transforms.Scale()])):
        with pytest.raises(DataError, match=r"2 sizes, such as .*x\.png 6x5, .*small\.png 4x5"):
            ImageFolder(folder, transform)
    for transform in (
        transforms.Compose([transforms.Resize((8, 8)), transforms.Scale(255)]),
        transforms.CenterCrop(3),
        lambda image: image[:, :4],
    ):
        images, _ = ImageFolder(folder, transform)[:]
        assert len(images) == 5
    unchecked = ImageFolder(folder, check=False)
    with pytest.raises(DataError, match="need equal shapes"):
        unchecked[:]


def spoil(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def test_a_damaged_image_is_named_where_it_is_read(folder):
    Image.fromarray(np.tile(PIXELS[0], (40, 40, 1))).save(folder / "cat" / "c.jpg")
    for name in ("a.bmp", "b.png"):
        (folder / "cat" / name).unlink()
    bad = spoil(folder / "cat" / "c.jpg")
    data = ImageFolder(folder, transforms.Resize((6, 5)))
    assert data[0][1] == 0
    with pytest.raises(DataError, match=r"c\.jpg: a damaged image"):
        data[2]
    with pytest.raises(DataError, match=r"sample 2 could not be read: DataError: .*c\.jpg"):
        list(DataLoader(data, 3, num_workers=1).arrays())
    bad.write_bytes(b"no image at all")
    with pytest.raises(DataError, match=r"c\.jpg: not a readable image"):
        ImageFolder(folder)


def test_damaged_images_are_skipped_and_counted_where_asked_for(folder):
    bad = [spoil(folder / "cat" / "b.png"), folder / "bee" / "z.png"]
    bad[1].write_bytes(b"nothing")
    with pytest.warns(UserWarning, match=r"skipped 2 of 5 images: .*z\.png.*b\.png"):
        data = ImageFolder(folder, on_error="skip")
    assert [p for p, _ in data.skipped] == bad[::-1]
    images, labels = data[:]
    assert len(images) == 3
    assert labels.tolist() == [0, 1, 2]
    for path in data.paths:
        path.write_bytes(b"")
    with pytest.raises(DataError, match="none of 5 images can be read"):
        ImageFolder(folder, on_error="skip")


def bomb(width, height):
    """A PNG of a few bytes that says it is very large."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(9_000, 9_950), (60_000, 60_000)])
def test_decompression_bombs_are_refused_by_their_header(folder, size, recwarn):
    (folder / "ant" / "bomb.png").write_bytes(bomb(*size))
    with pytest.raises(DataError, match=r"bomb\.png"):
        ImageFolder(folder, transforms.Resize((2, 2)))


def test_other_formats_than_those_of_pictures_are_not_opened(folder):
    (folder / "ant" / "script.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    )
    with pytest.raises(DataError, match=r"script\.png: not a readable image"):
        ImageFolder(folder)


def test_folders_that_hold_no_images_are_told(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        ImageFolder(tmp_path / "none")
    with pytest.raises(DataError, match="has no sub-folder"):
        ImageFolder(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty has no image \(\.bmp"):
        ImageFolder(tmp_path)
    with pytest.raises(DataError, match="on_error='ignore'"):
        ImageFolder(tmp_path, on_error="ignore")
