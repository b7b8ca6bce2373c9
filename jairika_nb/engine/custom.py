"""Kernels that users write: rows of the table of operations, added while the program runs.

An element function (``float f(float x)``) becomes an elementwise row, so it fuses with whatever
stands around it. A whole kernel (``kernel void f(global const float *x, ...)``) becomes a routine.
Each definition gets a name of its own: graphs that hold an older one keep it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jairika_nb.engine import csource, dtypes
from jairika_nb.engine.csource import CFunction, CParameter
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import TABLE, Node, Op, Shape, Vjp, define, make
from jairika_nb.engine.ops import elementwise, views
from jairika_nb.engine.program import Entry, number_of
from jairika_nb.engine.routines import RESULT, ROUTINES
from jairika_nb.engine.source import Argument, Source
from jairika_nb.engine.spelling import FUNCTIONS, PREAMBLES, WIDTH
from jairika_nb.errors import KernelError

# Weighs against an addition when the planner asks what is worth storing.
COST = 16
# What a type of C stands for; of two dtypes with one stored type the number comes first.
OF_C = {d.opencl: d for d in (dtypes.bool_, *dtypes.ALL) if d.kind != "complex"} | {
    "uchar": dtypes.uint8, "ushort": dtypes.uint16,
}  # fmt: skip
Reference = Callable[..., Any] | None
_SIZE = re.compile(r"(?P<tensor>\w+)_(?:size|shape(?P<axis>\d+))")


_names: dict[tuple[str, str, str], str] = {}


def name_for(name: str, text: str, dtype: DType) -> str:
    """The operation's name: the same for the same text, with a number where it is taken."""
    key = name, text, dtype.name
    if key not in _names:
        taken = {*TABLE, *FUNCTIONS}
        number = 2
        free = name
        while free in taken:
            free, number = f"{name}_{number}", number + 1
        _names[key] = free
    return _names[key]


# Element functions


def define_map(function: CFunction, text: str, vjp: Vjp, reference: Reference, vector: bool) -> str:
    """A row for an element function of ``text``; returns the operation's name.

    ``vector`` says that the text also compiles with every float replaced by a vector of them.
    """
    result = OF_C[function.result]
    name = name_for(function.name, text, result)
    first = function.parameters[0].type
    scalar, wide = f"{name}_{first}", f"{name}_{first}{WIDTH}"
    FUNCTIONS[name] = name
    # The derivatives beside it are operations of their own.
    own = [f.name for f in csource.functions(text) if f.name.startswith(f"{function.name}_d")]
    text = csource.without(text, own)
    PREAMBLES[scalar] = _guarded(_named(text, function, name, f"_{first}"), scalar)
    if vector:
        widened = re.sub(r"\bfloat\b", f"float{WIDTH}", text)
        PREAMBLES[wide] = _guarded(_named(widened, function, name, f"_{first}{WIDTH}"), wide)
    else:
        PREAMBLES[wide] = PREAMBLES[scalar] + _lanes(function, scalar, wide)
    define(
        Op(
            name, "elementwise", lambda *given: (given[0].shape, result),
            _referring(reference), vjp, cost=COST,
        )
    )  # fmt: skip
    return name


def _named(text: str, function: CFunction, name: str, suffix: str) -> str:
    """The text with its functions under names that nothing else has."""
    own = {n: f"{name}_{n}{suffix}" for n in csource.names(text)}
    text = csource.renamed(text, own | {function.name: name + suffix})
    # Without it C99 wants one more definition elsewhere.
    return re.sub(rf"^(?=[\w ]+\b{name}{suffix}\s*\()", "inline ", text, flags=re.MULTILINE)


def _guarded(text: str, name: str) -> str:
    undone = "".join(f"#undef {m}\n" for m in csource.macros(text))
    return f"#ifndef HAVE_{name}\n#define HAVE_{name}\n{text.strip()}\n{undone}#endif\n"


def _lanes(function: CFunction, scalar: str, wide: str) -> str:
    """A vector form that calls the scalar one for each lane."""
    rows = function.parameters
    head = ", ".join(f"{p.type}{WIDTH} {p.name}" for p in rows)
    kept = "".join(
        f"  {p.type} {p.name}_lane[{WIDTH}];\n  vstore{WIDTH}({p.name}, 0, {p.name}_lane);\n"
        for p in rows
    )
    passed = ", ".join(f"{p.name}_lane[lane_number]" for p in rows)
    out = f"{function.result} result_lane[{WIDTH}]"
    return (
        f"inline {function.result}{WIDTH} {wide}({head}) {{\n{kept}  {out};\n"
        f"  for (int lane_number = 0; lane_number < {WIDTH}; lane_number++)\n"
        f"    result_lane[lane_number] = {scalar}({passed});\n"
        f"  return vload{WIDTH}(0, result_lane);\n}}\n"
    )


def apply_map(name: str, operands: list[Node], numbers: tuple[bool, ...]) -> Node:
    """The element function on broadcast operands; ``numbers`` tells which were Python numbers."""
    shape = elementwise.broadcast_shape(name, *(n.shape for n in operands))
    return make(name, [views.broadcast_to(n, shape) for n in operands], (numbers,))


