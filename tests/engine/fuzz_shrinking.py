"""Makes a failing program small: fewer outputs and steps, inputs in the place of results."""

from __future__ import annotations

from dataclasses import replace

from fuzz_programs import Input, Step, apply

import jairika_nb as jrk
from jairika_nb.engine import device as devices


def shrunk(program, fails):
    """A smaller program that fails too: fewer outputs and steps, inputs in the place of results."""
    found = True
    while found:
        found = next((p for p in smaller(program) if fails(p)), None)
        program = found or program
    return program


def smaller(program):
    """Programs with one thing less."""
    for order in range(program.order):
        yield replace(program, order=order)
    if len(program.outputs) > 1:
        for i in program.outputs:
            yield replace(program, outputs=(i,))
            yield replace(program, outputs=tuple(o for o in program.outputs if o != i))
    if program.sources and not program.order:
        yield replace(program, sources=())
    if len(program.sources) > 1:
        for i in program.sources:
            yield replace(program, sources=(i,))
    with devices.using("reference"):
        tensors = _all_values(program)
    steps = [i for i in program.live() if isinstance(program.values[i], Step)]
    for i in steps:
        if "float" not in tensors[i].dtype.name or tensors[i].size < 10**5:
            fresh = Input(tensors[i].shape, tensors[i].dtype.name, i)
            yield _with(program, i, fresh)
    for i in reversed(steps):
        if i in program.outputs:
            for j in program.values[i].args:
                outputs = {*program.outputs} - {i} | {j}
                yield replace(program, outputs=tuple(sorted(outputs)))


def _with(program, i, row):
    return replace(program, values=(*program.values[:i], row, *program.values[i + 1 :]))


def _all_values(program):
    jrk.random.seed(11)
    values = {}
    for i in program.live():
        row = program.values[i]
        values[i] = row.tensor(False) if isinstance(row, Input) else apply(row, values)
    return values
