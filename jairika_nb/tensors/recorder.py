"""Makes a recording of what a trace did, and leaves its tensors as if they had been computed."""

from __future__ import annotations

import weakref
from typing import Any

from jairika_nb.engine import replay, run
from jairika_nb.engine.boundary import Origin, ancestors
from jairika_nb.engine.device import Device
from jairika_nb.engine.graph import Node
from jairika_nb.engine.program import capture
from jairika_nb.engine.tracing import HostData, PerCall, Trace
from jairika_nb.errors import ReplayError
from jairika_nb.tensors.effects import Effects
from jairika_nb.tensors.guards import Places
from jairika_nb.tensors.parts import DATA, INPUT, NUMBERS, Numbers, Part
from jairika_nb.tensors.recording import Recording, pattern
from jairika_nb.tensors.spending import Update, Updates


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
    recording.end_derivatives(nodes, Origin(inputs))
    recording.effects.nodes = []


def settle(trace: Trace) -> None:
    """Move the arrays of a trace that something still refers to where they belong."""
    refs = [weakref.ref(node) for node in trace.data]
    trace.data, trace.numbers, trace.draws = [], [], []
    for node in (ref() for ref in refs):
        if node is not None and isinstance(node.value, HostData):
            node.value = run.place(node.value.array, node.device)
