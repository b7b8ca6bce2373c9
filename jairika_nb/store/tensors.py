"""The values of an iteration: read or mapped, and verified before anyone sees them."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from jairika_nb.errors import Damaged
from jairika_nb.store import coded, delta, sealing  # noqa: F401 two codecs
from jairika_nb.store.address import Url
from jairika_nb.store.arrays import THREADED_FROM, object_digest
from jairika_nb.store.manifest import Tensor
from jairika_nb.store.ranges import Ranges
from jairika_nb.store.rows import Place

Placed = tuple[Tensor, Place]
THREADS = min(4, os.cpu_count() or 1)  # memory is no faster for more
DEEPEST = 32  # objects that one builds on, each on the next


class Memory:
    """Objects decoded last, so that what builds on them need not decode them again.

    ``most`` bounds their bytes; each is kept with the number of coded objects it builds on.
    """

    def __init__(self, most: int = 64 << 20) -> None:
        self.most, self.held = most, OrderedDict[Place, tuple[np.ndarray, int]]()
        self.bytes = 0

    def put(self, place: Place, raw: np.ndarray, links: int) -> None:
        self.held[place] = raw, links
        self.bytes += raw.nbytes
        while self.bytes > self.most:
            self.bytes -= self.held.popitem(last=False)[1][0].nbytes

    def get(self, place: Place, most_links: int) -> tuple[np.ndarray, int] | None:
        """A copy of the object at ``place``, unless it builds on more than so many."""
        raw, links = self.held.get(place, (None, 0))
        return None if raw is None or links > most_links else (raw.copy(), links)


def read(ranges: Ranges, placed: Placed, memory: Memory | None = None) -> np.ndarray:
    """A fresh array with the tensor's values; raises ``Damaged`` where they are not whole.

    ``memory`` is for those who read many objects and change none.
    """
    tensor, place = placed
    if not coded.is_coded(place):
        return _verified(ranges, tensor, _plain(ranges, tensor, place))
    raw, links, found = _decoded(ranges, placed, memory)
    digest = coded.codec_of(ranges, found).digest
    how = partial(digest, ranges, found) if digest else object_digest
    values = _verified(ranges, tensor, raw, how)
    if memory is not None and not digest:
        memory.put(place, raw, links)
    return values


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


def _decoded(
    ranges: Ranges, placed: Placed, memory: Memory | None
) -> tuple[np.ndarray, int, coded.Coded]:
    """The bytes of a coded object, on how many others it builds, and the object.

    The chain is followed to its end, then decoded from there: however long it is, no more than two
    of its objects are held, and room is made only for what lies in the file at full length.
    """
    tensor, place = placed
    what, chain = f"{tensor.name!r}", list[Place]()
    known = codec = None
    while coded.is_coded(place) and known is None:
        if len(chain) > DEEPEST:
            raise Damaged(
                f"cannot read {what} of {ranges.path}: it builds on more than {DEEPEST} other "
                "objects; the file is damaged"
            )
        chain.append(place)
        found = coded.unpacked(ranges, place, what)
        codec = coded.codec_of(ranges, found)
        if codec.base is None:
            break
        place = codec.base(ranges, found)
        known = memory.get(place, DEEPEST - len(chain)) if memory is not None else None
    raw, links = known or (None if codec and not codec.base else _plain(ranges, tensor, place), -1)
    for place in reversed(chain):
        if place != chain[-1]:
            found = coded.unpacked(ranges, place, what)
        if raw is not None and raw.nbytes != tensor.bytes:
            raise ranges.damaged(what)
        raw = coded.codec_of(ranges, found).decode(ranges, tensor, found, raw)
        links += 1
    if raw is None or raw.nbytes != tensor.bytes:
        raise ranges.damaged(what)
    return raw, links, found


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
