"""The values of an iteration: read or mapped, and verified before anyone sees them."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping

import numpy as np

from jairika_nb.errors import Damaged
from jairika_nb.store.arrays import object_digest
from jairika_nb.store.catalogue import Place
from jairika_nb.store.manifest import Tensor
from jairika_nb.store.reader import Reader

Placed = tuple[Tensor, Place]


def read(reader: Reader, placed: Placed) -> np.ndarray:
    """A fresh array with the tensor's values; raises ``Damaged`` where they are not whole."""
    tensor, (offset, length) = placed
    what = f"{tensor.name!r}"
    _check_inside(reader, placed)  # before room is made for what a file claims
    raw = np.empty(length, np.uint8)
    reader.ranges.into(raw.data, offset, what)
    return _verified(reader, tensor, raw)


class Lazy(Mapping[str, np.ndarray]):
    """Tensors by name that are mapped from the file and verified when first touched.

    The arrays are read-only views of the file; pages the system needs elsewhere go and come
    back by themselves.
    """

    def __init__(self, reader: Reader, placed: dict[str, Placed]) -> None:
        self.reader, self.placed = reader, placed
        self.seen: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.seen:
            self.seen[name] = self._mapped(self.placed[name])
        return self.seen[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.placed)

    def __len__(self) -> int:
        return len(self.placed)

    def _mapped(self, placed: Placed) -> np.ndarray:
        tensor, (offset, length) = placed
        _check_inside(self.reader, placed)
        if not length:
            return read(self.reader, placed)
        start = offset - offset % mmap.ALLOCATIONGRANULARITY
        self.reader.ranges.check_open()
        pages = mmap.mmap(
            self.reader.ranges.file, offset - start + length, offset=start, access=mmap.ACCESS_READ
        )
        raw = np.frombuffer(pages, np.uint8, length, offset - start)
        return _verified(self.reader, tensor, raw)


def _check_inside(reader: Reader, placed: Placed) -> None:
    tensor, (offset, length) = placed
    if offset + length > reader.ranges.size:
        raise Damaged(
            f"cannot read {tensor.name!r} of {reader.path}: it should end at byte "
            f"{offset + length}, the file ends before; restore the file from a copy"
        )


def _verified(reader: Reader, tensor: Tensor, raw: np.ndarray) -> np.ndarray:
    values = raw.view(tensor.dtype).reshape(tensor.shape)
    if object_digest(values) != tensor.digest:
        raise reader.ranges.damaged(f"{tensor.name!r}")
    # Bytes other than 0 and 1 in a bool are no values of NumPy's, hash or no hash.
    if tensor.dtype == "|b1" and raw.size and raw.max() > 1:
        raise reader.ranges.damaged(f"{tensor.name!r}")
    return values
