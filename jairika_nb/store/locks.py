"""Who may write: one process at a time, named where another has to wait.

Two locks, both let go by the system when their process dies. ``.NAME.lock`` beside the file is
between writers of ours and tells who they are. A lock on the model file itself keeps ordinary
HDF5 programs out while it changes; HDF5 takes the same one (its "file locking" feature).
Readers of ours take none.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from jairika_nb.errors import Locked
from jairika_nb.store.disk import fcntl
from jairika_nb.store.faults import telling, told

WAIT = 10.0  # seconds
POLL = 0.005


@contextmanager
def writing(path: Path, wait: float = WAIT) -> Iterator[None]:
    """Be the only writer of the model at ``path``; raises ``Locked`` after ``wait`` seconds."""
    from filelock import FileLock, Timeout

    # Two links to one file must meet at one lock; the dot keeps it out of file browsers.
    real = Path(os.path.realpath(path))
    note = real.with_name(f".{real.name}.lock")
    lock = FileLock(note, timeout=wait, thread_local=False)
    try:
        lock.acquire(poll_interval=POLL)
    except Timeout:  # which is an OSError too
        raise Locked(
            f"cannot write {path}: {_holder(note)} is writing it and did not finish in "
            f"{wait:g} s; wait for it or stop it, then repeat"
        ) from None
    except NotImplementedError:
        raise Locked(
            f"cannot write {path}: its disk offers no locks; copy the model to a local disk"
        ) from None
    except OSError as error:
        raise told(error, "lock", path) from error
    try:
        _sign(note)
        yield
    finally:
        lock.release()


def keep_others_out(file: int, path: Path, wait: float = WAIT, *, shared: bool = False) -> None:
    """Lock the open model file against HDF5 programs until it is closed; raises ``Locked``.

    ``shared`` keeps only writers out.
    """
    if fcntl is None:
        return  # on Windows an open file refuses other writers by itself
    deadline = time.monotonic() + wait
    with telling("lock", path):
        while not _flock(file, shared):
            if time.monotonic() > deadline:
                raise Locked(
                    f"cannot write {path}: it is open in another HDF5 program (or with h5py "
                    f"here) and was not closed in {wait:g} s; close it there, then repeat"
                )
            time.sleep(POLL)


def _flock(file: int, shared: bool) -> bool:
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(note: Path) -> None:
    program = Path(sys.argv[0] or "python").name or "python"
    with suppress(OSError):  # the note is a courtesy; the lock holds without it
        note.write_text(f"process {os.getpid()} ({program}) on {platform.node()}")


def _holder(note: Path) -> str:
    with suppress(OSError, ValueError):
        text = note.read_text()[:200]
        return "".join(filter(str.isprintable, text)) or "another program"
    return "another program"
