"""Random programs over all operations: drawing, running, printing and shrinking them.

A program prints as the Python that a user would run. While it is drawn each step is tried on the
reference, to know shapes and to keep values tame and, for operations that jump, exact.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass, replace
from random import Random

import fuzz_operations as ops
import numpy as np

import jairika_nb as jrk
from jairika_nb.engine import device as devices

TAME = 1e3  # floats beyond this are not used further: their errors would hide others
MOST = 4096  # elements of a value, unless an input is larger
DTYPES = ["float32", "float32", "float32", "int32", "bool", "uint8", "int64", "float64", "float16",
          "bfloat16", "int8", "int16", "uint16", "uint32", "uint64"]  # fmt: skip
WIDENED = ("float16", "bfloat16", "float32")
# Binary places that hold in a significand, with some room for sums.
PLACES = {"float16": 10, "bfloat16": 7}
SIZES = [1, 2, 3, 5, 7, 16, 17, 33, 40]
LARGE = [(40, 33), (33, 40), (3, 40, 33), (2, 33, 64), (9000,), (66000,), (70, 130), (3, 70000)]
SCALARS = [0, 1, -1, 2, 0.5, 3, 1.25, -2.75, True, -0.0]


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
        helpers = [f for f in (data, ops.assigned, ops.positive) if f"{f.__name__}(" in body]
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


# Drawing


@dataclass
class Value:
    """What is known of a value while a program is drawn."""

    tensor: object
    bits: int | None  # binary places of an exact value; None for a rounded one

    @property
    def exact(self):
        """Whether every device computes this very value."""
        return self.bits is not None

    @property
    def shape(self):
        """The sizes of its axes."""
        return self.tensor.shape

    @property
    def kind(self):
        """The kind of its dtype."""
        return self.tensor.dtype.kind


def draw(r: Random) -> Program:
    """A program of one to eight steps on one to three inputs."""
    with devices.using("reference"):
        jrk.random.seed(11)
        rows, values = [], []
        for i in range(r.randint(1, 3)):
            near = rows[0].shape if rows else None
            spec = Input(shape(r, near), r.choice(DTYPES) if i else first(r), r.randint(0, 9))
            rows.append(spec)
            bits = 2 if "float" in spec.dtype else 0
            values.append(Value(spec.tensor(False), bits))
        order = r.choice([0, 0, 0, 1, 1, 2])
        wanted = len(rows) + r.randint(1, 4 if order == 2 else 8)
        for _ in range(24):
            # Rather go on from the last value, so that chains grow.
            i = len(values) - 1 if r.random() < 0.4 else r.randrange(len(values))
            step = r.choice(FAMILIES)(r, values, i)
            value = tried(step, values) if step else None
            if value is not None:
                rows.append(step)
                values.append(value)
            if len(rows) == wanted:
                break
        numbers = range(len(values))
        outputs = {len(values) - 1, *(r.choice(numbers) for _ in range(r.randint(0, 3)))}
        floats = [i for i in numbers if values[i].kind == "float"]
        sources = sorted({r.choice(floats) for _ in range(r.randint(1, 2))})
        return Program(tuple(rows), tuple(sorted(outputs)), order, tuple(sources))


def first(r):
    """The first input is a float, so that there is something to derive by."""
    return r.choice(["float32", "float32", "float32", "float16", "bfloat16", "float64"])


def shape(r, near=None):
    """A shape, often one that broadcasts with ``near``."""
    if near is not None and r.random() < 0.6:
        return tuple(1 if r.random() < 0.2 else n for n in near)
    if r.random() < 0.1:
        return r.choice(LARGE)
    sizes = [r.choice(SIZES) for _ in range(r.randint(0, 5))]
    while math.prod(sizes) > MOST:
        sizes.pop()
    if sizes and r.random() < 0.06:
        sizes[r.randrange(len(sizes))] = 0
    return tuple(sizes)


def tried(step, values):
    """The value of a step on the reference; None where it is refused or grows wild."""
    args = [values[i] for i in step.args]
    state = jrk.random.state()
    limit = max([MOST * 2, *(v.tensor.size for v in args)])
    limit *= 2 if step.name in ("concat", "stack", "repeat") else 1
    try:
        out = apply(step, [v.tensor for v in values])
        array = out.numpy() if out.size <= limit else None
    except jrk.errors.JairikaError:
        array = None
    if array is None or (out.dtype.kind == "float" and not tame(array)):
        jrk.random.restore(state)
        return None
    return Value(out, bits_of(step, args, out))


def tame(array):
    """Whether all elements are of ordinary size."""
    return bool((np.abs(array.astype(np.float64)) <= TAME).all())


def bits_of(step, args, out):
    """Binary places of the result where it is exact on every device, else None."""
    if out.dtype.kind != "float":
        return 0 if all(v.exact or v.kind != "float" for v in args) or not args else None
    name = step.name
    if name not in ops.MOVES | ops.SUMS | ops.PRODUCTS or any(v.bits is None for v in args):
        return None
    bits = [v.bits for v in args] * (2 if name in ("jrk.square", "gram") else 1)
    places = sum(bits) if name in ops.PRODUCTS else max([*bits, 0])
    places += 2 if "value" in dict(step.params) else 0
    many = name in ops.SUMS or name in ("matmul", "gram", "einsum")
    inner = max([1, *(v.tensor.size for v in args)]) if many else 1
    largest = max([1.0, *(float(np.abs(v.tensor.numpy().astype(np.float64)).max(initial=0))
                          for v in args)])  # fmt: skip
    largest *= largest if name in ops.PRODUCTS else 1
    kept = 2.0 ** PLACES.get(out.dtype.name, 23)
    return places if largest * inner * 2.0**places < kept else None


def _named(r, values, i, smooth, jumps, args=None, params=()):
    args = args or (i,)
    names = [*smooth, *(jumps if all(values[a].exact for a in args) else ())]
    return Step(r.choice(names), args, params) if names else None


def unary(r, values, i):
    return _named(r, values, i, [*ops.SMOOTH, *ops.PLAIN], ops.JUMPS)


def binary(r, values, i):
    others = [j for j, v in enumerate(values) if broadcasts(values[i].shape, v.shape)]
    args = (i, r.choice(others))
    args = args if r.random() < 0.5 else args[::-1]
    return _named(r, values, i, ops.BINARY, ops.BINARY_JUMPS, args)


def scalar(r, values, i):
    value = r.choice(SCALARS)
    smooth = ["plus", "times", "rminus"] + (["power_of"] if value in (2, 3, 1) else [])
    return _named(r, values, i, smooth, ["is_above"], params=(("value", value),))


def picked(r, values, i):
    conditions = [j for j, v in enumerate(values)
                  if v.exact and broadcasts(values[i].shape, v.shape)]  # fmt: skip
    if not conditions:
        return None
    c = r.choice(conditions)
    others = [
        j
        for j, v in enumerate(values)
        if broadcasts(v.shape, values[i].shape) and broadcasts(v.shape, values[c].shape)
    ]
    return Step("where", (c, i, r.choice(others))) if others else None


def broadcasts(a, b):
    """Whether two shapes do."""
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


def reduced(r, values, i):
    rank = len(values[i].shape)
    axes = r.sample(range(rank), r.randint(0, rank)) if rank else None
    params = (("axis", tuple(axes) if axes else None), ("keepdims", r.random() < 0.5))
    return _named(r, values, i, ops.REDUCE, ops.REDUCE_JUMPS, params=params)


def along(r, values, i):
    if not values[i].shape:
        return None
    axis = r.randrange(len(values[i].shape))
    return _named(r, values, i, ops.ALONG, ops.ALONG_JUMPS, params=(("axis", axis),))


def _key(r, shape):
    parts = []
    for n in shape:
        if n and r.random() < 0.15:
            parts.append(r.randrange(n))
            continue
        start, stop = (None if r.random() < 0.5 else r.randint(-n - 1, n + 1) for _ in "ab")
        parts.append(slice(start, stop, r.choice([None, 1, 2, -1, -2, 3])))
    return tuple(parts)


def view(r, values, i):
    shape = values[i].shape
    rank = len(shape)
    kind = r.choice(["getitem", "reshape", "permute", "expand", "flip", "roll", "tril", "triu",
                     "repeat"])  # fmt: skip
    axis = r.randrange(rank) if rank else 0
    params = {
        "getitem": lambda: {"key": _key(r, shape)},
        "reshape": lambda: {"shape": factors(r, values[i].tensor.size, shape)},
        "permute": lambda: {"axes": tuple(r.sample(range(rank), rank))},
        "flip": lambda: {"axis": tuple(r.sample(range(rank), r.randint(0, rank)))},
        "expand": lambda: {"shape": ((r.choice([2, 3]),) if r.random() < 0.5 else ()) + tuple(
            r.choice([n, 2, 17]) if n == 1 else n for n in shape)},
        "roll": lambda: {"shift": r.randint(-5, 5), "axis": axis},
        "tril": lambda: {"k": r.randint(-2, 2)},
        "triu": lambda: {"k": r.randint(-2, 2)},
        "repeat": lambda: {"axis": axis},
    }[kind]()  # fmt: skip
    if kind in ("roll", "repeat") and not rank:
        return None
    return Step(kind, (i,), tuple(params.items()))


def factors(r, size, shape):
    """Another shape of as many elements."""
    if size == 0:
        return tuple(r.sample(shape, len(shape)))
    out = []
    while size > 1 and len(out) < 5:
        out.append(r.choice([n for n in range(2, size + 1) if size % n == 0][:12]))
        size //= out[-1]
    return (*out, size) if size > 1 or r.random() < 0.5 else tuple(out)


def joined(r, values, i):
    shape = values[i].shape
    same = [j for j, v in enumerate(values) if v.shape == shape]
    if not shape:
        return None
    args = (i, r.choice(same))
    return Step(r.choice(["concat", "stack"]), args, (("axis", r.randrange(len(shape))),))


def updated(r, values, i):
    key = _key(r, values[i].shape)
    if r.random() < 0.5:
        return Step("assigned_scalar", (i,), (("key", key), ("value", r.randint(0, 3))))
    picked_shape = np.empty(values[i].shape, bool)[key].shape
    fits = [j for j, v in enumerate(values)
            if v.shape == picked_shape and v.kind == values[i].kind]  # fmt: skip
    return Step("assigned", (i, r.choice(fits)), (("key", key),)) if fits else None


def _places(r, shape, n):
    """Nested tuples of a shape, of indices from -n to n - 1."""
    if not shape:
        return r.randrange(-n, n)
    return tuple(_places(r, shape[1:], n) for _ in range(shape[0]))


def gathered(r, values, i):
    shape = values[i].shape
    if not shape:
        return None
    axis = r.randrange(len(shape))
    n = shape[axis]
    kind = r.choice(["take", "take_along", "picked_rows"])
    axis = 0 if kind == "picked_rows" else axis
    n = shape[axis]
    if not n or math.prod(shape) > 2000:
        return None
    if kind == "take_along":
        index = _places(r, tuple(r.randint(1, 4) if a == axis else m for a, m in enumerate(shape)),
                        n)  # fmt: skip
    else:
        index = _places(r, tuple(r.randint(1, 5) for _ in range(r.randint(1, 2))), n)
    if 0 in shape:
        return None
    params = {"index": index} if kind == "picked_rows" else {"index": index, "axis": axis}
    return Step(kind, (i,), tuple(params.items()))


def scattered(r, values, i):
    shape = values[i].shape
    if not shape or 0 in shape or math.prod(shape) > 2000:
        return None
    kind = r.choice(["index_add", "put_rows", "scatter_max"])
    if kind == "scatter_max" and not values[i].exact:
        return None
    axis = 0 if kind == "put_rows" else r.randrange(len(shape))
    fits = [j for j, v in enumerate(values) if len(v.shape) == len(shape)
            and v.kind == values[i].kind and 0 < v.shape[axis] <= 64
            and (kind != "scatter_max" or v.exact)
            and all(a == b for d, (a, b) in enumerate(zip(v.shape, shape, strict=True))
                    if d != axis)]  # fmt: skip
    if not fits:
        return None
    j = r.choice(fits)
    count = values[j].shape[axis]
    wanted = values[j].shape if kind == "scatter_max" else (count,)
    params = {"index": _places(r, wanted, shape[axis])}
    if kind == "scatter_max":
        params = {"index": _nonnegative(params["index"], shape[axis])}
    params |= {} if kind == "put_rows" else {"axis": axis}
    return Step(kind, (i, j), tuple(params.items()))


def _nonnegative(index, n):
    if isinstance(index, int):
        return index % n
    return tuple(_nonnegative(row, n) for row in index)


def searched(r, values, i):
    kind = r.choice(["masked", "unique", "searchsorted"])
    if not values[i].exact:
        return None
    if kind == "masked":
        masks = [j for j, v in enumerate(values) if v.kind == "bool" and v.shape and v.exact
                 and v.shape == values[i].shape[: len(v.shape)]]  # fmt: skip
        return Step("masked", (i, r.choice(masks))) if masks else None
    if kind == "unique":
        return Step("unique", (i,))
    others = [j for j, v in enumerate(values)
              if v.exact and v.tensor.dtype == values[i].tensor.dtype]  # fmt: skip
    return Step("searchsorted", (i, r.choice(others)))


def padded(r, values, i):
    shape = values[i].shape
    if len(shape) < 2:
        return None
    mode = r.choice(["constant", "reflect", "replicate", "circular"])
    widths = tuple(r.randint(0, 3) for _ in range(2 * r.randint(1, min(2, len(shape)))))
    return Step("pad", (i,), (("widths", widths), ("mode", mode)))


def converted(r, values, i):
    dtype = r.choice(DTYPES)
    if "float" not in dtype and not values[i].exact:
        return None
    return Step("astype", (i,), (("dtype", dtype),))


def product(r, values, i):
    a = values[i].shape
    fits = [j for j, v in enumerate(values) if a and v.shape and (
        v.shape[-2:][0] == a[-1] and broadcasts(a[:-2], v.shape[:-2]))]  # fmt: skip
    kind = r.choice(["matmul", "gram", "einsum"])
    if kind == "matmul" and fits:
        return Step("matmul", (i, r.choice(fits)))
    if len(a) < 2 or a[-2] > 100:
        return None
    if kind == "einsum":
        others = [j for j, v in enumerate(values) if len(v.shape) > 1 and v.shape[-1] == a[-1]
                  and v.shape[-2] <= 100 and broadcasts(a[:-2], v.shape[:-2])]  # fmt: skip
        return Step("einsum", (i, r.choice(others)))
    return Step("gram", (i,))


def layered(r, values, i):
    """Attention, convolutions and pooling, where a value has the axes for them."""
    a = values[i].shape
    if len(a) not in (3, 4, 5) or values[i].kind != "float" or 0 in a or math.prod(a) > 6000:
        return None
    axes = len(a) - 2
    kind = r.choice(["attention", "conv", "conv", "conv_transpose", "avg_pool", "max_pool"])
    if kind == "attention":
        causal = (("causal", r.random() < 0.5),)
        return Step("attention", (i,), causal) if max(a[-2:]) <= 64 else None
    if kind.endswith("pool"):
        if kind == "max_pool" and not values[i].exact:
            return None
        size = tuple(r.randint(1, min(3, n)) for n in a[2:])
        stride = tuple(r.randint(1, 3) for _ in size)
        padding = tuple(r.randint(0, s // 2) for s in size)
        params = {"kernel_size": size, "stride": stride, "padding": padding,
                  "ceil_mode": r.random() < 0.3}  # fmt: skip
        return Step(kind, (i,), tuple(params.items()))
    channel = 0 if kind == "conv_transpose" else 1
    weights = [j for j, v in enumerate(values) if v.kind == "float" and len(v.shape) == len(a)
               and 0 not in v.shape and a[1] % v.shape[channel] == 0
               and math.prod(v.shape) < 2000]  # fmt: skip
    if not weights:
        return None
    j = r.choice(weights)
    groups = a[1] // values[j].shape[1] if kind == "conv" else 1
    params = {
        "stride": tuple(r.randint(1, 2) for _ in range(axes)),
        "padding": tuple(r.randint(0, 3) for _ in range(axes)),
        "dilation": tuple(r.randint(1, 2) for _ in range(axes)),
        "groups": groups,
    }
    return Step(kind, (i, j), tuple(params.items()))


def hosted(r, values, i):
    """Linear algebra that NumPy computes as a step of the plan."""
    a = values[i].shape
    fits = len(a) >= 2 and 0 not in a and max(a[-2:]) <= 17 and math.prod(a) <= 600
    if not fits or values[i].tensor.dtype.name not in ("float32", "float64"):
        return None
    names = [
        "cholesky",
        "solve",
        "inv",
        "det",
        "slope_of_det",
        "slogdet",
        "eigvalsh",
        "svdvals",
        "qr",
        "pinv",
    ]
    return Step(r.choice(names), (i,))


def drawn_numbers(r, values, i):
    return Step(r.choice(["uniform", "randint", "normal"]), (i,))


FAMILIES = [unary, unary, binary, binary, scalar, picked, reduced, reduced, along, along, view,
            view, view, joined, updated, gathered, scattered, searched, padded, converted, product,
            layered, layered, hosted, hosted, drawn_numbers]  # fmt: skip


# Shrinking what was not drawn by Hypothesis


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
