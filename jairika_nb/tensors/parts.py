"""What a recorded run does on each device, and where the values come from that it computes with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from jairika_nb.engine import replay
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.picking import picker
from jairika_nb.tensors.spending import Updates

# Where a leaf of the program comes from: a watched tensor, an array made inside, per-call numbers.
INPUT, DATA, NUMBERS = range(3)
# The results to write over leaves, and those whose tensors stay.
Spent = tuple[Mapping[int, int], set[int]]


def _nothing(kind: int, number: int) -> None:
    """Stands for what is made only when a step runs."""


@dataclass
class Part:
    """What runs on one device: a step, the sources of its leaves, and the nodes it computes."""

    device: Device
    key: Any
    step: Any
    leaves: list[tuple[int, int]]
    scalars: list[Any]
    streams: list[Any]  # the number of a draw, or the key of a stream from outside
    nodes: list[int]
    updates: Updates  # tensors that results may be written over

    def spent(self, values: list[Any], inputs: list[Any]) -> Spent:
        """The results to write over leaves whose values nobody else has, and whose tensors stay.

        There are none where a run could fail once it has begun: it still needs its inputs then.
        """
        if not self.updates.rows or not self.step.is_sure(partial(self.leaf_values, inputs)):
            return replay.NOTHING, set()
        return self.updates.spendable(values)

    def leaf_values(
        self, inputs: list[Any], other: Callable[[int, int], Any] = _nothing
    ) -> list[Any]:
        """The values of the leaves: of watched tensors, and what is not one by its source."""
        found = [*self._watched(inputs)]
        for at, kind, i in self._others:
            found.insert(at, other(kind, i))
        return found

    @cached_property
    def _watched(self) -> Callable[[Any], tuple[Any, ...]]:
        """What gives the values of those leaves that are watched tensors."""
        return picker([i for kind, i in self.leaves if kind == INPUT])

    @cached_property
    def _others(self) -> list[tuple[int, int, int]]:
        """Which leaves are no watched tensors, and their sources."""
        return [(at, kind, i) for at, (kind, i) in enumerate(self.leaves) if kind != INPUT]

    def form(self) -> tuple:
        """Equal for two recordings that compute the same."""
        return self.device, self.key, self.leaves, repr(self.scalars), self.streams, self.nodes


@dataclass
class Numbers:
    """Numbers made anew for each call; see :class:`PerCall`."""

    owner: Any
    advance: Callable[[], Sequence[float]]
    holds: Callable[[], bool]
    shape: tuple[int, ...]
    dtype: DType
    device: Device
