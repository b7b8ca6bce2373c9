"""Whether a tensor's values are nobody else's, so that a new value may be written over them.

Asked by counting references, and compared with a tensor that surely is nobody else's, so that it
does not matter how an interpreter counts. Where it does not count at all, nothing is alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple
from weakref import getweakrefcount

from jairika_nb.engine import device as devices
from jairika_nb.engine import dtypes, memory
from jairika_nb.engine.graph import leaf
from jairika_nb.engine.picking import picker
from jairika_nb.engine.replay import NOTHING
from jairika_nb.tensors.effects import Replaced
from jairika_nb.tensors.tensor import Tensor

# A tensor that a result replaces, the number of the result, and the leaf with the tensor's values.
Update = tuple[Replaced, int, int]
Pick = Callable[[Any], tuple[Any, ...]]
NODE, VALUE, OP = attrgetter("node"), attrgetter("value"), attrgetter("op")


class Counts(NamedTuple):
    """References to tensors and what they are within, to their nodes, to the values of these."""

    holders: int
    nodes: int
    numbers: int


class Updates:
    """The tensors that results may be written over, and whether each is nobody else's."""

    def __init__(self, rows: list[Update]) -> None:
        self.rows = rows
        self.all = {number: slot for _, number, slot in rows}, {number for _, number, _ in rows}
        self.tensors = picker([old.place for old, _, _ in rows])
        within = {at for old, _, _ in rows for at in old.within or ()}
        held = {old.place for old, _, _ in rows if old.within is not None}
        self.holders = picker(sorted(held | within))

    def spendable(self, values: list[Any]) -> tuple[Mapping[int, int], set[int]]:
        """The results, with leaves, that may be written over the tensors that they replace.

        Nobody may have the values of such a tensor but that tensor. Nor may anybody have the
        tensor, but one container and ``values``; nor those that it is within, but one container
        and ``values``. Where that is None others may have the tensor, and see the new values in
        it. The caller has lists of the nodes and of their values too.

        Beside them those results whose tensors may stay, as nothing tells them from new ones.
        """
        expected = _alone()
        if expected is None:
            return NOTHING, set()
        return self.all if self._are_all(values, expected) else self._one_by_one(values, expected)

    def _are_all(self, values: list[Any], expected: Counts) -> bool:
        """Whether all are nobody else's and may stay, which is so in most steps."""
        found = _counted(values, self.tensors, self.holders)
        if not all(counts <= {count} for counts, count in zip(found, expected, strict=True)):
            return False
        nodes = [*map(NODE, self.tensors(values))]
        kinds = {*map(type, map(VALUE, nodes))}
        leaves = {*map(OP, nodes)} == {"leaf"} and not any(map(getweakrefcount, nodes))
        return leaves and kinds == {memory.Buffer}

    def _one_by_one(
        self, values: list[Any], expected: Counts
    ) -> tuple[Mapping[int, int], set[int]]:
        around: dict[int, bool] = {}
        found, stay = {}, set()
        for (place, _, within), number, slot in self.rows:
            held = () if within is None else (place, *within)
            for at in held:
                if at not in around:
                    around[at] = _counted(values, _none, picker([at])).holders == {expected.holders}
            counts = _counted(values, picker([place]), _none)
            alone = counts.nodes == {expected.nodes} and counts.numbers == {expected.numbers}
            node = values[place].node
            # Memory of others, such as a file's pages, is never written.
            if not alone or not isinstance(node.value, memory.Buffer):
                continue
            if not all(map(around.__getitem__, held)):
                continue
            found[number] = slot
            # Where something refers to a node, the values that it had are meant.
            if node.op == "leaf" and not getweakrefcount(node):
                stay.add(number)
        return found, stay


class _Counted(NamedTuple):
    """All that there are of each of :class:`Counts`."""

    holders: set[int]
    nodes: set[int]
    numbers: set[int]


def _counted(values: list[Any], tensors: Pick, holders: Pick) -> _Counted:
    """The counts of ``holders``, and of the nodes and numbers of ``tensors``."""
    count = sys.getrefcount
    nodes = (*map(NODE, tensors(values)),)
    numbers = (*map(VALUE, nodes),)
    return _Counted({*map(count, holders(values))}, {*map(count, nodes)}, {*map(count, numbers)})


def _none(values: list[Any]) -> tuple[Any, ...]:
    return ()


@cache
def _alone() -> Counts | None:
    """The counts of a tensor in a container and the three lists; None where they tell nothing."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return None  # counts are spread over threads there
    container = {"tensor": Tensor(leaf(_Value(), (), dtypes.float32, devices.REFERENCE))}
    values = [*container.values()]
    nodes = [value.node for value in values]
    inputs = [node.value for node in nodes]
    first = picker([0])
    found = _counted(values, first, first)
    # A second holder must show in each count.
    more = values[0], nodes[0], inputs[0]
    again = _counted(values, first, first)
    del more
    counts = Counts(*[max(each) for each in found])
    return counts if again == tuple({n + 1} for n in counts) else None


class _Value:
    nbytes = 4