def _referring(reference: Reference) -> Callable[..., Any]:
    def compute(attrs: tuple, *arrays: np.ndarray) -> Any:
        numbers = attrs[0]
        rows = zip(arrays, numbers, strict=True)
        return reference(*[a.reshape(-1)[0].item() if n and a.size else a for a, n in rows])  # type: ignore[misc]

    return compute


# Whole kernels


@dataclass(frozen=True)
class Form:
    """A kernel's parameters by what they are for."""

    output: CParameter
    inputs: tuple[CParameter, ...]
    numbers: tuple[CParameter, ...]
    sizes: tuple[CParameter, ...]
    order: tuple[str, ...]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of what a caller passes, in the kernel's order."""
        given = {p.name for p in (*self.inputs, *self.numbers)}
        return tuple(n for n in self.order if n in given)


def form_of(function: CFunction) -> Form:
    """What a kernel's parameters are for; raises KernelError where one is not understood."""
    rows = function.parameters
    pointers = [p for p in rows if p.pointer]
    outputs = [p for p in pointers if not p.const]
    for p in rows:
        known = csource.STORED if p.pointer else csource.ELEMENTS
        if p.type not in known or (p.pointer and p.space != "global"):
            raise KernelError(
                f"kernel {function.name}: line {function.line}: the parameter {p.name!r} is a "
                f"{p.space} {p.type}{' *' * p.pointer}; tensors are global pointers to "
                f"{', '.join(csource.STORED)}, numbers are {', '.join(csource.ELEMENTS)}"
            )
    if len(outputs) != 1:
        raise KernelError(
            f"kernel {function.name}: line {function.line}: {len(outputs)} results (pointers "
            "without const), but a kernel has one; mark inputs as `global const`, and write a "
            "kernel for each result"
        )
    names = {p.name for p in pointers}
    sizes = tuple(p for p in rows if not p.pointer and _is_size(p.name, names))
    numbers = tuple(p for p in rows if not p.pointer and p not in sizes)
    inputs = tuple(p for p in pointers if p.const)
    return Form(outputs[0], inputs, numbers, sizes, tuple(p.name for p in rows))


def _is_size(name: str, tensors: set[str]) -> bool:
    found = _SIZE.fullmatch(name)
    return found is not None and found["tensor"] in tensors


def define_kernel(
    function: CFunction, text: str, form: Form, dtype: DType, vjp: Vjp, reference: Reference
) -> str:
    """A row and a routine for a whole kernel; returns the operation's name."""
    name = name_for(function.name, text, dtype)
    own = {n: f"{name}_{n}" for n in csource.names(text)}
    body = csource.renamed(text, own | {function.name: name})
    # What follows expects the head in one form.
    body = re.sub(rf"\bvoid\s+{name}\s*\(", f"void {name}(", body).strip() + "\n"

    def write(entry: Entry, inputs: list[Entry], device: Device) -> Source:
        given = dict(zip(form.arguments, zip(entry.inputs, inputs, strict=True), strict=True))
        shapes = {n: e.shape for n, (_, e) in given.items()} | {form.output.name: entry.shape}
        arguments = [_argument(p, given, shapes, form.output.name) for p in function.parameters]
        stored = [e for p in form.inputs for e in (given[p.name][1],)]
        moved = sum(e.size * e.dtype.itemsize for e in (*stored, entry))
        _, grid, group = entry.attrs
        # Its text is the user's: it may ask for the number of work-items, or have local memory.
        return Source(name, body, frozenset(), arguments, grid, group, [], moved, 0, alone=True)

    FUNCTIONS[name] = name
    ROUTINES[name] = write
    numbers = {p.name for p in form.numbers}
    mask = tuple(n in numbers for n in form.arguments)

    def compute(attrs: tuple, *arrays: np.ndarray) -> Any:
        rows = zip(arrays, mask, strict=True)
        return reference(*[a.item() if n else a for a, n in rows])  # type: ignore[misc]

    define(Op(name, "routine", lambda *given: (given[-1][0], dtype), compute, vjp))
    return name


def _argument(
    p: CParameter, given: dict[str, tuple[int, Entry]], shapes: dict[str, Shape], output: str
) -> Argument:
    if p.name == output:
        return Argument("buffer", RESULT)
    if p.name not in given:
        return Argument("number", _size(p.name, shapes), OF_C[p.type])
    position, entry = given[p.name]
    if p.pointer:
        return Argument("buffer", position)
    where, value = entry.attrs
    if where == "slot":
        return Argument("scalar", value, OF_C[p.type])
    return Argument("number", number_of(value), OF_C[p.type])


def _size(name: str, shapes: dict[str, Shape]) -> int:
    found = _SIZE.fullmatch(name)
    assert found is not None
    shape = shapes[found["tensor"]]
    if found["axis"] is None:
        count = 1
        for n in shape:
            count *= n
        return count
    axis = int(found["axis"])
    if axis >= len(shape):
        raise KernelError(
            f"{name}: {found['tensor']} of shape {shape} has no axis {axis}; axes count from 0"
        )
    return shape[axis]
