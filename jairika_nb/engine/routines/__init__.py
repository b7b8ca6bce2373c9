"""Operations with a kernel of their own: from an entry and its stored inputs to a Source.

A routine's inputs are contiguous buffers. ``ROUTINES[op](entry, inputs, device)`` writes its
kernel; arguments name the entries by ``Argument("buffer", position)``, where ``entry.inputs`` are
the positions of the inputs and :data:`RESULT` stands for the result. ``Argument(BESIDE, (which,
bytes))`` is what the routine stores beside it: a companion, or scratch where nobody wants that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from jairika_nb.engine.device import Device
from jairika_nb.engine.graph import Shape
from jairika_nb.engine.program import Entry
from jairika_nb.engine.source import Argument, Source

# Stands for the result in the arguments of a routine.
RESULT = -1
BESIDE = "beside"
Routine = Callable[[Entry, list[Entry], Device], Source]
ROUTINES: dict[str, Routine] = {}

_HERE = Path(__file__).resolve().parent.parent.parent
FOLDERS = (_HERE / "kernels", _HERE.parent / "kernels")  # installed, checkout


@cache
def template(name: str) -> str:
    """The text of a file of ``kernels/`` after its heading."""
    text = next(f for d in FOLDERS if (f := d / name).is_file()).read_text()
    return re.sub(r"\A(//.*\n)+\s*", "", text)


def filled(text: str, values: Mapping[str, object]) -> str:
    """A template with its parameters written in, so that their defaults are no longer needed."""
    text = re.sub(r"#ifndef \w+\n#define .*\n#endif\n", "", text).lstrip("\n")
    for word, value in values.items():
        text = re.sub(rf"{word}\b" if word[0] == " " else rf"\b{word}\b", str(value), text)
    return text


def write(
    position: int,
    entries: list[Entry],
    shapes: list[Shape],
    device: Device,
    companions: dict[int, int] | None = None,
) -> Source:
    """The kernel of the routine at ``position``; ``shapes`` are those its inputs are seen with."""
    beside = companions or {}
    entry = entries[position]
    inputs = [entries[i]._replace(shape=s) for i, s in zip(entry.inputs, shapes, strict=True)]
    source = ROUTINES[entry.op](entry, inputs, device)
    arguments = [_placed(a, position, beside) for a in source.arguments]
    return replace(source, arguments=arguments, outputs=[position, *beside.values()])


def _placed(argument: Argument, position: int, beside: dict[int, int]) -> Argument:
    if argument.kind == BESIDE:
        which, size = argument.value
        known = which in beside
        return Argument("buffer", beside[which]) if known else Argument("scratch", size)
    own = argument.kind == "buffer" and argument.value == RESULT
    return replace(argument, value=position) if own else argument


# Each of these adds its rows to ROUTINES.
from jairika_nb.engine.routines import (  # noqa: E402
    attention,  # noqa: F401
    direct,  # noqa: F401
    recurrent,  # noqa: F401
    scan,  # noqa: F401
    scatter,  # noqa: F401
    sort,  # noqa: F401
    winograd,  # noqa: F401
)
