"""NumPy's files and HDF5: rows as they were written, lazily, and no file can do harm."""

import io
import struct
import zipfile

import h5py
import numpy as np
import pytest

from jairika_nb.data import DataLoader, HDF5Dataset, read_npy, read_npz
from jairika_nb.data.transforms import Scale
from jairika_nb.errors import DataError

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (50, 3, 2)).astype(np.uint8)
Y = np.arange(50) % 5


def saved(path, array, **options):
    np.save(path, array, **options)
    return path


@pytest.fixture
def files(tmp_path):
    return saved(tmp_path / "x.npy", X), saved(tmp_path / "y.npy", Y.astype(">i4"))


@pytest.fixture
def h5(tmp_path):
    path = tmp_path / "set.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("part/x", data=X, chunks=(7, 3, 2), compression="gzip")
        file["y"] = Y
        file["text"] = ["a", "b"]
        file["short"], file["empty"], file["scalar"] = np.arange(3), np.zeros((0, 2)), 3.0
    return path


def test_mapped_files_are_read_by_batch(files):
    data = read_npy(*files, transform=Scale(255), classes="abcde")
    assert isinstance(data.arrays[0].base, np.memmap) or isinstance(data.arrays[0], np.memmap)
    x, y = data.batch(np.array([40, 3, 3]))
    np.testing.assert_allclose(x, X[[40, 3, 3]] / np.float32(255))
    assert y.tolist() == [0, 3, 3]
    assert y.dtype == np.int32 and y.dtype.isnative


def test_processes_open_the_files_themselves(files, h5):
    for data in (read_npy(*files), HDF5Dataset(h5, ["part/x", "y"])):
        options = {"batch_size": 16, "shuffle": True, "seed": 1}
        alone = list(DataLoader(data, **options).arrays())
        together = list(DataLoader(data, num_workers=1, workers="processes", **options).arrays())
        for one, other in zip(alone, together, strict=True):
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)
        state = data.__reduce__() if hasattr(data, "paths") else data.__getstate__()
        assert len(str(state)) < 1500


@pytest.mark.parametrize("compressed", [False, True])
def test_archives_give_the_arrays_that_were_put_in(tmp_path, compressed):
    path = tmp_path / "set.npz"
    fortran = np.asfortranarray(RNG.normal(size=(50, 4)))
    (np.savez_compressed if compressed else np.savez)(path, x=X, f=fortran, y=Y)
    data = read_npz(path, ["f", "y"])
    np.testing.assert_array_equal(data.arrays[0], fortran)
    np.testing.assert_array_equal(data.arrays[1], Y)
    assert len(read_npz(path).arrays) == 3
    with pytest.raises(DataError, match="not 'z'"):
        read_npz(path, ["z"])
    with pytest.raises(DataError, match=r"'x' asks for 300 bytes, the limit is 299"):
        read_npz(path, ["x"], largest=299)


def archive(path, name, content):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, content)
    return path


def header(shape, dtype="<f8"):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def objects():
    stream = io.BytesIO()
    np.save(stream, np.array([{}, None], object), allow_pickle=True)
    return stream.getvalue()


BAD = [
    (b"", "no|not"),
    (b"PK\x03\x04" + bytes(50), "no|not"),
    (objects(), "[Oo]bject|dtype"),
    (header((10**12,)), "asks for|length|not a .npy"),
    (header((4,)) + bytes(31), "needs 32 bytes|length|not a .npy"),
    (header((2,), "<M8[s]") + bytes(16), "only numbers"),
]


@pytest.mark.parametrize(("content", "words"), BAD)
def test_bad_arrays_are_refused_without_taking_memory(tmp_path, content, words):
    path = tmp_path / "bad.npy"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_npy(path)
    packed = archive(tmp_path / "bad.npz", "bad.npy", content)
    with pytest.raises(DataError, match=words) as caught:
        read_npz(packed)
    assert "\n" not in str(caught.value)


def test_missing_and_damaged_files(tmp_path, files):
    for read in (read_npy, read_npz, lambda p: HDF5Dataset(p, "x")):
        with pytest.raises(DataError, match="no such file"):
            read(tmp_path / "none")
        (tmp_path / "foreign").write_bytes(b"not this" * 100)
        with pytest.raises(DataError, match="foreign: not a"):
            read(tmp_path / "foreign")
    with pytest.raises(DataError, match="first axes must be equal"):
        read_npy(files[0], saved(tmp_path / "z.npy", np.arange(3)))
    np.savez_compressed(tmp_path / "cut.npz", x=RNG.normal(size=999))
    whole = bytearray((tmp_path / "cut.npz").read_bytes())
    whole[200:260] = bytes(60)
    (tmp_path / "cut.npz").write_bytes(whole)
    with pytest.raises(DataError, match=r"cut\.npz"):
        read_npz(tmp_path / "cut.npz")


def test_hdf5_rows_come_in_the_order_asked_for(h5):
    data = HDF5Dataset(h5, ["part/x", "y"], transform=Scale(255), classes="abcde")
    assert len(data) == 50
    for wanted in ([49, 0, 7, 7], [5, 6, 7], [3]):
        x, y = data.batch(np.array(wanted))
        np.testing.assert_allclose(x, X[wanted] / np.float32(255))
        assert y.tolist() == Y[wanted].tolist()
    assert data[-1][1] == 4
    assert data[48:][1].tolist() == [3, 4]
    data.close()
    assert data[2][1] == 2


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("part", "is a group, holding"),
        ("nothing", "holds no 'nothing'.*'part'"),
        ("y/z", "holds no"),
        ("text", "only numbers"),
        ("empty", "hold no sample"),
        ("scalar", "first axes"),
        (["y", "short"], r"\(50,\), \(3,\)"),
        ([], "needs the name"),
    ],
)
def test_hdf5_says_what_does_not_fit(h5, names, words):
    with pytest.raises(DataError, match=words):
        HDF5Dataset(h5, names)


def test_hdf5_follows_nothing_to_other_files(h5, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(64)))
    with h5py.File(h5, "a") as file:
        file["link"] = h5py.ExternalLink("other.h5", "x")
        file["soft"] = h5py.SoftLink("/y")
        file.create_dataset("outside", (8,), "u1", external=[(str(secret), 0, 8)])
        layout = h5py.VirtualLayout((50,), Y.dtype)
        layout[:] = h5py.VirtualSource(str(h5), "y", (50,))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("huge", (2**31,), "u1", chunks=(2**31,), compression="gzip")
    for name, words in (
        ("link", "not followed"), ("soft", "not followed"), ("outside", "other files"),
        ("virtual", "other files"), ("huge", "too large"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=words):
            HDF5Dataset(h5, name)


def test_labels_of_files_are_checked_against_the_classes(files, h5):
    with pytest.raises(DataError, match="sample 3 has label 3"):
        read_npy(*files, classes="abc")
    with pytest.raises(DataError, match="sample 3 has label 3"):
        HDF5Dataset(h5, ["part/x", "y"], classes="abc")
