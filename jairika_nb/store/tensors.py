"""The values of an iteration: read or mapped, and verified before anyone sees them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from jairika_nb.errors import Damaged
from jairika_nb.store import coded, sealing  # noqa: F401 the codec of encrypted objects
from jairika_nb.store.address import Url
from jairika_nb.store.arrays import THREADED_FROM, object_digest
from jairika_nb.store.manifest import Tensor
from jairika_nb.store.ranges import Ranges
from jairika_nb.store.rows import Place

Placed = tuple[Tensor, Place]
THREADS = min(4, os.cpu_count() or 1)  # memory is no faster for more
DEEPEST = 32  # objects that one builds on, each on the next


def read(ranges: Ranges, placed: Placed) -> np.ndarray:
    """A fresh array with the tensor's values; raises ``Damaged`` where they are not whole."""
    tensor, place = placed
    if not coded.is_coded(place):
        return _verified(ranges, tensor, _plain(ranges, tensor, place))
    found = coded.unpacked(ranges, place, f"{tensor.name!r}")
    raw = _decoded(ranges, tensor, found, DEEPEST)
    digest = coded.codec_of(ranges, found).digest
    return _verified(
        ranges, tensor, raw, partial(digest, ranges, found) if digest else object_digest
    )


def read_all(ranges: Ranges, placed: Mapping[str, Placed]) -> dict[str, np.ndarray]:
    """Fresh arrays by name, some of them read while others are checked; raises ``Damaged``."""
    size = sum(tensor.bytes for tensor, _ in placed.values())
    if size < THREADED_FROM or isinstance(ranges.path, Url):
        return {name: read(ranges, each) for name, each in placed.items()}
    with ThreadPoolExecutor(THREADS) as workers:
        found = workers.map(lambda each: read(ranges, each), placed.values())
        return dict(zip(placed, found, strict=True))


def mapped(ranges: Ranges, placed: Placed) -> np.ndarray:
    """A read-only view of the tensor's values in the file, decoded ones a copy of their own.

    Raises ``Damaged``.
    """
    tensor, (offset, length) = placed
    if coded.is_coded(placed[1]) or not length:
        values = read(ranges, placed)
        values.flags.writeable = False
        return values
    coded.check_inside(ranges, placed[1], f"{tensor.name!r}")
    return _verified(ranges, tensor, ranges.mapped(offset, length))


class Lazy(Mapping[str, np.ndarray]):
    """Tensors by name that are mapped from the file and verified when first touched.

    The arrays are read-only views of the file; pages the system needs elsewhere go and come
    back by themselves. Coded ones are decoded at each touch, and kept by whoever holds them.
    """

    def __init__(self, model: Ranges, placed: dict[str, Placed]) -> None:
        # A handle of its own: the model may turn to another file, where offsets differ.
        self.model, self.ranges, self.placed = model, model.twin(), placed
        self.seen: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name in self.seen:
            return self.seen[name]
        self.model.check_open()
        values = mapped(self.ranges, self.placed[name])
        if not coded.is_coded(self.placed[name][1]):
            self.seen[name] = values
        return values

    def __iter__(self) -> Iterator[str]:
        return iter(self.placed)

    def __len__(self) -> int:
        return len(self.placed)


def _plain(ranges: Ranges, tensor: Tensor, place: Place) -> np.ndarray:
    """The bytes of a plain object, which are as many as the tensor's."""
    (offset, length), what = place, f"{tensor.name!r}"
    if length != tensor.bytes:
        raise ranges.damaged(what)
    coded.check_inside(ranges, place, what)  # before room is made for what a file claims
    if isinstance(ranges.path, Url):
        return np.frombuffer(ranges.at(offset, length, what), np.uint8).copy()
    raw = np.empty(length, np.uint8)
    ranges.into(raw.data, offset, what)
    return raw


def _decoded(ranges: Ranges, tensor: Tensor, found: coded.Coded, room: int) -> np.ndarray:
    """The bytes of a coded object, which builds on ``room`` others at most."""

    def base(place: Place) -> np.ndarray:
        if not coded.is_coded(place):
            return _plain(ranges, tensor, place)
        if not room:
            raise Damaged(
                f"cannot read {tensor.name!r} of {ranges.path}: it builds on more than "
                f"{DEEPEST} other objects; the file is damaged"
            )
        return _decoded(ranges, tensor, coded.unpacked(ranges, place, f"{tensor.name!r}"), room - 1)

    raw = coded.codec_of(ranges, found).decode(ranges, tensor, found, base)
    if raw.nbytes != tensor.bytes:
        raise ranges.damaged(f"{tensor.name!r}")
    return raw


def _verified(
    ranges: Ranges,
    tensor: Tensor,
    raw: np.ndarray,
    digest: Callable[[np.ndarray], str] = object_digest,
) -> np.ndarray:
    values = raw.view(tensor.dtype).reshape(tensor.shape)
    if digest(values) != tensor.digest:
        raise ranges.damaged(f"{tensor.name!r}")
    # Bytes other than 0 and 1 in a bool are no values of NumPy's, hash or no hash.
    if tensor.dtype == "|b1" and raw.size and raw.max() > 1:
        raise ranges.damaged(f"{tensor.name!r}")
    return values
