"""Steps: plans bound to kernels and memory of their own, so that running again is only launching.

Sizes and temporary memory are bound once. A run rebinds what differs from run to run: inputs,
results, scalars where they changed, and random streams.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import compress, count, islice
from operator import is_not
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from jairika_nb.engine import build, debug, execute, faults, memory, reference
from jairika_nb.engine import device as devices
from jairika_nb.engine.arena import Arena, Life
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import argument as argument_of
from jairika_nb.engine.dtypes import convert
from jairika_nb.engine.head_start import Begun
from jairika_nb.engine.ops.sources import random_reference
from jairika_nb.engine.picking import picker
from jairika_nb.engine.plan import Plan
from jairika_nb.engine.program import Entry, Program, number_of
from jairika_nb.engine.source import Source

Place = tuple[Any, int]  # a kernel and the position of one of its arguments
Stream = tuple[int, int, int]
NOTHING: Mapping[int, int] = MappingProxyType({})


@dataclass
class Run:
    """One step of a plan: a kernel to launch, or (without one) work for the host."""

    source: Source
    kernel: Any = None


class Over(NamedTuple):
    """Results that are written over leaves, as entries, and those of them that are no floats."""

    spent: Mapping[int, int]
    results: list[int]
    pick_leaves: Callable[[Any], tuple[Any, ...]]
    whole: list[int]


class Step:
    """A plan ready to run again and again on one device; may serve several compiled functions."""

    def __init__(self, device: Device, plan: Plan) -> None:
        import pyopencl as cl

        self.device = device
        self.enqueue = cl.enqueue_nd_range_kernel
        self.plan = plan
        execute.built(device, plan)
        self.runs = [
            Run(s, None if s.host else build.instance(device, s))
            for s in plan.sources
            if s.host or 0 not in s.global_size
        ]
        self.leaves = {
            e.attrs[0]: i for i, e in enumerate(plan.entries) if e.op == "leaf"
        }  # the entry of each leaf
        self.pick_leaves = picker([*self.leaves])
        self.over = self._over(NOTHING)
        self.lives = _lives(plan)
        self.places: dict[int, list[Place]] = {}
        self.scalar_places: list[tuple[Place, Any]] = []
        self.stream_places: list[tuple[Place, int, int]] = []
        self.scratch: list[Place] = []
        self.scalars: list[Any] | None = None
        self.arena: Arena | None = None
        self.pieces: dict[int, Any] = {}
        self.stretches = _stretches(self.runs)
        self.seconds = sum(run.source.most_seconds for run in self.runs if run.kernel)
        self.is_running = False
        self.is_stocked = False  # whether the pool has room for the results of two runs
        self._bind_fixed()
        memory.room(device).spare.add(self)

    def _bind_fixed(self) -> None:
        for run in self.runs:
            for i, argument in enumerate(run.source.arguments if run.kernel else ()):
                place = (run.kernel, i)
                if argument.kind == "buffer":
                    self.places.setdefault(argument.value, []).append(place)
                elif argument.kind == "scalar":
                    self.scalar_places.append((place, argument))
                elif argument.kind == "stream":
                    self.stream_places.append((place, *argument.value))
                elif argument.kind == "scratch":
                    self.scratch.append(place)
                else:
                    run.kernel.set_arg(i, execute.fixed(self.device, argument))
        temporary = {entry for entry, _ in self.lives[0]}
        made = {e for s in self.plan.sources for e in s.outputs} - temporary
        # The places that every run binds anew: leaves, results, and what the host computes.
        entries = self.plan.entries
        self.results = {
            e: entries[e].size * entries[e].dtype.itemsize
            for e in sorted(made)
            if not self._is_hosted(e)
        }  # and their bytes
        rebound = (*self.leaves.values(), *self.results)
        self.rebound = [e for e in rebound if e in self.places]
        self.pick_rebound = picker(self.rebound)
        # What gives the buffer that is bound to each of them.
        self.bound: list[Callable[[], Any]] = [_nothing] * len(self.rebound)

    def may_spend(self, number: int, slot: int) -> bool:
        """Whether a result, by number, may be written over a leaf."""
        return (self.plan.results[number], self.leaves[slot]) in self.plan.over

    def is_sure(self, leaves: Callable[[], list[Any]]) -> bool:
        """Whether a run neither waits nor finds an index out of range, as far as the host knows."""
        checks = self.plan.checks
        if not checks or len(self.stretches) > 1:
            return len(self.stretches) == 1
        known = leaves()
        return not faults.possible(checks, {e: known[slot] for slot, e in self.leaves.items()})

    def _is_hosted(self, entry: int) -> bool:
        return any(run.source.host is not None and entry in run.source.outputs for run in self.runs)

    def _bind_arena(self) -> dict[int, Any]:
        """Take the temporary memory and bind it; nothing where that is done already."""
        entries, scratch = self.lives
        arena = Arena(self.device, [life for _, life in (*entries, *scratch)])
        pieces = dict(zip((e for e, _ in entries), arena.pieces, strict=False))
        for entry, piece in pieces.items():
            for kernel, i in self.places.get(entry, ()):
                kernel.set_arg(i, piece.cl)
        for (kernel, i), piece in zip(self.scratch, arena.pieces[len(entries) :], strict=True):
            kernel.set_arg(i, piece.cl)
        self.arena, self.pieces = arena, pieces
        return pieces

    def release(self) -> None:
        """Give the temporary memory back; the next run takes it again."""
        if self.device.lock.acquire(blocking=False):
            try:
                if not self.is_running:
                    self.arena = None
                    self.pieces = {}
            finally:
                self.device.lock.release()

    def run(
        self,
        leaves: list[memory.Buffer],
        scalars: list[Any],
        streams: list[Stream],
        spent: Mapping[int, int] = NOTHING,
        begun: Begun | None = None,
    ) -> list[memory.Buffer]:
        """Launch everything; the buffers of the wanted values, in the program's order.

        ``spent`` are results to be written over leaves that nobody needs any more, by number.
        ``begun`` is what runs already.
        """
        devices.check_process(self.device)
        with self.device.lock:
            self.is_running = True
            buffers: dict[int, Any] = {}
            try:
                if begun is not None and not begun.is_right(self):
                    begun = None
                self.device.begun = None
                buffers.update(self._bind_arena() if self.arena is None else self.pieces)
                buffers.update(zip(self.leaves.values(), self.pick_leaves(leaves), strict=True))
                if begun is not None:
                    buffers.update(begun.results)
                self._take(buffers, spent)
                changed = self._bind(buffers, scalars, streams)
                many = begun.use(changed) if begun is not None else 0
                try:
                    self._launch(buffers, many)
                except BaseException:
                    faults.forget(self.device)
                    raise
                if self.plan.checks and faults.possible(self.plan.checks, buffers):
                    faults.confirm(self.device, [])
                return [buffers[entry] for entry in self.plan.results]
            finally:
                self.is_running = False
                # A traceback would keep the memory of what failed.
                buffers.clear()
                if begun is not None:
                    begun.results.clear()

    def _take(self, buffers: dict[int, Any], spent: Mapping[int, int]) -> None:
        """Buffers for the results."""
        if self.over.spent is not spent:
            self.over = self._over(spent)
        over = self.over
        buffers.update(zip(over.results, over.pick_leaves(buffers), strict=True))
        for entry in over.whole:
            buffers[entry].bounds = None
        for entry, nbytes in self.results.items():
            if entry not in buffers:
                buffers[entry] = memory.Buffer(self.device, nbytes)

    def _over(self, spent: Mapping[int, int]) -> Over:
        made = [self.plan.results[number] for number in spent]
        whole = [entry for entry in made if self.plan.entries[entry].dtype.kind != "float"]
        return Over(spent, made, picker([self.leaves[slot] for slot in spent.values()]), whole)

    def _bind(
        self, buffers: dict[int, Any], scalars: list[Any], streams: list[Stream]
    ) -> list[int]:
        """Bind what is not as it was in the run before; the places of other buffers."""
        now = self.pick_rebound(buffers)
        # Parameters, for one, are where they were in the run before. What is not looked at need
        # not come from memory: a step has pushed it out of the caches.
        before = [held() for held in self.bound]
        changed = [*compress(count(), map(is_not, before, now))]
        for number in changed:
            self.rebind(number, now[number])
        if self.scalars is not scalars:
            self.scalars = None
            for (kernel, i), argument in self.scalar_places:
                kernel.set_arg(i, argument_of(scalars[argument.value], argument.dtype))
            self.scalars = scalars
        for (kernel, i), slot, word in self.stream_places:
            kernel.set_arg(i, np.uint32(streams[slot][word]))
        return changed

    def rebind(self, number: int, buffer: memory.Buffer) -> None:
        """Bind a buffer at one of the places that may change from run to run."""
        self.bound[number] = _nothing  # until all are bound: Ctrl-C may come in between
        for kernel, i in self.places[self.rebound[number]]:
            kernel.set_arg(i, buffer.cl)
        self.bound[number] = weakref.ref(buffer)

    def _launch(self, buffers: dict[int, Any], many: int = 0) -> None:
        """Launch all kernels but the first ``many``."""
        import pyopencl as cl

        launch, queue = self.enqueue, self.device.queue
        is_watched = execute.recorders or debug.views
        self.device.pending += self.seconds
        for kernels, hosted in self.stretches:
            try:
                for kernel, global_size, local_size in islice(kernels, many, None):
                    event = launch(queue, kernel, global_size, local_size)
                    if is_watched:
                        execute.note(self.device, self._source(kernel), event)
            except cl.Error as error:
                raise execute.failure(self.device, self._source(kernel), error) from None
            if hosted is not None:
                self._on_host(hosted, buffers)

    def _source(self, kernel: Any) -> Source:
        return next(run.source for run in self.runs if run.kernel is kernel)

    def _on_host(self, source: Source, buffers: dict[int, Any]) -> None:
        (entry,) = source.outputs
        found = execute.on_host(self.device, source, self.plan.entries, buffers)
        buffers[entry] = found
        for kernel, i in self.places.get(entry, ()):
            kernel.set_arg(i, found.cl)


def _nothing() -> None:
    """Stands for the buffer of a place that has none yet."""


def _stretches(runs: list[Run]) -> list[tuple[list[tuple[Any, Any, Any]], Source | None]]:
    """Launches in a row, each row with the work of the host that follows it."""
    rows: list[tuple[list[tuple[Any, Any, Any]], Source | None]] = []
    launches: list[tuple[Any, Any, Any]] = []
    for run in runs:
        if run.kernel is not None:
            launches.append((run.kernel, run.source.global_size, run.source.local_size))
        else:
            rows.append((launches, run.source))
            launches = []
    return [*rows, (launches, None)]


Lives = list[tuple[int, Life]]


def _lives(plan: Plan) -> tuple[Lives, Lives]:
    """When each temporary value, and each kernel's scratch memory, is needed."""
    last = {entry: step for step, free in enumerate(plan.frees) for entry in free}
    values: Lives = []
    scratch: Lives = []
    for step, source in enumerate(plan.sources):
        if source.host is None:
            for entry in source.outputs:
                if entry in last:
                    row = plan.entries[entry]
                    nbytes = max(row.size * row.dtype.itemsize, 16)
                    values.append((entry, Life(nbytes, step, last[entry])))
        for argument in source.arguments:
            if argument.kind == "scratch":
                scratch.append((step, Life(max(argument.value, 16), step, step)))
    return values, scratch


