"""Whether a tensor's values are nobody else's, so that a new value may be written over them.

Asked by counting references, and compared with a tensor that surely is nobody else's, so that it
does not matter how an interpreter counts. Where it does not count at all, nothing is alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from weakref import getweakrefcount

from jairika_nb.engine import device as devices
from jairika_nb.engine import dtypes, memory
from jairika_nb.engine.graph import leaf
from jairika_nb.engine.replay import NOTHING
from jairika_nb.tensors.effects import Replaced
from jairika_nb.tensors.tensor import Tensor

# A tensor that a result replaces, the number of the result, and the leaf with the tensor's values.
Update = tuple[Replaced, int, int]


def spendable(values: list[Any], updates: Iterable[Update]) -> tuple[Mapping[int, int], set[int]]:
    """The results, with leaves, that may be written over the tensors that they replace.

    Nobody may have the values of such a tensor but that tensor. Nor may anybody have the tensor,
    but one container and ``values``; nor those that it is within, but one container and ``values``.
    Where that is None others may have the tensor, and see the new values in it. The caller has
    lists of the nodes and of their values too.

    Beside them those results whose tensors may stay, as nothing tells them from new ones.
    """
    expected, count, refer = _alone(), sys.getrefcount, getweakrefcount
    if expected is None:
        return NOTHING, set()
    holders, nodes, numbers = expected
    around: dict[int, bool] = {}
    found, stay = {}, set()
    for (place, _, within), number, slot in updates:
        value = values[place]
        node = value.node
        held = node.value
        # Memory of others, such as a file's pages, is never written.
        if count(held) != numbers or count(node) != nodes or not isinstance(held, memory.Buffer):
            continue
        if within is not None:
            for at in within:
                if at not in around:
                    around[at] = count(values[at]) == holders
            if count(value) != holders + 1 or not all(map(around.__getitem__, within)):
                continue
        found[number] = slot
        # Where something refers to a node, the values that it had are meant.
        if node.op == "leaf" and not refer(node):
            stay.add(number)
    return found, stay


def _holders(values: list[Any], place: int) -> int:
    return sys.getrefcount(values[place])


def _values(values: list[Any], place: int) -> tuple[int, int]:
    node = values[place].node
    held = node.value
    return sys.getrefcount(node), sys.getrefcount(held)


@cache
def _alone() -> tuple[int, int, int] | None:
    """The counts of a tensor in a container and the three lists; None where they tell nothing."""
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return None  # counts are spread over threads there
    container = {"tensor": Tensor(leaf(_Value(), (), dtypes.float32, devices.REFERENCE))}
    values = [*container.values()]
    nodes = [value.node for value in values]
    inputs = [node.value for node in nodes]
    found = _holders(values, 0), *_values(values, 0)
    # A second holder must show in each count.
    more = values[0], nodes[0], inputs[0]
    again = _holders(values, 0), *_values(values, 0)
    del more
    return found if again == tuple(n + 1 for n in found) else None


class _Value:
    nbytes = 4
