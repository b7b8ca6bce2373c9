"""Which kernels of a recording may begin before its places are gone through, and on what."""

from __future__ import annotations

from typing import Any

from jairika_nb.engine import head_start, memory, replay
from jairika_nb.engine.head_start import Begun, Outcome
from jairika_nb.tensors.checks import ITEM, TENSOR
from jairika_nb.tensors.guards import ROOTS
from jairika_nb.tensors.parts import INPUT, NUMBERS
from jairika_nb.tensors.recording import Recording
from jairika_nb.tensors.tensor import Tensor

# Calls without a head start after one that was for nothing.
PAUSE = 64


class HeadStart:
    """The head start of a recording.

    Tensors that are arguments themselves are handed in; all others must be those of the call
    before. There is none where several devices compute, or where nothing may begin.
    """

    def __init__(self, recording: Recording) -> None:
        # Entries of leaves that are arguments: positional or named, which one, and its kind.
        self.given: dict[int, tuple[int, Any, tuple]] = {}
        self.head: head_start.Head | None = None
        self.pause = 0
        self.last: Outcome | None = None
        if len(recording.parts) != 1 or not isinstance(recording.parts[0].step, replay.Step):
            return
        (part,) = recording.parts
        self.step, self.scalars = part.step, part.scalars
        fresh = []
        for slot, entry in self.step.leaves.items():
            kind, i = part.leaves[slot]
            if kind == NUMBERS:
                fresh.append(entry)
            elif kind == INPUT:
                how, parent, key, check, expected = _row(recording, i)
                if how == ITEM and parent < 2 and check == TENSOR:
                    self.given[entry] = parent, key, expected
        self.head = head_start.head_of(self.step, self.given, fresh)

    def begin(self, args: tuple, kwargs: dict[str, Any]) -> Begun | None:
        """Launch what may begin; None where nothing does."""
        if self.head is None:
            return None
        if self.last is not None and not self.last.is_used:
            self.pause = PAUSE
        self.last = None
        if self.pause:
            self.pause -= 1
            return None
        buffers = {}
        for entry, (root, key, kind) in self.given.items():
            try:
                tensor = (args, kwargs)[root][key]
            except LookupError:
                return None
            if type(tensor) is not Tensor:
                return None
            node = tensor.node
            value = node.value
            if type(value) is not memory.Buffer or (node.shape, node.dtype, node.device) != kind:
                return None
            buffers[entry] = value
        begun = head_start.begin(self.step, self.head, buffers, self.scalars)
        if begun is not None:
            self.last = begun.outcome
        return begun


def _row(recording: Recording, number: int) -> tuple:
    """How the watched tensor of this number is reached."""
    return recording.watch.rows[recording.watch.tensors[number] - ROOTS]