class ReferenceStep:
    """The same for the NumPy reference: the program's operations, one after the other."""

    is_stocked = True

    def __init__(self, program: Program) -> None:
        self.entries, self.wanted = program.entries, program.wanted

    def run(
        self,
        leaves: list[Any],
        scalars: list[Any],
        streams: list[Stream],
        spent: Mapping[int, int] = NOTHING,
        begun: None = None,
    ) -> list[Any]:
        """The arrays of the wanted values, in the program's order."""
        values: list[Any] = []
        with np.errstate(all="ignore"):
            for entry in self.entries:
                values.append(self._value(entry, values, leaves, scalars, streams))
        return [np.ascontiguousarray(values[w]).reshape(self.entries[w].shape) for w in self.wanted]

    def _value(
        self, entry: Entry, values: list[Any], leaves: list, scalars: list, streams: list
    ) -> Any:
        if entry.op == "leaf":
            return leaves[entry.attrs[0]]
        if entry.op == "const":
            where, what = entry.attrs
            number = scalars[what] if where == "slot" else number_of(what)
            return convert(np.asarray(number), entry.dtype)
        if entry.op == "random":
            return random_reference(entry.shape, streams[entry.attrs[0]])
        if entry.op == "iota":
            return np.arange(entry.shape[0], dtype=np.int32)
        arrays = [values[i] for i in entry.inputs]
        return reference.compute(entry.op, entry.attrs, arrays, entry.dtype)


_steps: weakref.WeakValueDictionary[tuple, Step] = weakref.WeakValueDictionary()


def forget_steps(device: Device) -> None:
    """Let the next program of each structure on a device have a step of its own."""
    with device.lock:
        for key in [key for key in _steps if key[0] is device]:
            _steps.pop(key, None)


def step_of(device: Device, program: Program) -> Step | ReferenceStep:
    """The step that runs programs of this structure; one for all that are alike."""
    if device.is_reference:
        return ReferenceStep(program)
    key = execute.key_of(program, device)
    with device.lock:
        found = _steps.get(key)
        if found is None:
            found = Step(device, execute.planned(program, device))
            _steps[key] = found
        return found
