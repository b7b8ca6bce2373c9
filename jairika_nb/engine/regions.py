"""Which regions have a template, and what they become where it fits."""

from __future__ import annotations

from collections.abc import Callable

from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import float32
from jairika_nb.engine.program import Entry, Program

# With fewer scores than this the body is as good.
FEW_SCORES = 64 * 64


def _attention(entry: Entry, operands: list[Entry], device: Device) -> str | None:
    query, key, value = operands
    alike = query.shape[:-2] == key.shape[:-2] == value.shape[:-2]
    scores = query.shape[-2] * key.shape[-2]
    fits = alike and scores >= FEW_SCORES and query.shape[-1] and value.shape[-1] % 16 == 0
    floats = all(o.dtype is float32 for o in operands)
    return "attention_rows" if fits and floats and device.kind == "cpu" else None


# By name: the operation that takes the region's place, or None where its body is to be used.
Choice = Callable[[Entry, list[Entry], Device], str | None]
TEMPLATES: dict[str, Choice] = {"attention": _attention}


def chosen(program: Program, device: Device) -> tuple[dict[int, str], set[int]]:
    """The regions that become a template, and all entries that are still needed.

    A body of which other entries use a part, as the derivative of attention does, is computed
    anyway; a template beside it would only do the work twice.
    """
    entries = program.entries
    needed = set(program.wanted)
    replaced: dict[int, str] = {}
    for position in range(len(entries) - 1, -1, -1):
        entry = entries[position]
        if position not in needed:
            continue
        if entry.op != "region":
            needed.update(entry.inputs)
            continue
        body, *operands = entry.inputs
        choose = TEMPLATES.get(entry.attrs[0])
        name = choose(entry, [entries[i] for i in operands], device) if choose else None
        if name and not _inside(entries, body, operands) & needed:
            replaced[position] = name
            needed.update(operands)
        else:
            needed.add(body)
    return replaced, needed


def _inside(entries: list[Entry], body: int, operands: list[int]) -> set[int]:
    """The entries of a body between its operands and its result."""
    seen: set[int] = set()
    stack = [body]
    while stack:
        position = stack.pop()
        if position not in seen and position not in operands and entries[position].inputs:
            seen.add(position)
            stack += entries[position].inputs
    # What operands themselves are made of may be needed for them.
    return seen - _below(entries, operands)


def _below(entries: list[Entry], positions: list[int]) -> set[int]:
    seen: set[int] = set()
    stack = [*positions]
    while stack:
        position = stack.pop()
        if position not in seen:
            seen.add(position)
            stack += entries[position].inputs
    return seen
