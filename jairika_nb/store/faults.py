"""What the operating system refuses, told as one of the package's errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from jairika_nb.errors import AddressError, Locked, NoSpace, ReadOnly, StoreError
from jairika_nb.store.address import Location

# errno -> (error, what to do about it). EFBIG is a file-size limit of the process or the disk.
CURES: dict[int, tuple[type[StoreError], str]] = {
    errno.ENOSPC: (NoSpace, "the disk is full; free some space and repeat"),
    errno.EFBIG: (NoSpace, "the file may not grow further here; raise the limit and repeat"),
    errno.EROFS: (ReadOnly, "the disk is read-only; copy the model to one that takes writes"),
    errno.EACCES: (ReadOnly, "permission denied; check who may use the file and its folder"),
    errno.EPERM: (ReadOnly, "not permitted; check who may use the file and its folder"),
    errno.ENOENT: (AddressError, "there is no such file or folder; check the address"),
    errno.ENOTDIR: (AddressError, "a part of the path is a file; check the address"),
    errno.EISDIR: (AddressError, "it is a folder; give the address of a file in it"),
    errno.ENAMETOOLONG: (AddressError, "the path is too long; choose a shorter one"),
    errno.ELOOP: (AddressError, "its links lead in a circle; check the address"),
    errno.ENOLCK: (Locked, "the disk offers no locks; copy the model to a local disk"),
    errno.EOPNOTSUPP: (Locked, "the disk offers no locks; copy the model to a local disk"),
    errno.EIO: (StoreError, "the disk reported an error; check it, then repeat"),
}
if hasattr(errno, "EDQUOT"):
    CURES[errno.EDQUOT] = (NoSpace, "the quota is used up; free some space and repeat")


def told(error: OSError, verb: str, path: Location) -> StoreError:
    """The package's error for ``error``, met when trying to ``verb`` the file at ``path``.

    >>> from pathlib import Path
    >>> told(OSError(errno.ENOSPC, "No space left on device"), "commit to", Path("a.jrk.h5"))
    NoSpace('cannot commit to a.jrk.h5: the disk is full; free some space and repeat')
    """
    kind, cure = CURES.get(
        error.errno or 0, (StoreError, f"{error.strerror or error}; check the disk, then repeat")
    )
    return kind(f"cannot {verb} {path}: {cure}")


@contextmanager
def telling(verb: str, path: Location) -> Iterator[None]:
    """Turn an ``OSError`` of the block into the package's error, which names file and cure."""
    try:
        yield
    except OSError as error:
        raise told(error, verb, path) from error
