"""In which order kernels run: as the graph was made, but what frees much memory as soon as it can.

Without that a backward pass would compute the gradients of all inputs first and those of the
weights at last, and keep every activation until then.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jairika_nb.errors import KernelError

RELIEF = 1 << 20  # bytes: a kernel that frees so many more than it takes goes first


@dataclass
class Work:
    """A kernel: which others it needs, and of what lives only meanwhile, what it makes and reads.

    ``makes`` has the bytes of each value.
    """

    needs: list[int]
    makes: dict[int, int]
    reads: list[int]


def ordered(works: dict[int, Work], packing: Iterable[int] = ()) -> list[int]:
    """The kernels, each after those it needs.

    Of those that may come next, the one that frees most goes first where that is RELIEF or more;
    otherwise the next one in depth-first order. What only one kernel reads of those that are
    ``packing`` is made right before it: the two are seen as one.

    >>> big = {0: 1 << 24}
    >>> ordered({7: Work([], big, []), 8: Work([7], {1: 8}, []), 9: Work([7], {}, [0])})
    [7, 9, 8]
    """
    works, first = _joined(works, packing)
    memory = _Memory(works)
    rank = {root: i for i, root in enumerate(depth_first(works))}
    waiting = {root: set(work.needs) for root, work in works.items()}
    followers: dict[int, list[int]] = {root: [] for root in works}
    for root, needs in waiting.items():
        for other in needs:
            followers[other].append(root)
    next_ = [(rank[root], root) for root, needs in waiting.items() if not needs]
    heapq.heapify(next_)
    free = {root for _, root in next_}  # those that may come next
    found: list[int] = []
    while free:
        relief = memory.relief(free)
        root = next(r for r in _popped(next_) if r in free) if relief is None else relief
        free.remove(root)
        found += [*first.get(root, []), root]
        memory.run(root)
        for other in followers[root]:
            waiting[other].remove(root)
            if not waiting[other]:
                free.add(other)
                heapq.heappush(next_, (rank[other], other))
                memory.note(other)
    return found


def _joined(
    works: dict[int, Work], packing: Iterable[int]
) -> tuple[dict[int, Work], dict[int, list[int]]]:
    """The works without those that are done right before another one, and these by that one."""
    users: dict[int, list[int]] = {}
    for root, work in works.items():
        for other in set(work.needs):
            users.setdefault(other, []).append(root)
    first: dict[int, list[int]] = {}
    works, packing = {**works}, {*packing}
    for root in sorted(packing):
        user, *others = users.get(root, [root])
        if not others and user not in packing:
            packed, work = works.pop(root), works[user]
            works[user] = Work(
                [*(n for n in work.needs if n != root), *packed.needs], work.makes,
                [*(v for v in work.reads if v not in packed.makes), *packed.reads],
            )  # fmt: skip
            first.setdefault(user, []).append(root)
    return works, first


def _popped(heap: list[tuple[int, int]]) -> Iterator[int]:
    while heap:
        yield heapq.heappop(heap)[1]


class _Memory:
    """What each kernel would free beyond what it takes, were it the next."""

    def __init__(self, works: dict[int, Work]) -> None:
        self.works = works
        self.sizes = {value: n for work in works.values() for value, n in work.makes.items()}
        self.frees = {root: -sum(work.makes.values()) for root, work in works.items()}
        self.readers: dict[int, set[int]] = {value: set() for value in self.sizes}
        for root, work in works.items():
            for value in work.reads:
                self.readers[value].add(root)
        self.much: list[tuple[int, int]] = []
        for value in self.sizes:
            self._last(value)

    def _last(self, value: int) -> None:
        """The only kernel that still reads a value frees it."""
        if len(self.readers[value]) == 1:
            (root,) = self.readers[value]
            self.frees[root] += self.sizes[value]
            self.note(root)

    def note(self, root: int) -> None:
        """See again whether a kernel frees much."""
        if self.frees[root] >= RELIEF:
            heapq.heappush(self.much, (-self.frees[root], root))

    def relief(self, free: set[int]) -> int | None:
        """The kernel of ``free`` that frees most; None where none frees much."""
        while self.much:
            frees, root = heapq.heappop(self.much)
            # Others were noted before they may come, and are noted again once they may.
            if root in free and -frees == self.frees[root]:
                return root
        return None

    def run(self, root: int) -> None:
        """A kernel has run: of what it read others are the last readers now."""
        for value in set(self.works[root].reads):
            self.readers[value].discard(root)
            self._last(value)


def depth_first(works: dict[int, Work]) -> list[int]:
    """The kernels by number, each right after what it needs."""
    done: dict[int, None] = {}
    begun: set[int] = set()
    stack = [(root, False) for root in sorted(works, reverse=True)]
    while stack:
        root, is_ready = stack.pop()
        if root in done:
            continue
        if is_ready:
            done[root] = None
            continue
        if root in begun:
            raise KernelError(
                f"kernel {root} of a plan waits for itself; please report the program"
            )
        begun.add(root)
        stack.append((root, True))
        stack += [(other, False) for other in works[root].needs if other not in done]
    return list(done)
