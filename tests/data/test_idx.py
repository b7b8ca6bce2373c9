"""IDX files: what is read equals what was written, and no file can do harm."""

import gzip
import struct

import numpy as np
import pytest

from jairika_nb.data import mnist, read_idx
from jairika_nb.errors import DataError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array):
    code = CODES[array.dtype.str[1:]]
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def write(tmp_path):
    def write(content, name="set-idx"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.mark.parametrize("name", ["set-idx", "set-idx.gz"])
@pytest.mark.parametrize("dtype", list(CODES))
def test_reading_gives_back_what_was_written(write, name, dtype):
    array = (np.arange(24).reshape(2, 3, 4) - (0 if dtype == "u1" else 9)).astype(dtype)
    read = read_idx(write(idx_bytes(array), name))
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    assert np.array_equal(read, array)


def test_gzip_is_told_by_content_not_by_name(write):
    path = write(gzip.compress(idx_bytes(np.arange(3, dtype="u1"))))
    assert read_idx(path).tolist() == [0, 1, 2]


WHOLE = idx_bytes(np.arange(100, dtype="u1").reshape(10, 10))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an IDX file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "not an IDX file"),
        (b"\0\0\x07\x01" + bytes(8), "not an IDX file"),
        (b"\0\0\x08\x00", "not an IDX file"),
        (WHOLE[:7], "ends within its IDX header"),
        (WHOLE[:-1], "shorter"),
        (WHOLE + b"x", "longer"),
        (struct.pack(">BBBBII", 0, 0, 8, 2, 60_000, 784), "shorter"),
        (struct.pack(">BBBB8I", 0, 0, 14, 8, *[2**32 - 1] * 8), "asks for"),
    ],
)
@pytest.mark.parametrize("name", ["bad-idx", "bad-idx.gz"])
def test_bad_files_say_what_is_wrong(write, content, words, name):
    with pytest.raises(DataError, match=words) as caught:
        read_idx(write(content, name))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_shortened_gzip_is_refused(write):
    packed = gzip.compress(WHOLE)
    for length in range(len(packed) - 1):
        path = write(packed[:length])
        with pytest.raises(DataError):
            read_idx(path)


def test_a_gzip_bomb_stops_at_the_limit(write):
    header = struct.pack(">BBBBI", 0, 0, 8, 1, 10**6)
    path = write(header + bytes(10**6), "bomb.gz")
    assert path.stat().st_size < 2000
    with pytest.raises(DataError, match="limit"):
        read_idx(path, largest=10**5)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_idx(tmp_path / "none")
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path)


def put_mnist(folder, prefix="t10k", images=12, labels=None, dtype="u1"):
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (images, 28, 28)).astype("u1")
    classes = (np.arange(images) % 10 if labels is None else np.asarray(labels)).astype(dtype)
    (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx_bytes(pixels))
    (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(classes)))
    return pixels, classes


def test_mnist_takes_the_test_images_where_nothing_else_is(tmp_path, monkeypatch):
    pixels, classes = put_mnist(tmp_path)
    monkeypatch.setenv("JRK_DATA_DIR", str(tmp_path))
    dataset = mnist()
    images, labels = dataset[:]
    assert images.shape == (12, 1, 28, 28)
    assert (images.dtype, labels.dtype) == (np.float32, np.int32)
    assert np.allclose(images[:, 0] * 255, pixels, atol=1e-4)
    assert labels.tolist() == classes.tolist()
    assert dataset.classes == tuple("0123456789")


def test_mnist_prefers_the_training_images_and_obeys_train(tmp_path):
    put_mnist(tmp_path, "train", 20)
    put_mnist(tmp_path, "t10k", 10)
    assert [len(mnist(tmp_path, train=part)) for part in (None, True, False)] == [20, 20, 10]


def test_mnist_names_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.delenv("JRK_DATA_DIR", raising=False)
    with pytest.raises(DataError, match="JRK_DATA_DIR"):
        mnist()
    with pytest.raises(DataError, match="does not exist"):
        mnist(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\[.gz\] and its labels"):
        mnist(tmp_path, train=True)


@pytest.mark.parametrize(
    ("labels", "dtype", "words"),
    [(range(5), "u1", "do not fit"), ([*range(11), 99], "u1", "99"), (range(12), "f4", "float32")],
)
def test_mnist_refuses_labels_that_do_not_belong(tmp_path, labels, dtype, words):
    put_mnist(tmp_path, labels=list(labels), dtype=dtype)
    with pytest.raises(DataError, match=words):
        mnist(tmp_path)
