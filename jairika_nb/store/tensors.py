"""The values of an iteration: read or mapped, and verified before anyone sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from jairika_nb.errors import Damaged
from jairika_nb.store.address import Url
from jairika_nb.store.arrays import object_digest
from jairika_nb.store.manifest import Tensor
from jairika_nb.store.ranges import Ranges
from jairika_nb.store.rows import Place

Placed = tuple[Tensor, Place]


def read(ranges: Ranges, placed: Placed) -> np.ndarray:
    """A fresh array with the tensor's values; raises ``Damaged`` where they are not whole."""
    tensor, (offset, length) = placed
    what = f"{tensor.name!r}"
    _check_inside(ranges, placed)  # before room is made for what a file claims
    if isinstance(ranges.path, Url):
        return _verified(
            ranges, tensor, np.frombuffer(ranges.at(offset, length, what), np.uint8).copy()
        )
    raw = np.empty(length, np.uint8)
    ranges.into(raw.data, offset, what)
    return _verified(ranges, tensor, raw)


def mapped(ranges: Ranges, placed: Placed) -> np.ndarray:
    """A read-only view of the tensor's values in the file; raises ``Damaged``."""
    tensor, (offset, length) = placed
    _check_inside(ranges, placed)
    if not length:
        return read(ranges, placed)
    return _verified(ranges, tensor, ranges.mapped(offset, length))


class Lazy(Mapping[str, np.ndarray]):
    """Tensors by name that are mapped from the file and verified when first touched.

    The arrays are read-only views of the file; pages the system needs elsewhere go and come
    back by themselves.
    """

    def __init__(self, model: Ranges, placed: dict[str, Placed]) -> None:
        # A handle of its own: the model may turn to another file, where offsets differ.
        self.model, self.ranges, self.placed = model, model.twin(), placed
        self.seen: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.seen:
            self.model.check_open()
            self.seen[name] = mapped(self.ranges, self.placed[name])
        return self.seen[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.placed)

    def __len__(self) -> int:
        return len(self.placed)


def _check_inside(ranges: Ranges, placed: Placed) -> None:
    tensor, (offset, length) = placed
    if offset + length > ranges.size:
        raise Damaged(
            f"cannot read {tensor.name!r} of {ranges.path}: it should end at byte "
            f"{offset + length}, the file ends before; restore the file from a copy"
        )


def _verified(ranges: Ranges, tensor: Tensor, raw: np.ndarray) -> np.ndarray:
    values = raw.view(tensor.dtype).reshape(tensor.shape)
    if object_digest(values) != tensor.digest:
        raise ranges.damaged(f"{tensor.name!r}")
    # Bytes other than 0 and 1 in a bool are no values of NumPy's, hash or no hash.
    if tensor.dtype == "|b1" and raw.size and raw.max() > 1:
        raise ranges.damaged(f"{tensor.name!r}")
    return values
