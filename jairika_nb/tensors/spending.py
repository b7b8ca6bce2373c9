"""Whether a tensor's values are nobody else's, so that a new value may be written over them.

Asked by counting references, and compared with a tensor that surely is nobody else's, so that it
does not matter how an interpreter counts. Where it does not count at all, nothing is alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from jairika_nb.engine import device as devices
from jairika_nb.engine import dtypes, memory
from jairika_nb.engine.graph import leaf
from jairika_nb.engine.replay import NOTHING
from jairika_nb.tensors.effects import Replaced
from jairika_nb.tensors.tensor import Tensor


def spendable(values: list[Any], updates: Iterable[tuple[Replaced, int, int]]) -> Mapping[int, int]:
    """The results, with leaves, that may be written over the tensors that they replace.

    Nobody may have the values of such a tensor but that tensor. Nor may anybody have the tensor,
    but one container and ``values``; nor those that it is within, but one container and ``values``.
    Where that is None others may have the tensor, and see the new values in it. The caller has
    lists of the nodes and of their values too.
    """
    expected, count = _alone(), sys.getrefcount
    if expected is None:
        return NOTHING
    holders, nodes, numbers = expected
    around: dict[int, bool] = {}
    found = {}
    for (place, _, within), number, slot in updates:
        # Memory of others, such as a file's pages, is never written.
        if not isinstance(values[place].node.value, memory.Buffer):
            continue
        if count(values[place].node) != nodes or count(values[place].node.value) != numbers:
            continue
        if within is not None:
            for at in within:
                if at not in around:
                    around[at] = count(values[at]) == holders
            if count(values[place]) != holders or not all(around[at] for at in within):
                continue
        found[number] = slot
    return found


def _holders(values: list[Any], place: int) -> int:
    return sys.getrefcount(values[place])


def _values(values: list[Any], place: int) -> tuple[int, int]:
    return sys.getrefcount(values[place].node), sys.getrefcount(values[place].node.value)


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
