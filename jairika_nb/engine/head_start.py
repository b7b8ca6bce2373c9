"""A head start: the first kernels of a step run while the host still looks whether it is right.

They read what they read in the run before, or what is handed in, and write only to memory that
nobody else sees: where the step turns out to be another one, what they did is never looked at. So
nothing may begin that writes over its inputs, that needs numbers made for this run, or that could
find an index out of range.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from jairika_nb.engine import debug, execute, memory
from jairika_nb.engine import device as devices
from jairika_nb.engine.faults import possible
from jairika_nb.errors import JairikaError

if TYPE_CHECKING:
    from jairika_nb.engine.replay import Step


class Head(NamedTuple):
    """The kernels that may begin: how many, and which of the step's places they use.

    ``known`` are the places of leaves that must be those of the run before, ``given`` of those
    that are handed in, ``made`` of results; as numbers in ``Step.rebound``.
    """

    many: int
    known: list[int]
    given: list[int]
    made: list[int]


class Outcome:
    """Whether the run that followed a head start was the one that was expected."""

    __slots__ = ("is_used",)

    def __init__(self) -> None:
        self.is_used = False


class Begun(NamedTuple):
    """What was launched, and the buffers of results that it writes to."""

    head: Head
    arena: Any
    results: dict[int, memory.Buffer]
    outcome: Outcome

    def is_right(self, step: Step) -> bool:
        """Whether nothing else ran since then that may have its temporary memory."""
        return step.device.begun is self.outcome and step.arena is self.arena

    def use(self, changed: list[int]) -> int:
        """How many kernels need not be launched, where places have other buffers now."""
        many, known, given, made = self.head
        self.outcome.is_used = {*changed}.isdisjoint((*known, *given, *made))
        return many if self.outcome.is_used else 0


def head_of(step: Step, given: Collection[int], fresh: Collection[int]) -> Head | None:
    """The kernels of a step that may begin; None where there are none.

    ``given`` are the entries of leaves that are handed in, ``fresh`` of those made for each run.
    """
    if len(step.stretches) != 1 or not {leaf for leaf, _ in step.plan.checks} <= set(given):
        return None
    number = {entry: i for i, entry in enumerate(step.rebound)}
    over = {result for result, _ in step.plan.over}
    used: set[int] = set()
    many = 0
    for run in step.runs:
        arguments = run.source.arguments
        entries = {a.value for a in arguments if a.kind == "buffer"}
        if not (entries | set(run.source.outputs)).isdisjoint(over | set(fresh)):
            break
        if any(argument.kind == "stream" for argument in arguments):
            break
        used |= entries & number.keys()
        many += 1
    leaves = used & set(step.leaves.values())
    kinds = (leaves - set(given), leaves & set(given), used - leaves)
    return Head(many, *[sorted(number[e] for e in each) for each in kinds]) if many else None


def begin(
    step: Step, head: Head, buffers: dict[int, memory.Buffer], scalars: list[Any]
) -> Begun | None:
    """Launch the kernels of ``head``; None where something is not as it was in the run before.

    ``buffers`` are those of the entries that are handed in.
    """
    device = step.device
    devices.check_process(device)
    with device.lock:
        if step.arena is None or step.scalars is not scalars or execute.recorders or debug.views:
            return None
        if None in [step.bound[i]() for i in head.known] or possible(step.plan.checks, buffers):
            return None
        device.begun = None  # what began before may lose its temporary memory, whatever comes
        step.is_running = True  # making room for results must not take its temporary memory
        try:
            results = {
                step.rebound[i]: memory.Buffer(device, step.results[step.rebound[i]])
                for i in head.made
            }
            for i in (*head.given, *head.made):
                entry = step.rebound[i]
                buffer = results[entry] if entry in results else buffers[entry]
                if step.bound[i]() is not buffer:
                    step.rebind(i, buffer)
            for kernel, global_size, local_size in islice(step.stretches[0][0], head.many):
                step.enqueue(device.queue, kernel, global_size, local_size)
        except Exception as error:
            import pyopencl as cl

            if isinstance(error, JairikaError | cl.Error):
                return None  # the run itself meets the same, and tells
            raise
        finally:
            step.is_running = False
        device.begun = outcome = Outcome()
        return Begun(head, step.arena, results, outcome)
