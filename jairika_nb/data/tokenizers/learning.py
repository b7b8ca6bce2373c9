"""Learning which pairs to join: counts of pairs that are kept up to date, merge by merge."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

from jairika_nb.data.tokenizers.merging import Pair


def learned(
    words: list[list[int]],
    counts: list[int],
    vocabulary: Sequence[str],
    room: int,
    min_frequency: int,
) -> list[tuple[str, str]]:
    """The merges, most frequent pair first, until ``room`` tokens are added.

    ``words`` are tokens, each word as often as ``counts`` says; they are changed. A pair that
    spells a token there is already joins into that one.
    """
    names = list(vocabulary)
    places = {name: i for i, name in enumerate(names)}
    pairs = _Pairs(words, counts)
    merges: list[tuple[str, str]] = []
    while len(names) < len(vocabulary) + room:
        pair = pairs.most_frequent(max(min_frequency, 1))
        if pair is None:
            break
        spelled = names[pair[0]] + names[pair[1]]
        merges.append((names[pair[0]], names[pair[1]]))
        joint = places.setdefault(spelled, len(names))
        if joint == len(names):
            names.append(spelled)
        pairs.join(pair, joint)
    return merges


class _Pairs:
    """How often each pair of neighbours occurs, and in which words."""

    def __init__(self, words: list[list[int]], counts: list[int]) -> None:
        self.words, self.counts = words, counts
        self.total: Counter[Pair] = Counter()
        self.where: defaultdict[Pair, set[int]] = defaultdict(set)
        for number in range(len(words)):
            self._count(number, 1)
        self.queue = [(-n, pair) for pair, n in self.total.items()]
        heapq.heapify(self.queue)

    def _count(self, number: int, sign: int) -> set[Pair]:
        word, times = self.words[number], self.counts[number]
        found = set()
        for pair in pairwise(word):
            self.total[pair] += sign * times
            self.where[pair].add(number)
            found.add(pair)
        return found

    def most_frequent(self, least: int) -> Pair | None:
        """The pair with the highest count, the smallest one of equals; taken from the queue."""
        while self.queue:
            count, pair = heapq.heappop(self.queue)
            if -count == self.total[pair]:
                return pair if -count >= least else None
            if self.total[pair] > 0 and -count > self.total[pair]:
                heapq.heappush(self.queue, (-self.total[pair], pair))
        return None

    def join(self, pair: Pair, joint: int) -> None:
        """Put one token in place of the pair in every word that has it."""
        grown: set[Pair] = set()
        for number in self.where.pop(pair, ()):
            self._count(number, -1)
            self.words[number] = replaced(self.words[number], pair, joint)
            grown |= {p for p in self._count(number, 1) if joint in p}
        self.total.pop(pair, None)
        for fresh in grown:
            heapq.heappush(self.queue, (-self.total[fresh], fresh))


def replaced(ids: list[int], pair: Pair, joint: int) -> list[int]:
    """``ids`` with one token in place of each occurrence of the pair, from left to right.

    >>> replaced([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    out, i, last = [], 0, len(ids) - 1
    while i <= last:
        if i < last and ids[i] == pair[0] and ids[i + 1] == pair[1]:
            out.append(joint)
            i += 2
        else:
            out.append(ids[i])
            i += 1
    return out
