"""Families of steps: each draws an operation that fits the values there are, or None.

A family takes a random.Random, the values so far, and which of them it should work on.
"""

from __future__ import annotations

import math

import fuzz_operations as ops
import numpy as np
from fuzz_programs import Step

DTYPES = ["float32", "float32", "float32", "int32", "bool", "uint8", "int64", "float64", "float16",
          "bfloat16", "int8", "int16", "uint16", "uint32", "uint64"]  # fmt: skip
SCALARS = [0, 1, -1, 2, 0.5, 3, 1.25, -2.75, True, -0.0]


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


def stepped(r, values, i):
    """A recurrence over the first axis; derivatives are long, so sequences are short."""
    a = values[i].shape
    if values[i].kind != "float" or len(a) < 2 or 0 in a or a[0] > 3 or math.prod(a) > 600:
        return None
    params = {"cell": r.choice(["rnn_tanh", "lstm", "gru"]), "reverse": r.random() < 0.5}
    return Step("recurred", (i,), tuple(params.items()))


def drawn_numbers(r, values, i):
    return Step(r.choice(["uniform", "randint", "normal"]), (i,))


FAMILIES = [unary, unary, binary, binary, scalar, picked, reduced, reduced, along, along, view,
            view, view, joined, updated, gathered, scattered, searched, padded, converted, product,
            layered, layered, hosted, hosted, stepped, drawn_numbers]  # fmt: skip
