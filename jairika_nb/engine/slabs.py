"""Buffers of medium size side by side, in slabs that ask for large pages.

A driver gives every buffer memory of its own, into which no large page fits unless it is long. A
step goes through all parameters of a network, with what its optimiser keeps of each: in slabs it
looks up few pages, and leaves more of the caches to what the host comes back to.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from jairika_nb.engine import paging

# The sizes of buffers that are cut out of slabs, and those of slabs: each as large as all before.
LEAST, MOST = 1 << 16, paging.LEAST
FIRST, LARGEST = 1 << 22, 1 << 25
Gap = tuple[int, int]


class Slab:
    """Memory of the driver, and the gaps in it that nothing was cut out of yet, by their ends."""

    __slots__ = ("gaps", "memory", "nbytes")

    def __init__(self, memory: Any, nbytes: int) -> None:
        self.memory, self.nbytes = memory, nbytes
        self.gaps: list[Gap] = [(0, nbytes)]


class Cut:
    """A part of a slab, from a byte to another; goes back when its Buffer says so."""

    __slots__ = ("cl", "end", "home", "slab", "start")

    def __init__(self, home: Slabs, slab: Slab, start: int, end: int) -> None:
        self.home, self.slab, self.start, self.end = home, slab, start, end
        self.cl = slab.memory.get_sub_region(start, end - start)

    def give_back(self) -> None:
        """Let others have it; called by destructors, so it takes no lock."""
        self.home.returned.append(self)


class Slabs:
    """The slabs of one device, and the cuts that are kept for reuse.

    ``make`` gives new memory of a size, or None where there is no room for it.
    """

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make = make
        self.nbytes = 0  # of all slabs
        self.slabs: list[Slab] = []
        self.kept: dict[int, list[Cut]] = {}  # by size
        self.returned: deque[Cut] = deque()
        self._lock = threading.Lock()

    def take(self, nbytes: int) -> Cut | None:
        """A cut of at least so many bytes; None where there is none and no room for a slab."""
        size = rounded(nbytes)
        with self._lock:
            found = self._found(size)
        if found is None:
            # Without the lock, as making room runs destructors and code of others.
            found = self._grown(size)
        return found

    def take_kept(self, nbytes: int) -> Cut | None:
        """The same without new slabs."""
        with self._lock:
            return self._found(rounded(nbytes))

    def release(self) -> None:
        """Let go of slabs that nothing is cut out of."""
        with self._lock:
            self._close_gaps()
            self.slabs = [slab for slab in self.slabs if slab.gaps != [(0, slab.nbytes)]]
            self.nbytes = sum(slab.nbytes for slab in self.slabs)

    @property
    def used(self) -> int:
        """Bytes that are cut out of slabs."""
        with self._lock:
            self._close_gaps()
            gaps = [gap for slab in self.slabs for gap in slab.gaps]
            return self.nbytes - sum(end - start for start, end in gaps)

    def _found(self, size: int) -> Cut | None:
        self._settle()
        if self.kept.get(size):
            return self.kept[size].pop()
        found = self._cut(size)
        if found is None and any(self.kept.values()):
            self._close_gaps()
            found = self._cut(size)
        return found

    def _settle(self) -> None:
        while self.returned:
            cut = self.returned.popleft()
            self.kept.setdefault(cut.end - cut.start, []).append(cut)

    def _cut(self, size: int) -> Cut | None:
        for slab in self.slabs:
            for i, (start, end) in enumerate(slab.gaps):
                if end - start >= size:
                    slab.gaps[i : i + 1] = [(start + size, end)] if end - start > size else []
                    return Cut(self, slab, start, start + size)
        return None

    def _grown(self, size: int) -> Cut | None:
        nbytes = min(max(FIRST, self.nbytes), LARGEST)
        memory = self.make(nbytes)
        if memory is None:
            return None
        with self._lock:
            self.slabs.append(Slab(memory, nbytes))
            self.nbytes += nbytes
            return self._cut(size)

    def _close_gaps(self) -> None:
        """Join what is kept for reuse to the gaps, so that any size can be cut out of them."""
        self._settle()
        for cuts in self.kept.values():
            for cut in cuts:
                cut.slab.gaps.append((cut.start, cut.end))
        self.kept.clear()
        for slab in self.slabs:
            slab.gaps = joined(slab.gaps)


def rounded(nbytes: int) -> int:
    """The size of the cut for a buffer, at most a sixteenth more.

    >>> rounded(1 << 16), rounded((1 << 16) + 1), rounded(1_000_000)
    (65536, 69632, 1015808)
    """
    step = 1 << max(nbytes.bit_length() - 5, 12)
    return -(-nbytes // step) * step


def joined(gaps: list[Gap]) -> list[Gap]:
    """Gaps in order, those that touch each other as one.

    >>> joined([(8, 12), (0, 4), (4, 6)])
    [(0, 6), (8, 12)]
    """
    found: list[Gap] = []
    for start, end in sorted(gaps):
        if found and found[-1][1] == start:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return found
