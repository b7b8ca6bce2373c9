"""A disk that refuses at any moment: the old state or the new one, and the next try works."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from states import arrays, same

from jairika_nb import store
from jairika_nb.errors import AddressError, JairikaError, Locked, NoSpace, ReadOnly, StoreError
from jairika_nb.store import create
from jairika_nb.store.disk import Disk
from jairika_nb.store.model import Model

BIG = {"big.weight": np.arange(9000, dtype=np.float32)}


class FaultyDisk(Disk):
    """Fails the ``at``-th effect, and all later ones until ``heal()`` if ``lasting``."""

    def __init__(self) -> None:
        self.count = 0
        self.heal()

    def heal(self) -> None:
        self.at, self.lasting, self.errno = 0, False, errno.ENOSPC

    def fail(self, at: int, lasting: bool, number: int) -> None:
        self.count, self.at, self.lasting, self.errno = 0, at, lasting, number

    def write(self, file, offset, data):
        try:
            self._count()
        except OSError:
            super().write(file, offset, memoryview(data)[: len(data) // 2])
            raise
        super().write(file, offset, data)

    def truncate(self, file, size):
        self._count()
        super().truncate(file, size)

    def sync(self, file):
        self._count()
        super().sync(file)

    def _count(self) -> None:
        self.count += 1
        if self.at and (self.count == self.at or (self.lasting and self.count > self.at)):
            raise OSError(self.errno, "injected")


def effects_of_a_commit(path: Path) -> int:
    disk = FaultyDisk()
    with Model(path, "a", disk=disk) as model:
        model.commit({**arrays(2), **BIG}, name="counted")
    return disk.count


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_failing_effect_of_a_commit_loses_nothing(model, number, lasting):
    path, good = model.path, model.path.read_bytes()
    count = effects_of_a_commit(path)
    failed = pending = 0
    assert count > 20
    for at in range(1, count + 1):
        path.write_bytes(good)
        disk = FaultyDisk()
        with Model(path, "a", disk=disk) as writer:
            disk.fail(at, lasting, number)
            try:
                writer.commit({**arrays(2), **BIG}, name="new")
                returned = True
            except StoreError as error:
                returned, failed = False, failed + 1
                pending += "safe in its journal" in str(error)
                assert str(path) in str(error) and "\n" not in str(error)
            seen = check_history(path, {"new": {**arrays(2), **BIG}})
            assert seen == ("prime", "PT", "new") if returned else seen[:2] == ("prime", "PT")
            disk.heal()
            writer.commit(arrays(3), name="after")
        seen = check_history(path, {"new": {**arrays(2), **BIG}, "after": arrays(3)})
        assert seen in (("prime", "PT", "after"), ("prime", "PT", "new", "after"))
    assert failed >= (count - 1 if lasting else count // 2)
    assert pending > 0 if lasting else pending == 0
    assert store.open(path).verify().ok


def pending_commit(path: Path) -> None:
    """Leave a commit that is safe in the journal and not applied, as a kill at the end does."""
    good, disk = path.read_bytes(), FaultyDisk()
    last_sync = effects_of_a_commit(path) - 1
    path.write_bytes(good)
    with Model(path, "a", disk=disk) as writer:
        disk.fail(last_sync, True, errno.EIO)
        with pytest.raises(StoreError, match="is safe in its journal"):
            writer.commit({**arrays(2), **BIG}, name="new")


def test_opening_for_writing_completes_what_the_journal_holds(model):
    path = model.path
    pending_commit(path)
    size = path.stat().st_size
    with store.open(path, "a") as opened:
        assert opened["main"].iterations == ("prime", "PT", "new")
        assert path.stat().st_size == opened._reader.root.end < size
        assert opened.verify().ok


def test_opening_for_reading_changes_nothing(model):
    pending_commit(model.path)
    before = model.path.read_bytes()
    with store.open(model.path) as reading:
        assert same(reading["main"]["PT"].arrays(), arrays(1))
        report = reading.verify()
        assert report.ok or "opening the model in mode 'a' completes it" in str(report)
    assert model.path.read_bytes() == before


def check_history(path: Path, new: dict) -> tuple[str, ...]:
    """The names in main, once every value of every iteration was found right."""
    wanted = {"prime": arrays(0), "PT": arrays(1), **new}
    with store.open(path) as model:
        for name in model["main"]:
            assert same(model["main"][name].arrays(), wanted[name])
        return model["main"].iterations


@pytest.mark.parametrize("lasting", [False, True])
def test_a_failing_effect_of_init_leaves_no_file(tmp_path, monkeypatch, lasting):
    path, disk = tmp_path / "new.jrk.h5", FaultyDisk()
    monkeypatch.setattr(create, "Disk", lambda: disk)
    store.init(path, arrays()).close()
    count = disk.count
    os.unlink(path)
    for at in range(1, count + 1):
        disk.fail(at, lasting, errno.ENOSPC)
        with pytest.raises(NoSpace, match=r"cannot \w+ \S+/new\.jrk\.h5: the disk is full"):
            store.init(path, arrays())
        assert os.listdir(tmp_path) == []
    disk.heal()
    with store.init(path, arrays()) as model:
        assert same(model["main"]["prime"].arrays(), arrays())


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.EROFS, ReadOnly),
        (errno.EACCES, ReadOnly),
        (errno.EPERM, ReadOnly),
        (errno.EDQUOT, NoSpace),
        (errno.EFBIG, NoSpace),
        (errno.EIO, StoreError),
        (errno.ENXIO, StoreError),
    ],
)
def test_each_refusal_has_its_error(model, monkeypatch, number, error):
    def refuse(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Disk, "write", refuse)
    with pytest.raises(error, match=r"cannot .*jrk\.h5: ") as caught:
        model.commit(arrays(5))
    assert "\n" not in str(caught.value) and isinstance(caught.value, JairikaError)
    monkeypatch.undo()
    assert model.commit(arrays(5)).name == "iteration-3"


@contextlib.contextmanager
def mounted(folder: Path, *options: str):
    """A small file system at ``folder``, where this process may mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", ",".join(("size=256k", *options)), "tmpfs", folder]
    try:
        done = subprocess.run(command, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip("this process may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_keeps_the_last_state(tmp_path):
    with mounted(tmp_path / "small") as folder:
        path = folder / "full.jrk.h5"
        with store.init(path) as model:
            with pytest.raises(NoSpace, match="the disk is full"):
                for seed in range(100):
                    model.commit({"0.weight": np.full(9000, seed, np.float32)})
            names = model["main"].iterations
            with store.open(path) as reading:
                assert reading["main"].iterations == names and reading.verify().ok
            with pytest.raises(NoSpace):
                store.init(folder / "another.jrk.h5", {"0.weight": np.zeros(90_000)})
            assert sorted(os.listdir(folder)) == [".full.jrk.h5.lock", "full.jrk.h5"]
            assert model.commit({"0.weight": np.zeros(9000, np.float32)}).name not in names


def test_a_read_only_disk_reads_and_refuses_writes(tmp_path):
    with mounted(tmp_path / "fixed") as folder:
        path = folder / "fixed.jrk.h5"
        with store.init(path, arrays()) as model:
            remount = ["mount", "-o", "remount,ro", folder]
            subprocess.run(remount, check=True)
            with pytest.raises(ReadOnly, match="the disk is read-only"):
                model.commit(arrays(1))
        with pytest.raises(ReadOnly, match="the disk is read-only"):
            store.open(path, "a")
        with pytest.raises(ReadOnly, match="the disk is read-only"):
            store.init(folder / "b.jrk.h5")
        with store.open(path) as model:
            assert same(model["main"].head.arrays(), arrays()) and model.verify().ok


def test_a_folder_that_refuses_writes_is_told(model, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("permission bits do not bind root")
    os.chmod(tmp_path, 0o555)
    try:
        with pytest.raises(ReadOnly):
            store.init(tmp_path / "b.jrk.h5")
    finally:
        os.chmod(tmp_path, 0o755)


def test_a_limit_on_file_size_is_a_full_disk(tmp_path):
    path = tmp_path / "limited.jrk.h5"
    store.init(path).close()
    program = (
        "import numpy as np, resource\n"
        "from jairika_nb import store\n"
        "from jairika_nb.errors import NoSpace\n"
        f"model = store.open({str(path)!r}, 'a')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    model.commit({'0.weight': np.zeros(90_000)})\n"
        "except NoSpace:\n"
        "    print(model.commit({'0.weight': np.zeros(9)}).name)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "prime\n", done.stderr
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert store.open(path)["main"]["prime"].arrays()["0.weight"].shape == (9,)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits for processes there")
def test_what_a_full_disk_could_not_take_is_given_back(tmp_path):
    path = tmp_path / "limited.jrk.h5"
    store.init(path).close()
    before = path.stat().st_size
    program = (
        "import numpy as np, resource\n"
        "from jairika_nb import store\n"
        f"model = store.open({str(path)!r}, 'a')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))\n"
        "model.commit({'0.weight': np.zeros(90_000)})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "NoSpace" in done.stderr and path.stat().st_size == before


def test_a_file_changed_by_another_hdf5_program_is_not_cut(model):
    import h5py

    with h5py.File(model.path, "r+", libver=("v108", "v108")) as file:
        file["notes"] = np.arange(3000)
    changed = model.path.read_bytes()
    with pytest.raises(StoreError, match="another HDF5 program has changed it"):
        model.commit(arrays(4))
    assert model.path.read_bytes() == changed
    assert same(store.open(model.path)["main"]["PT"].arrays(), arrays(1))


def test_errors_are_of_the_package(path):
    """What the tests above expect is what a caller can catch at once."""
    for error in (AddressError, Locked, NoSpace, ReadOnly):
        assert issubclass(error, StoreError) and issubclass(error, JairikaError)
