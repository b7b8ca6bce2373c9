"""Random small programs on every device, compared with the NumPy reference.

A program prints as the lines a user would write, so what a failure shrinks to can be read. It runs
longer with ``JRK_FUZZ_EXAMPLES=2000``, and from other seeds with ``JRK_FUZZ_RANDOM=1``.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jairika_nb as jrk
from jairika_nb.engine import device as devices

EXAMPLES = int(os.environ.get("JRK_FUZZ_EXAMPLES", "60"))
TAME = 1e3  # floats beyond this are not used further: their errors would hide others
MOST = 4096  # elements of a value, unless an input is larger

# Operations: smooth ones may take any value; the others jump, so they take only values that every
# device computes exactly (quarters, whose sums and products fit a float32).
SMOOTH = {
    "sin": jrk.sin, "tanh": jrk.tanh, "sigmoid": jrk.sigmoid, "erf": jrk.erf, "gelu": jrk.gelu,
    "cos": jrk.cos, "atan": jrk.atan, "silu": jrk.silu, "asinh": jrk.asinh,
    "exp_of_tanh": lambda x: jrk.exp(jrk.tanh(x)),
    "log_above_one": lambda x: jrk.log(x * x + 1.5),
    "sqrt_above_one": lambda x: jrk.sqrt(x * x + 1),
    "rsqrt_above_one": lambda x: jrk.rsqrt(x * x + 1),
    "reciprocal_above_one": lambda x: jrk.reciprocal(x * x + 1),
}  # fmt: skip
JUMPS = {
    "abs": jrk.abs, "sign": jrk.sign, "floor": jrk.floor, "ceil": jrk.ceil, "round": jrk.round,
    "trunc": jrk.trunc, "relu": jrk.relu, "logical_not": jrk.logical_not, "isnan": jrk.isnan,
    "isfinite": jrk.isfinite,
}  # fmt: skip
PLAIN = {
    "negative": jrk.negative, "square": jrk.square, "detach": jrk.detach,
    "realize": lambda x: x.realize(), "invert": lambda x: ~x, "copy_of": lambda x: x + 0,
}  # fmt: skip
BINARY = {
    "add": jrk.add, "subtract": jrk.subtract, "multiply": jrk.multiply,
    "divide_by_above_one": lambda x, y: x / (y * y + 1),
    "atan2_right": lambda x, y: jrk.atan2(x, y * y + 1),
}  # fmt: skip
BINARY_JUMPS = {
    "maximum": jrk.maximum, "minimum": jrk.minimum, "less": jrk.less, "equal": jrk.equal,
    "greater_equal": jrk.greater_equal, "not_equal": jrk.not_equal,
    "remainder": jrk.remainder, "floor_divide": jrk.floor_divide, "logical_xor": jrk.logical_xor,
    "bitwise_and": jrk.bitwise_and, "bitwise_or": jrk.bitwise_or, "bitwise_xor": jrk.bitwise_xor,
}  # fmt: skip
REDUCE = {"sum": jrk.sum, "mean": jrk.mean, "var": jrk.var}
REDUCE_JUMPS = {"max": jrk.max, "min": jrk.min, "prod": jrk.prod, "any": jrk.any, "all": jrk.all}
ALONG = {"softmax": jrk.softmax, "log_softmax": jrk.log_softmax}
ALONG_JUMPS = {"argmax": jrk.argmax, "argmin": jrk.argmin}


def assigned(x, value, *, key):
    """``x`` after ``x[key] = value``, leaving the handle alone."""
    y = x + 0 if x.dtype.kind != "bool" else jrk.logical_xor(x, False)
    y[key] = value
    return y


OTHERS = {
    "getitem": lambda x, *, key: x[key],
    "assigned": assigned,
    "assigned_scalar": lambda x, *, key, value: assigned(x, value, key=key),
    "reshape": lambda x, *, shape: x.reshape(shape),
    "permute": lambda x, *, axes: x.permute(axes),
    "expand": lambda x, *, shape: x.expand(shape),
    "flip": lambda x, *, axis: x.flip(axis=axis),
    "astype": lambda x, *, dtype: x.astype(dtype),
    "where": jrk.where,
    "concat": lambda x, y, *, axis: jrk.concat([x, y, x], axis=axis),
    "stack": lambda x, y, *, axis: jrk.stack([x, y], axis=axis),
    "matmul": jrk.matmul,
    "gram": lambda x: x @ x.mT,
    "uniform": lambda x: jrk.random.uniform(x.shape),
    "randint": lambda x: jrk.random.randint(-5, 9, x.shape),
    "plus": lambda x, *, value: x + value,
    "times": lambda x, *, value: x * value,
    "rminus": lambda x, *, value: value - x,
    "power": lambda x, *, value: x**value,
    "is_above": lambda x, *, value: x > value,
}
OPS = {**SMOOTH, **JUMPS, **PLAIN, **BINARY, **BINARY_JUMPS, **REDUCE, **REDUCE_JUMPS, **ALONG,
       **ALONG_JUMPS, **OTHERS}  # fmt: skip


@dataclass(frozen=True)
class Input:
    shape: tuple[int, ...]
    dtype: str
    seed: int

    def array(self):
        """Quarters for floats, small integers else."""
        draws = np.random.default_rng(self.seed).integers(-8, 9, self.shape)
        if self.dtype == "bool":
            return draws % 2 == 0
        return draws.astype(np.float64 if "float" in self.dtype else self.dtype) / (
            4 if "float" in self.dtype else 1
        )


@dataclass(frozen=True)
class Step:
    name: str
    args: tuple[int, ...]
    params: tuple[tuple[str, object], ...] = ()

    def __str__(self):
        words = [f"x{i}" for i in self.args] + [f"{k}={v!r}" for k, v in self.params]
        return f"{self.name}({', '.join(words)})"


@dataclass(frozen=True)
class Program:
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    order: int  # of derivatives of the outputs' mean square, with respect to ``sources``
    sources: tuple[int, ...]

    def __repr__(self):
        n, live = len(self.inputs), {*self.outputs, *self.sources}
        lines = [f"eval {self.outputs}, derivative {self.order} by {self.sources}"]
        for i, step in reversed([*enumerate(self.steps, n)]):
            if i in live:
                live |= {*step.args}
                lines.append(f"x{i} = {step}")
        inputs = [*enumerate(self.inputs)]
        lines += [f"x{i} = {x.dtype}{list(x.shape)} seed {x.seed}" for i, x in inputs if i in live]
        return "\n" + "\n".join(lines[::-1])

    def _repr_pretty_(self, printer, cycle):
        printer.text(repr(self))


def apply(step, values, wide=False):
    """One step; ``wide`` computes in float64 what is float32."""
    params = dict(step.params)
    if wide and params.get("dtype") == "float32":
        params["dtype"] = "float64"
    out = OPS[step.name](*(values[i] for i in step.args), **params)
    return out.astype("float64") if wide and out.dtype.name == "float32" else out


def run(program, wide=False):
    """Outputs and derivatives on the current device, as arrays."""
    jrk.random.seed(11)
    values = []
    for spec in program.inputs:
        dtype = "float64" if wide and spec.dtype == "float32" else spec.dtype
        values.append(jrk.tensor(spec.array(), dtype=dtype))
    for step in program.steps:
        values.append(apply(step, values, wide))
    found = [values[i] for i in program.outputs]
    sources = [values[i] for i in program.sources]
    for _ in range(program.order if sources else 0):
        floats = [v for v in found if v.dtype.kind == "float" and v.size]
        if floats:
            loss = sum((v * v).mean().astype("float64") for v in floats)
            found = [*found, *jrk.grad(loss, sources)]
    jrk.eval(*found)
    return [v.numpy() for v in found]


# Drawing programs. Each step is tried on the reference, to know shapes and to keep values tame.


@dataclass
class Value:
    """What is known of a value while a program is drawn."""

    tensor: object
    bits: int | None  # binary places of an exact value; None for a rounded one

    @property
    def exact(self):
        return self.bits is not None

    @property
    def shape(self):
        return self.tensor.shape

    @property
    def kind(self):
        return self.tensor.dtype.kind


SIZES = st.sampled_from([1, 2, 3, 5, 7, 16, 17, 33, 40, 0])
LARGE = [(40, 33), (33, 40), (3, 40, 33), (2, 33, 64), (9000,), (66000,), (70, 130), (3, 70000)]
DTYPES = st.sampled_from(["float32", "float32", "int32", "bool", "uint8", "int64", "float64"])
SCALARS = st.sampled_from([0, 1, -1, 2, 0.5, 3, 1.25, -2.75, True, -0.0])


@st.composite
def shapes(draw, near=None):
    if near is not None and draw(st.booleans()):
        return tuple(1 if draw(st.integers(0, 4)) == 4 else n for n in near)
    if draw(st.integers(0, 7)) == 7:
        return draw(st.sampled_from(LARGE))
    shape = draw(st.lists(SIZES, max_size=5))
    while math.prod(shape) > MOST:
        shape.pop()
    return tuple(shape)


@st.composite
def programs(draw):
    with devices.using("reference"):
        jrk.random.seed(11)
        inputs, values = [], []
        for i in range(draw(st.integers(1, 3))):
            spec = Input(draw(shapes(inputs[0].shape if inputs else None)),
                         draw(DTYPES) if i else "float32", draw(st.integers(0, 9)))  # fmt: skip
            inputs.append(spec)
            tensor = jrk.tensor(spec.array(), dtype=spec.dtype)
            values.append(Value(tensor, 2 if "float" in spec.dtype else 0))
        order = draw(st.sampled_from([0, 0, 0, 1, 1, 2]))
        steps = []
        for _ in range(draw(st.integers(1, 4 if order == 2 else 8))):
            step = _step(draw, values)
            value = _tried(step, values) if step else None
            if value is not None:
                steps.append(step)
                values.append(value)
        rows = range(len(values))
        outputs = {len(values) - 1, *draw(st.lists(st.sampled_from(rows), max_size=3))}
        floats = [i for i in rows if values[i].tensor.dtype.kind == "float"]
        sources = draw(st.lists(st.sampled_from(floats), min_size=1, max_size=2, unique=True))
        return Program(tuple(inputs), tuple(steps), tuple(sorted(outputs)), order, tuple(sources))


def _tried(step, values):
    args = [values[i] for i in step.args]
    state = jrk.random.state()
    try:
        out = apply(step, [v.tensor for v in values])
        array = out.numpy()
    except (jrk.errors.DTypeError, jrk.errors.ShapeError):
        jrk.random.restore(state)
        return None
    limit = max([MOST * 2, *(v.tensor.size for v in args)])
    untamed = array.dtype.kind == "f" and not (np.abs(array) <= TAME).all()
    if untamed or array.size > limit * (2 if step.name in ("concat", "stack") else 1):
        jrk.random.restore(state)
        return None
    return Value(out, _bits(step, args, out))


def _bits(step, args, out):
    """Binary places of the result where it is exact on every device, else None."""
    if out.dtype.kind != "float":
        return 0
    keeping = {*JUMPS, *PLAIN, "add", "subtract", "multiply", "sum", "max", "min", "maximum",
               "minimum", *OTHERS} - {"uniform", "power"}  # fmt: skip
    if step.name not in keeping or any(v.bits is None for v in args):
        return None
    many = {"square", "multiply", "matmul", "gram"}
    bits = [v.bits for v in args] * (2 if step.name in ("square", "gram") else 1)
    places = sum(bits) if step.name in many else max([*bits, 0])
    if "value" in dict(step.params):
        places += 2
    inner = max([v.tensor.size for v in args]) if step.name in ("sum", "matmul", "gram") else 1
    largest = max([1.0, *(float(np.abs(v.tensor.numpy().astype(float)).max(initial=0))
                          for v in args)])  # fmt: skip
    if step.name in many:
        largest *= largest
    return places if largest * inner * 2.0**places < 2**23 else None


def _step(draw, values):
    family = draw(st.sampled_from(FAMILIES))
    i = draw(st.integers(0, len(values) - 1))
    return family(draw, values, i)


def _named(draw, values, i, smooth, jumps, args=None, params=()):
    args = args or (i,)
    names = [*smooth, *(jumps if all(values[a].exact for a in args) else ())]
    return Step(draw(st.sampled_from(names)), args, params) if names else None


def unary(draw, values, i):
    return _named(draw, values, i, [*SMOOTH, *PLAIN], JUMPS)


def binary(draw, values, i):
    others = [j for j, v in enumerate(values) if _broadcasts(values[i].shape, v.shape)]
    args = (i, draw(st.sampled_from(others)))
    args = args if draw(st.booleans()) else args[::-1]
    return _named(draw, values, i, BINARY, BINARY_JUMPS, args)


def scalar(draw, values, i):
    value = draw(SCALARS)
    smooth = ["plus", "times", "rminus"] + (["power"] if value in (2, 3, 1) else [])
    return _named(draw, values, i, smooth, ["is_above"], params=(("value", value),))


def picked(draw, values, i):
    conditions = [j for j, v in enumerate(values)
                  if v.exact and _broadcasts(values[i].shape, v.shape)]  # fmt: skip
    if not conditions:
        return None
    c = draw(st.sampled_from(conditions))
    others = [j for j, v in enumerate(values)
              if all(_broadcasts(a, b) for a, b in [(v.shape, values[i].shape),
                                                    (v.shape, values[c].shape)])]  # fmt: skip
    return Step("where", (c, i, draw(st.sampled_from(others)))) if others else None


def _broadcasts(a, b):
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


def reduced(draw, values, i):
    rank = len(values[i].shape)
    axes = draw(st.lists(st.sampled_from(range(rank)), unique=True)) if rank else None
    params = (("axis", tuple(axes) if axes else None), ("keepdims", draw(st.booleans())))
    return _named(draw, values, i, REDUCE, REDUCE_JUMPS, params=params)


def along(draw, values, i):
    if not values[i].shape:
        return None
    axis = draw(st.integers(0, len(values[i].shape) - 1))
    return _named(draw, values, i, ALONG, ALONG_JUMPS, params=(("axis", axis),))


def _key(draw, shape):
    parts = []
    for n in shape:
        if n and draw(st.integers(0, 5)) == 5:
            parts.append(draw(st.integers(0, n - 1)))
            continue
        start, stop = (draw(st.none() | st.integers(-n - 1, n + 1)) for _ in "ab")
        parts.append(slice(start, stop, draw(st.sampled_from([None, 1, 2, -1, -2, 3]))))
    return tuple(parts)


def view(draw, values, i):
    shape = values[i].shape
    kind = draw(st.sampled_from(["getitem", "reshape", "permute", "expand", "flip"]))
    if kind == "getitem":
        params = ("key", _key(draw, shape))
    elif kind == "reshape":
        params = ("shape", _factors(draw, values[i].tensor.size, shape))
    elif kind == "permute":
        params = ("axes", tuple(draw(st.permutations(range(len(shape))))))
    elif kind == "flip":
        axes = draw(st.lists(st.sampled_from(range(len(shape))), unique=True)) if shape else []
        params = ("axis", tuple(axes))
    else:
        grown = tuple(draw(st.sampled_from([2, 3, 17])) if n == 1 else n for n in shape)
        params = ("shape", (2, *grown) if draw(st.booleans()) else grown)
    return Step(kind, (i,), (params,))


def _factors(draw, size, shape):
    if not size:
        return shape[::-1]
    out = []
    while size > 1 and len(out) < 5:
        out.append(draw(st.sampled_from([n for n in range(2, size + 1) if size % n == 0][:12])))
        size //= out[-1]
    return (*out, size) if size > 1 or draw(st.booleans()) else tuple(out)


def joined(draw, values, i):
    shape = values[i].shape
    same = [j for j, v in enumerate(values) if v.shape == shape]
    if not shape:
        return None
    args = (i, draw(st.sampled_from(same)))
    axis = draw(st.integers(0, len(shape) - 1))
    return Step(draw(st.sampled_from(["concat", "stack"])), args, (("axis", axis),))


def updated(draw, values, i):
    key = _key(draw, values[i].shape)
    if draw(st.booleans()):
        return Step("assigned_scalar", (i,), (("key", key), ("value", draw(st.integers(0, 3)))))
    picked_shape = np.empty(values[i].shape, bool)[key].shape
    fits = [j for j, v in enumerate(values)
            if v.shape == picked_shape and values[j].kind == values[i].kind]  # fmt: skip
    if not fits:
        return None
    return Step("assigned", (i, draw(st.sampled_from(fits))), (("key", key),))


def converted(draw, values, i):
    dtype = draw(DTYPES)
    floating = "float" in dtype
    if not floating and not values[i].exact:
        return None
    if dtype == "uint8" and values[i].kind == "float" and (values[i].tensor.numpy() < 0).any():
        return None
    return Step("astype", (i,), (("dtype", dtype),))


def product(draw, values, i):
    a = values[i].shape
    fits = [j for j, v in enumerate(values) if a and v.shape and (
        v.shape[-2:][0] == a[-1] and _broadcasts(a[:-2], v.shape[:-2]))]  # fmt: skip
    if fits and draw(st.booleans()):
        return Step("matmul", (i, draw(st.sampled_from(fits))))
    return Step("gram", (i,)) if len(a) > 1 and a[-2] <= 100 else None


def drawn_numbers(draw, values, i):
    return Step(draw(st.sampled_from(["uniform", "randint"])), (i,))


FAMILIES = [unary, binary, scalar, picked, reduced, along, view, view, joined, updated, converted,
            product, drawn_numbers]  # fmt: skip


def close(got, reference, wide):
    """Equal for integers; for floats within a multiple of what float32 itself lacks."""
    assert got.dtype == reference.dtype and got.shape == reference.shape
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, reference)
        return
    if not np.isfinite(wide).all():
        return
    error = np.abs(reference - wide).max(initial=0)
    scale = np.abs(wide).max(initial=0)
    np.testing.assert_allclose(got, wide, rtol=2e-5, atol=2e-6 * scale + 30 * error + 1e-6)


def targets():
    rows = [d for d in devices.devices() if not d.is_reference]
    twins = [devices.Device(f"{d.id}-as-gpu", d.name, d.driver, "gpu", d.handle, probe="")
             for d in rows if d.kind == "cpu"]  # fmt: skip
    return [*rows, *twins]


@pytest.mark.parametrize("target", targets(), ids=lambda d: d.id)
@settings(
    max_examples=EXAMPLES, deadline=None, database=None,
    derandomize="JRK_FUZZ_RANDOM" not in os.environ, print_blob=False,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(program=programs())
def test_random_programs_equal_the_reference(target, program):
    with devices.using("reference"):
        reference, wide = run(program), run(program, wide=True)
    with devices.using(target):
        found = run(program)
    assert len(found) == len(reference)
    for got, want, exact in zip(found, reference, wide, strict=True):
        close(got, want, exact)
