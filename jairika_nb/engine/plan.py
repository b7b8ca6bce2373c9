"""A plan: the launches that compute a program, in order, and what each one frees."""

from __future__ import annotations

from dataclasses import dataclass

from jairika_nb.engine import (
    bundle,
    gemv,
    inplace,
    product,
    product_gpu,
    routines,
    schedule_cpu,
    schedule_gpu,
)
from jairika_nb.engine.device import Device
from jairika_nb.engine.fused import Check, Kernel
from jairika_nb.engine.graph import TABLE
from jairika_nb.engine.inplace import Pair
from jairika_nb.engine.lower import Lowered
from jairika_nb.engine.planner import Planner
from jairika_nb.engine.program import Entry, Program
from jairika_nb.engine.source import Argument, Source, name_of

# From so many elements on, places are of 64 bits: loops step beyond the last element.
LONG = 2**31 - 2**16


@dataclass
class Plan:
    """Kernels in order, with what each step frees, and where the wanted values end up."""

    entries: list[Entry]
    sources: list[Source]
    results: list[int]  # for each wanted value, the entry whose buffer holds it
    frees: list[list[int]]  # after each kernel, the entries whose buffers nobody needs any more
    place: list[int]  # for each entry of the program, the entry here that computes it
    inside: list[list[int]]  # for each kernel, the entries it computes
    checks: list[Check]  # what indices kernels read, of which they report those out of range
    over: frozenset[Pair]  # results that may be written over a leaf

    @property
    def launches(self) -> int:
        """How many kernels the plan runs."""
        return len(self.sources)


def plan(program: Program, device: Device) -> Plan:
    """Fuse a program into kernels for a device."""
    lowered = Lowered(program, device)
    planner = Planner(lowered)
    kernels = planner.run()
    if any(entry.size >= LONG for entry in lowered.entries):
        for kernel in kernels:
            kernel.is_long = True
    single = [_write(k, lowered, device) for k in kernels]
    groups = bundle.group(single, [_is_small(k) for k in kernels])
    sources = [bundle.merge(single, g) for g in groups]
    inside = [[p for m in g.members for p in _computed(kernels[m])] for g in groups]
    frees = _frees(sources, lowered.entries, set(planner.results))
    checks = list(dict.fromkeys(c for k in kernels for c in _checks(k, lowered.entries)))
    over = inplace.pairs(lowered, kernels, groups, planner.results)
    return Plan(
        lowered.entries, sources, planner.results, frees, lowered.place, inside, checks, over
    )


def _checks(kernel: Kernel, entries: list[Entry]) -> list[Check]:
    if kernel.routine is None or "scatter" not in entries[kernel.routine].op:
        return kernel.all_checks
    entry = entries[kernel.routine]
    index = entry.inputs[-2]
    plain = entry.op == "scatter_rows" and entries[index].op == "leaf"
    return [(index, entry.attrs[2][1]) if plain else (None, 0)]


def _is_small(kernel: Kernel) -> bool:
    """Whether one work-item may do it alone."""
    return not kernel.is_fixed and kernel.rows * max(kernel.row_size, 1) <= bundle.TAIL


def _frees(sources: list[Source], entries: list[Entry], keep: set[int]) -> list[list[int]]:
    """After each launch, the entries whose buffers nobody needs any more."""
    frees: list[list[int]] = [[] for _ in sources]
    last: dict[int, int] = {}
    for step, source in enumerate(sources):
        buffers = (a.value for a in source.arguments if a.kind == "buffer")
        last |= dict.fromkeys([*buffers, *source.outputs], step)
    for entry, step in last.items():
        if entry not in keep and entries[entry].op != "leaf":
            frees[step].append(entry)
    return frees


def _computed(kernel: Kernel) -> list[int]:
    product = [] if kernel.product is None else [kernel.product]
    return [*kernel.computes, *(o.entry for o in kernel.outputs), *product]


def _write(kernel: Kernel, lowered: Lowered, device: Device) -> Source:
    entries = lowered.entries
    if kernel.product is not None:
        if device.kind == "gpu":
            return product_gpu.write(kernel, entries)
        (_, columns), units = entries[kernel.product].attrs[2], device.compute_units
        return (product if columns else gemv).write(kernel, entries, units)
    if kernel.routine is not None:
        return _write_fixed(kernel.routine, lowered, device)
    name = name_of(kernel, entries)
    if device.kind == "gpu":
        return schedule_gpu.write(kernel, entries, name, device)
    return schedule_cpu.write(kernel, entries, device, name)


def _write_fixed(position: int, lowered: Lowered, device: Device) -> Source:
    entry, shapes = lowered.entries[position], lowered.shapes[position]
    entries = [*lowered.entries]
    entries[position] = entry._replace(attrs=entry.attrs[:-1])
    if TABLE[entry.op].kind == "routine":
        return routines.write(position, entries, shapes, device, lowered.companions.get(position))
    moved = sum(entries[i].size * entries[i].dtype.itemsize for i in (*entry.inputs, position))
    arguments = [Argument("buffer", i) for i in entry.inputs]
    return Source(
        f"host_{entry.op}", "", frozenset(), arguments, (), None, [position], moved, 0,
        host=entries[position], shapes=tuple(shapes),
    )  # fmt: skip
