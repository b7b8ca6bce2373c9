"""Batches whose gradients are gathered before the optimiser takes a step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jairika_nb.train.batches import Batch


def in_groups(
    batches: Iterable[Batch], accumulate: int, start: int = 0
) -> Iterator[tuple[int, Batch, bool]]:
    """Batches with their numbers from ``start`` on, and whether each ends a group.

    Groups are of ``accumulate`` batches; the last one of a pass may be smaller. Where groups are
    larger than one, a batch is read ahead, to know the last of all.

    >>> [(number, ends) for number, _, ends in in_groups("abcde", 2)]
    [(0, False), (1, True), (2, False), (3, True), (4, True)]
    """
    if accumulate == 1:
        yield from ((number, batch, True) for number, batch in enumerate(batches, start))
        return
    held: list[tuple[int, Batch]] = []
    for number, batch in enumerate(batches, start):
        if held:
            last, before = held.pop()
            yield last, before, (last + 1) % accumulate == 0
        held.append((number, batch))
    yield from ((number, batch, True) for number, batch in held)
