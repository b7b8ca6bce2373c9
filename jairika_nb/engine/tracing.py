"""The trace in progress: what a function does with tensors while it is recorded for replay.

Nothing is computed while a trace runs. Tensors that come from outside are its inputs, where the
graph ends; arrays that become tensors inside are kept on the host until it is known what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jairika_nb.errors import ReplayError

WAY_OUT = "return it and read it outside, or leave the function uncompiled"


class HostData:
    """An array that became a tensor inside a trace; the value of its node until the trace ends."""

    __slots__ = ("array",)

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    @property
    def nbytes(self) -> int:
        """How much memory the array takes."""
        return int(self.array.nbytes)


@dataclass
class PerCall:
    """Numbers that an object (an optimiser) makes anew for each call.

    ``advance`` gives them and moves the owner on by one call: it sets attributes, and changes
    nothing that they held, so that a call that fails can put them back. ``holds`` tells whether
    the owner still stands as it was when the function was traced.
    """

    owner: Any
    advance: Callable[[], Sequence[float]]
    holds: Callable[[], bool]
    node: Any = None


@dataclass
class Trace:
    """What one run of a function did, besides the graph that it built."""

    inputs: dict[int, Any] = field(default_factory=dict)  # nodes from outside, by id
    data: list[Any] = field(default_factory=list)  # nodes whose value is HostData
    numbers: list[PerCall] = field(default_factory=list)
    draws: list[Any] = field(default_factory=list)  # random nodes, in the order of their streams
    start: tuple[int, int] = (0, 0)  # seed and number of the first stream, known at the end


active: ContextVar[Trace | None] = ContextVar("jairika_trace", default=None)


def refuse(what: str) -> None:
    """Raise ReplayError where a trace is running: ``what`` needs values that are not there."""
    if active.get() is not None:
        raise ReplayError(
            f"{what} needs values, but this function is being compiled for replay, which would "
            f"not read them again: {WAY_OUT}"
        )
