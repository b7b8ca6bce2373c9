"""One recorded run of a function: what it computed, from what, and what it left behind."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import repeat
from typing import Any

from jairika_nb.engine import replay, run
from jairika_nb.engine.boundary import Origin, ancestors
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, leaf
from jairika_nb.engine.head_start import Begun
from jairika_nb.engine.interrupts import uninterrupted
from jairika_nb.engine.picking import picker
from jairika_nb.engine.program import capture
from jairika_nb.engine.tracing import HostData, PerCall, Trace
from jairika_nb.errors import ReplayError
from jairika_nb.tensors import random
from jairika_nb.tensors.effects import Effects
from jairika_nb.tensors.guards import Places
from jairika_nb.tensors.spending import NODE, VALUE, Update, Updates
from jairika_nb.tensors.staying import lasting, same_kind
from jairika_nb.tensors.tensor import Tensor

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


@dataclass
class Recording:
    """A run that can be replayed wherever its watch holds."""

    watch: Places
    effects: Effects
    pattern: list[int]
    parts: list[Part] = field(default_factory=list)
    data: list[Any] = field(default_factory=list)  # arrays made inside, by device and content
    numbers: list[Numbers] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)  # the places of the numbers' owners
    kinds: list[tuple] = field(default_factory=list)  # shape, dtype, device of each node
    sites: list[Any] = field(default_factory=list)  # the line of the program that made each node
    detached: list[bool] = field(default_factory=list)
    ancestors: list[list[int]] = field(default_factory=list)  # of each node, among the nodes
    draws: int = 0
    kept: dict[int, Any] = field(default_factory=dict)  # buffers of data, once verified
    is_verified: bool = False
    head_start: Any = None  # once verified, see HeadStart
    device: Device | None = None  # the default one, where the function makes its own tensors

    def form(self) -> tuple:
        """Equal for two runs that did the same; what a second run is held against."""
        parts = [part.form() for part in self.parts]
        shown = [(a.dtype.str, a.shape, a.tobytes()) for a in self.data]
        return parts, self.effects.form(), shown, self.owners, self.kinds, self.draws

    def matches(self, values: list[Any]) -> tuple[list[Node], list[Any]] | None:
        """The nodes of the watched tensors and what they hold; None where owners differ, or which
        of them are one.
        """
        for owner, numbers in zip(self.owners, self.numbers, strict=True):
            if values[owner] is not numbers.owner or not numbers.holds():
                return None
        nodes = [*map(NODE, self.watch.pick(values))]
        inputs = [*map(VALUE, nodes)]
        if type(None) in map(type, inputs):
            run.evaluate(nodes)
            inputs = [*map(VALUE, nodes)]
        return (nodes, inputs) if self._has_pattern(nodes, inputs) else None

    def _has_pattern(self, nodes: list[Node], inputs: list[Any]) -> bool:
        if self.is_distinct:
            # A node has one value: where no value comes twice, no node does.
            return len({*map(id, inputs)}) == len(nodes)
        return pattern(nodes) == self.pattern

    @cached_property
    def is_distinct(self) -> bool:
        """Whether all watched tensors are of their own, which is quickly seen."""
        many = len(self.pattern) // 2
        return self.pattern == [*range(many), *range(0, -many, -1)]

    def replay(
        self,
        values: list[Any],
        nodes: list[Node],
        inputs: list[Any],
        begun: Begun | None = None,
    ) -> Any:
        """Run again with what matches: compute, assign, return. ``begun`` is what runs already."""
        spent = [part.spent(values, inputs) for part in self.parts]
        if self.replaced and any(taken for taken, _ in spent):
            with uninterrupted():
                return self._replay(values, nodes, inputs, spent, begun)
        return self._replay(values, nodes, inputs, spent, begun)

    def _replay(
        self,
        values: list[Any],
        nodes: list[Node],
        inputs: list[Any],
        spent: list[Spent],
        begun: Begun | None,
    ) -> Any:
        owners = {id(n.owner): n.owner for n in self.numbers}.values()
        before = [_unwatched(owner) for owner in owners]
        try:
            numbers = [n.advance() for n in self.numbers]
            start = random.reserve(self.draws) if self.draws else (0, 0)
            new = self.compute(inputs, numbers, start, [taken for taken, _ in spent], begun)
        except BaseException:
            # The call did nothing: what it moved on goes back.
            for owner, state in zip(owners, before, strict=True):
                vars(owner).update(state)
            raise
        stay = self._staying(values, spent)
        if len(stay) == len(self.effects.handles) and self.is_detached:
            for h, n in enumerate(self.effects.handles):
                stay[h].node.site = self.sites[n]
            return self.effects.apply(values, stay, self.lasting)
        return self._handed_out(values, nodes, new, stay)

    def _handed_out(
        self, values: list[Any], nodes: list[Node], new: list[Any], stay: dict[int, Tensor]
    ) -> Any:
        """Put new values into tensors, new ones but for those that stay, and these in place."""
        handles = self.effects.handles
        kept = {handles[h]: tensor.node for h, tensor in stay.items()}
        made = [kept.get(n) or leaf(value, *self.kinds[n]) for n, value in enumerate(new)]
        for node, site in zip(made, self.sites, strict=True):
            node.site = site
        if not self.is_detached:
            old = set(map(id, kept.values()))
            self._end_derivatives(made, Origin([node for node in nodes if id(node) not in old]))
        tensors = {
            h: stay[h] if h in stay else Tensor(made[n] if n >= 0 else nodes[-1 - n])
            for h, n in enumerate(handles)
        }
        return self.effects.apply(
            values, tensors, self.lasting if len(stay) == self.replaced else None
        )

    @cached_property
    def replaced(self) -> int:
        """How many tensors may stay in place."""
        return sum(len(part.updates.rows) for part in self.parts)

    def _staying(self, values: list[Any], spent: list[Spent]) -> dict[int, Tensor]:
        """The tensors that stay in place, by their handles."""
        if not self.replaced:
            return {}
        return {
            handle: values[place]
            for rows, (_, stay) in zip(self.may_stay, spent, strict=True)
            for number, handle, place in rows
            if number in stay
        }

    @cached_property
    def may_stay(self) -> list[list[tuple[int, int, int]]]:
        """Of each part the results that may be the tensors that stood at places, their handles and
        these places.
        """
        return [
            [
                (number, old.handle, old.place)
                for old, number, _ in part.updates.rows
                for n in (part.nodes[number],)
                if self.detached[n] and same_kind(self.watch, old.place, self.kinds[n])
            ]
            for part in self.parts
        ]

    @cached_property
    def is_detached(self) -> bool:
        """Whether no derivative could pass any of the results."""
        return all(self.detached)

    @cached_property
    def lasting(self) -> list[tuple]:
        """The assignments that are needed where all of those stay."""
        replaced = [old for part in self.parts for old, _, _ in part.updates.rows]
        return lasting(self.effects, self.watch, replaced)

    def _end_derivatives(self, made: list[Node], origin: Origin) -> None:
        for n, node in enumerate(made):
            if not self.detached[n]:
                others = [made[m] for m in self.ancestors[n]]
                node.op, node.attrs = "replayed", (origin.beside(others) if others else origin,)

    def compute(
        self,
        inputs: list[Any],
        numbers: Sequence[Sequence[float]],
        start: tuple[int, int],
        spent: Sequence[Mapping[int, int]] = (),
        begun: Begun | None = None,
    ) -> list[Any]:
        """The values of the nodes, from those of the watched tensors and the numbers.

        ``spent`` are the leaves of each part that results may be written over, ``begun`` what runs
        already.
        """
        results: list[Any] = [None] * len(self.kinds)
        for part, free in zip(self.parts, spent or repeat(replay.NOTHING), strict=False):
            leaves = part.leaf_values(inputs, partial(self._leaf, part, numbers))
            streams = [random.stream(start, k) for k in part.streams]
            found = part.step.run(leaves, part.scalars, streams, free, begun)
            for n, value in zip(part.nodes, found, strict=True):
                results[n] = value
        return results

    def reserve(self) -> None:
        """Fill the pools with what the next run needs beside the results of this one."""
        if all(part.step.is_stocked for part in self.parts):
            return
        for part in self.parts:
            part.step.is_stocked = True
        kinds = [*self.kinds, *((n.shape, n.dtype, n.device) for n in self.numbers)]
        spare = [run.room_for(shape, dtype, device) for shape, dtype, device in kinds]
        del spare

    def _leaf(self, part: Part, numbers: Sequence[Sequence[float]], kind: int, i: int) -> Any:
        if kind == NUMBERS:
            return run.place_floats(numbers[i], self.numbers[i].dtype, part.device)
        if i in self.kept:
            return self.kept[i]
        value = run.place(self.data[i], part.device)
        if self.is_verified:
            self.kept[i] = value
        return value


def _unwatched(owner: Any) -> dict[str, Any]:
    """The state that an owner of numbers moves on by itself."""
    return {name: vars(owner)[name] for name in type(owner).unwatched}


def pattern(nodes: list[Node]) -> list[int]:
    """Which of the nodes are one node, and which have one value: equal lists, equal graphs."""
    seen: dict[int, int] = {}
    found = [seen.setdefault(id(node), i) for i, node in enumerate(nodes)]
    return found + [seen.setdefault(id(node.value), -i) for i, node in enumerate(nodes)]


def record(watch: Places, inputs: list[Node], trace: Trace, effects: Effects) -> Recording:
    """What a trace did, ready to run."""
    found = Recording(watch, effects, pattern(inputs))
    found.draws = len(trace.draws)
    found.numbers = [
        Numbers(n.owner, n.advance, n.holds, n.node.shape, n.node.dtype, n.node.device)
        for n in trace.numbers
    ]
    found.owners = [_owner(watch, numbers) for numbers in trace.numbers]
    found.kinds = [(node.shape, node.dtype, node.device) for node in effects.nodes]
    found.ancestors = ancestors(effects.nodes, trace.inputs)
    # Nodes without a site get an empty one: looking for it again at each replay takes long.
    found.sites = [node.site or () for node in effects.nodes]
    found.detached = [
        node.op == "detach" or node.dtype.kind != "float" or not node.inputs
        for node in effects.nodes
    ]
    sources = _sources(inputs, trace, found)
    by_device: dict[Device, list[int]] = {}
    for n, node in enumerate(effects.nodes):
        by_device.setdefault(node.device, []).append(n)
    for device, numbers in by_device.items():
        found.parts.append(_part(found, device, numbers, sources, trace))
    return found


def _owner(watch: Places, numbers: PerCall) -> int:
    for i, value in enumerate(watch.values):
        if value is numbers.owner:
            return i
    raise ReplayError(
        f"{watch.names[2]} uses a {type(numbers.owner).__name__} that it makes itself or finds in "
        "a way that cannot be watched: pass it as an argument or name it as a variable"
    )


def _sources(inputs: list[Node], trace: Trace, found: Recording) -> dict[int, tuple[int, int]]:
    """Where each leaf's value comes from, by its id."""
    sources: dict[int, tuple[int, int]] = {}
    per_call = {id(n.node): i for i, n in enumerate(trace.numbers)}
    for node in trace.data:
        if id(node) in per_call:
            sources[id(node.value)] = NUMBERS, per_call[id(node)]
        else:
            sources[id(node.value)] = DATA, len(found.data)
            found.data.append(node.value.array)
    for i, node in enumerate(inputs):
        sources.setdefault(id(node.value), (INPUT, i))
    return sources


