"""Files with wrong bytes in them: read all the same, or refused by a DataError, never otherwise."""

import gzip
import random

import h5py
import numpy as np
import pytest

from jairika_nb.data import (
    HDF5Dataset,
    ImageFolder,
    read_csv,
    read_idx,
    read_npy,
    read_npz,
    read_parquet,
    read_text,
    tokenizers,
)
from jairika_nb.data.transforms import Resize
from jairika_nb.errors import DataError

X = np.arange(60, dtype=np.float32).reshape(20, 3)
TEXT = "low lower lowest, slow"
IDX = bytes([0, 0, 0x0D, 2, 0, 0, 0, 20, 0, 0, 0, 3]) + X.astype(">f4").tobytes()


def hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("part/x", data=X, chunks=(5, 3), compression="gzip")


def table(kind):
    def write(path):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"a": range(20), "b": list("abcd") * 5})
        frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)

    return write


def image(path):
    module = pytest.importorskip("PIL.Image")
    pixels = np.arange(8 * 9 * 3, dtype=np.uint8).reshape(8, 9, 3)
    module.fromarray(pixels).save(path)


def one_image(path):
    ImageFolder(path.parent.parent, Resize((4, 4)))[0]


# How a good file is written, and how one is read.
FORMATS = {
    "x.npy": (lambda p: np.save(p, X), lambda p: read_npy(p)[:]),
    "plain.npz": (lambda p: np.savez(p, x=X, y=X), lambda p: read_npz(p)[:]),
    "packed.npz": (lambda p: np.savez_compressed(p, x=X), lambda p: read_npz(p)[:]),
    "x.h5": (hdf5, lambda p: HDF5Dataset(p, "part/x").batch(np.array([3, 17, 4]))),
    "x.idx": (lambda p: p.write_bytes(IDX), read_idx),
    "x.idx.gz": (lambda p: p.write_bytes(gzip.compress(IDX)), read_idx),
    "x.csv": (table("csv"), read_csv),
    "x.parquet": (table("parquet"), read_parquet),
    "x.txt.gz": (lambda p: p.write_bytes(gzip.compress(TEXT.encode())), read_text),
    "pairs.json": (tokenizers.BPETokenizer.train(TEXT, 260).save, tokenizers.load),
    "words.json": (tokenizers.WordTokenizer.train(TEXT).save, tokenizers.load),
    "characters.json": (tokenizers.CharTokenizer.train(TEXT).save, tokenizers.load),
    **{f"x.{ending}": (image, one_image) for ending in ("png", "jpg", "gif", "bmp", "tif", "webp")},
}


def damaged(content, rng):
    """A few bytes changed, left out, or put in."""
    out = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, kind = rng.randrange(len(out)), rng.random()
        if kind < 0.5:
            out[at] = rng.randrange(256)
        elif kind < 0.7:
            del out[at : at + rng.randint(1, 20)]
        elif kind < 0.85:
            out[at:at] = rng.randbytes(rng.randint(1, 8))
        else:
            out[at : at + 8] = rng.choice([b"\xff" * 8, bytes(8), b"\x7f\xff\xff\xff" * 2])
        if not out:
            return b"\0"
    return bytes(out)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(FORMATS))
def test_damage_is_refused_or_does_no_harm(tmp_path, name):
    write, read = FORMATS[name]
    path, rng, refused = tmp_path / "class" / name, random.Random(name), 0
    path.parent.mkdir()
    write(path)
    content = path.read_bytes()
    read(path)
    for _ in range(60):
        path.write_bytes(damaged(content, rng))
        try:
            read(path)
        except DataError as error:
            assert name in str(error)
            refused += 1
    assert refused
