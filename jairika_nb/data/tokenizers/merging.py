"""Joining the pairs of a word in the order in which they were learned."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

Pair = tuple[int, int]


def merged(ids: list[int], ranks: Mapping[Pair, tuple[int, int]]) -> list[int]:
    """``ids`` after all merges; ``ranks`` tells each pair's turn and what it joins into.

    Of all pairs the one with the first turn is joined, the leftmost of equals, until none is left.
    A queue of pairs keeps long words from taking time in the square of their length.

    >>> merged([1, 2, 1, 2], {(1, 2): (0, 3), (3, 3): (1, 4)})
    [4]
    """
    if len(ids) < 2:
        return ids
    ids, following = list(ids), [*range(1, len(ids)), -1]
    before = list(range(-1, len(ids) - 1))
    queue: list[tuple[int, int, Pair]] = []

    def offer(at: int) -> None:
        if at >= 0 and following[at] >= 0:
            pair = (ids[at], ids[following[at]])
            if pair in ranks:
                heapq.heappush(queue, (ranks[pair][0], at, pair))

    for at in range(len(ids) - 1):
        offer(at)
    while queue:
        _, at, pair = heapq.heappop(queue)
        right = following[at]
        # A neighbour may have been joined since; joined tokens are marked by -1.
        if right < 0 or (ids[at], ids[right]) != pair:
            continue
        ids[at], ids[right] = ranks[pair][1], -1
        following[at] = following[right]
        if following[at] >= 0:
            before[following[at]] = at
        offer(before[at])
        offer(at)
    return [i for i in ids if i >= 0]
