"""Random programs over all operations, and how they run and print.

A program prints as the Python that a user would run.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import fuzz_operations as ops
import numpy as np

import jairika_nb as jrk

# Computed in float64 to know how far a result may be off.
WIDENED = ("float16", "bfloat16", "float32")


def data(shape, dtype, seed):
    """Quarters for floats, integers else."""
    draws = np.random.default_rng(seed).integers(-8, 9, shape)
    if dtype == "bool":
        return draws % 2 == 0
    if "float" in dtype:
        return draws / 4
    # Some beyond what a byte holds, so that sums and products wrap.
    return (draws * (13 if seed % 2 else 1)).astype(dtype)


@dataclass(frozen=True)
class Input:
    """A tensor of :func:`data`."""

    shape: tuple[int, ...]
    dtype: str
    seed: int

    def tensor(self, wide):
        """The tensor; ``wide`` in float64 where it is a narrower float."""
        dtype = "float64" if wide and self.dtype in WIDENED else self.dtype
        return jrk.tensor(data(self.shape, self.dtype, self.seed), dtype=dtype)

    def line(self):
        """As Python."""
        made = f"data({self.shape!r}, {self.dtype!r}, {self.seed})"
        return f"jrk.tensor({made}, dtype={self.dtype!r})"


@dataclass(frozen=True)
class Step:
    """An operation on earlier values."""

    name: str
    args: tuple[int, ...]
    params: tuple[tuple[str, object], ...] = ()

    def line(self):
        """As Python."""
        params = dict(self.params)
        names = [f"x{i}" for i in self.args]
        return ops.OPS[self.name].text.format(*names, **params, options=repr(params))


@dataclass(frozen=True)
class Program:
    """Inputs and steps are numbered together; ``order`` derivatives of the outputs' mean square."""

    values: tuple[Input | Step, ...]
    outputs: tuple[int, ...]
    order: int = 0
    sources: tuple[int, ...] = ()

    def live(self):
        """The numbers of the values that count."""
        found = {*self.outputs, *self.sources}
        for i in range(len(self.values) - 1, -1, -1):
            if i in found and isinstance(self.values[i], Step):
                found |= {*self.values[i].args}
        return sorted(found)

    def __repr__(self):
        names = "[" + ", ".join(f"x{i}" for i in self.outputs) + "]"
        sources = "[" + ", ".join(f"x{i}" for i in self.sources) + "]"
        lines = [f"x{i} = {self.values[i].line()}" for i in self.live()]
        lines.append(f"found = {names}")
        for _ in range(self.order if self.sources else 0):
            lines += [
                "floats = [v for v in found if v.dtype.kind == 'float' and v.size]",
                "loss = sum((v * v).mean().astype('float64') for v in floats)",
                f"found = [*found, *jrk.grad(loss, {sources})]",
            ]
        lines += ["jrk.eval(*found)", "print(*(v.tolist() for v in found), sep='\\n')"]
        body = "\n".join(["jrk.random.seed(11)", *lines])
        helpers = [
            f for f in (data, ops.assigned, ops.positive, ops.recurred) if f"{f.__name__}(" in body
        ]
        imports = ["import numpy as np", "import jairika_nb as jrk"]
        imports += ["from jairika_nb.nn import functional as F"] if "F." in body else []
        return "\n".join(["", *imports, "", *map(inspect.getsource, helpers), body, ""])

    def _repr_pretty_(self, printer, cycle):
        printer.text(repr(self))


def apply(step, values, wide=False):
    """One step; ``wide`` computes in float64 what is narrower."""
    params = dict(step.params)
    if wide and params.get("dtype") in WIDENED:
        params["dtype"] = "float64"
    out = ops.OPS[step.name].function(*(values[i] for i in step.args), **params)
    return out.astype("float64") if wide and out.dtype.name in WIDENED else out


def build(program, wide=False):
    """Outputs and derivatives as lazy tensors of the current device."""
    jrk.random.seed(11)
    live, values = {*program.live()}, {}
    for i, row in enumerate(program.values):
        if i in live:
            values[i] = row.tensor(wide) if isinstance(row, Input) else apply(row, values, wide)
    found = [values[i] for i in program.outputs]
    sources = [values[i] for i in program.sources]
    for _ in range(program.order if sources else 0):
        floats = [v for v in found if v.dtype.kind == "float" and v.size]
        if floats:
            loss = sum((v * v).mean().astype("float64") for v in floats)
            found = [*found, *jrk.grad(loss, sources)]
    return found


def run(program, wide=False):
    """Outputs and derivatives on the current device, as arrays."""
    found = build(program, wide)
    jrk.eval(*found)
    return [v.numpy() for v in found]