def _part(
    found: Recording,
    device: Device,
    numbers: list[int],
    sources: dict[int, tuple[int, int]],
    trace: Trace,
) -> Part:
    program = capture([found.effects.nodes[n] for n in numbers])
    leaves = []
    for value in program.leaves:
        if id(value) not in sources:
            raise ReplayError(
                f"{found.watch.names[2]} reads a tensor that it finds in a way that cannot be "
                "watched: pass it as an argument or name it as a variable"
            )
        leaves.append(sources[id(value)])
    drawn = {node.attrs: k for k, node in enumerate(trace.draws)}
    streams = [drawn.get(attrs, attrs) for attrs in program.streams]
    step = replay.step_of(device, program)
    rows = []
    if isinstance(step, replay.Step):
        rows = _updates(found, step, numbers, leaves)
    updates = Updates(rows)
    return Part(device, program.key, step, leaves, program.scalars, streams, numbers, updates)


def _updates(
    found: Recording, step: replay.Step, numbers: list[int], leaves: list[tuple[int, int]]
) -> list[Update]:
    """The tensors that nodes of ``numbers`` may be written over."""
    effects = found.effects
    taken: dict[int, Update] = {}
    places = {at: (INPUT, i) for i, at in enumerate(found.watch.tensors)}
    # Old values that are also part of the results stay as they are.
    kept = {(INPUT, -1 - n) for n in effects.handles if n < 0}
    for old in effects.replaced:
        node, source = effects.handles[old.handle], places.get(old.place)
        if node in numbers and source in leaves and source not in kept:
            number, slot = numbers.index(node), leaves.index(source)
            if step.may_spend(number, slot):
                taken.setdefault(number, (old, number, slot))
    slots = [slot for _, _, slot in taken.values()]
    return [row for row in taken.values() if slots.count(row[2]) == 1]


def finish(recording: Recording, inputs: list[Node], values: list[Any]) -> None:
    """Give the nodes of a trace the values that were computed, and cut what is behind them."""
    nodes = recording.effects.nodes
    for node, value in zip(nodes, values, strict=True):
        node.value, node.op, node.attrs, node.inputs, node.age = value, "leaf", (), (), 0
    recording._end_derivatives(nodes, Origin(inputs))
    recording.effects.nodes = []


def settle(trace: Trace) -> None:
    """Move the arrays of a trace that something still refers to where they belong."""
    refs = [weakref.ref(node) for node in trace.data]
    trace.data, trace.numbers, trace.draws = [], [], []
    for node in (ref() for ref in refs):
        if node is not None and isinstance(node.value, HostData):
            node.value = run.place(node.value.array, node.device)
