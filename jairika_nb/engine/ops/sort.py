"""The order that sorts an axis, and places in sorted rows.

Sorting itself is a gather by this order, so its derivative needs no rule of its own. Keys are
unsigned integers that order as the values do, and rows are sorted by their digits from the least
(radix sort: H. Hollerith, 1887; Knuth, The Art of Computer Programming 3, 5.2.5), which is stable.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType, int32
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import sources, views
from jairika_nb.engine.ops.gather import take_along
from jairika_nb.engine.ops.scan import scan, shifted
from jairika_nb.errors import DTypeError, ShapeError

# The longest row that a GPU's work-group sorts in local memory, and bits a pass sorts by.
GPU_ROW = 2048
DIGIT = {"cpu": 8, "gpu": 4}
# Elements of a chunk that one worker counts and moves: on a GPU what a work-group holds.
GPU_CHUNK = 2048
LONG_ROW = 1 << 16
# Up to so many first elements are found without sorting all, on a CPU.
FEW = 64


def argsort(x: Node, axis: int, descending: bool) -> Node:
    """The places of the elements of ``x`` in sorted order along ``axis``, int32.

    Equal elements keep their order, in both directions; NaN comes last in both.
    """
    return make("argsort", (x,), (axis, descending))


def first_places(x: Node, axis: int, descending: bool, k: int) -> Node:
    """The first ``k`` places of :func:`argsort`."""
    return make("first_places", (x,), (axis, descending, k))


def searchsorted(rows: Node, values: Node, side: str) -> Node:
    """Where ``values`` (R, m) belong in sorted ``rows`` (R or 1, n), int32; NaN is the largest."""
    return make("searchsorted", (rows, values), (side,))


def _infer(x: Node, attrs: Any) -> tuple[Shape, DType]:
    if x.shape[attrs[0]] >= 2**31:
        raise ShapeError(f"argsort along axis {attrs[0]} of {x.shape}: at most 2**31 - 1 elements")
    return x.shape, int32


def _reference(attrs: Any, x: np.ndarray) -> np.ndarray:
    axis, descending = attrs
    if descending:
        # Upside down but not back to front, so that equal elements keep their order.
        x = -x if x.dtype.kind == "f" else np.invert(x)
    return np.argsort(x, axis=axis, kind="stable").astype(np.int32)


def _expand(attrs: Any, x: Node) -> Node:
    """The axis becomes the last of two, and keys what kernels can compare."""
    axis, *how = attrs
    if x.dtype.kind == "float" and x.dtype.itemsize < 4:
        x = e.cast(x, dtypes.float32)
    elif x.dtype.kind == "bool":
        x = e.cast(x, dtypes.uint8)
    last = len(x.shape) - 1
    order = (*(i for i in range(last + 1) if i != axis), axis)
    moved = views.permute(x, order)
    n = x.shape[axis]
    rows = views.reshape(moved, (math.prod(moved.shape[:-1]), n))
    found = _plan(rows, *how) if len(how) == 1 else _first_plan(rows, *how)
    found = views.reshape(found, (*moved.shape[:-1], found.shape[1]))
    return views.permute(found, tuple(sorted(range(last + 1), key=order.__getitem__)))


def _plan(x: Node, descending: bool) -> Node:
    rows, n = x.shape
    gpu = x.device.kind == "gpu"
    if n == 1:
        return views.broadcast_to(sources.const(0, int32, x.device), x.shape)
    few = rows < x.device.compute_units
    if n > GPU_ROW if gpu else few and n >= LONG_ROW:
        return _in_chunks(x, descending)
    return make("argsort_rows", (x,), (descending,))


def _first_plan(x: Node, descending: bool, k: int) -> Node:
    rows, n = x.shape
    if x.device.kind == "gpu" or k > FEW or n < 4 * k:
        return views.take_slice(_plan(x, descending), ((0, rows, 1), (0, k, 1)))
    blocks = 2 * x.device.compute_units
    if rows >= x.device.compute_units or n < LONG_ROW:
        return make("first_rows", (x,), (descending, k))
    # Few long rows: the first ones of each block, then the first ones among those.
    size = math.ceil(n / blocks)
    last = _last_value(x.dtype, descending)
    whole = views.pad(x, ((0, 0, 0), (0, blocks * size - n, 0)), last)
    parts = views.reshape(whole, (rows * blocks, size))
    found = views.reshape(make("first_rows", (parts,), (descending, k)), (rows, blocks, k))
    starts = e.mul(views.reshape(sources.iota(blocks, x.device), (1, blocks, 1)), size)
    place = views.reshape(e.add(found, starts), (rows, blocks * k))
    best = make("first_rows", (take_along(whole, place, 1),), (descending, k))
    return take_along(place, best, 1)


def _last_value(dtype: DType, descending: bool) -> float:
    """A value that no other comes after; of equal ones what is added comes last."""
    return math.nan if dtype.kind == "float" else dtypes.limits(dtype)[0 if descending else 1]


def _in_chunks(x: Node, descending: bool) -> Node:
    """Passes over digits: count them in every chunk, sum up where each goes, move elements."""
    rows, n = x.shape
    kind = "gpu" if x.device.kind == "gpu" else "cpu"
    chunk = GPU_CHUNK if kind == "gpu" else math.ceil(n / (2 * x.device.compute_units))
    chunks, digits = math.ceil(n / chunk), 1 << DIGIT[kind]
    pairs: Node | None = None
    # Keys of 64 bits are sorted by their lower half, then by the upper one.
    for part in range(2 if x.dtype.itemsize == 8 else 1):
        inputs = (x,) if pairs is None else (x, pairs)
        pairs = make("sort_pairs", inputs, (descending, part))
        for shift in range(0, min(8 * x.dtype.itemsize, 32), DIGIT[kind]):
            counts = make("radix_counts", (pairs,), (shift, chunk, digits))
            places = shifted(scan("add", counts, 1), 1, False, 0)
            assert counts.shape == (rows, digits * chunks)
            pairs = make("radix_move", (pairs, places), (shift, chunk, digits))
    assert pairs is not None
    return e.cast(pairs, int32)


def _resized(shape: Shape, axis: int, n: int) -> Shape:
    return (*shape[:axis], n, *shape[axis + 1 :])


def _first_reference(attrs: Any, x: np.ndarray) -> np.ndarray:
    axis, descending, k = attrs
    return np.take(_reference((axis, descending), x), np.arange(k), axis=axis)


def _keys(x: np.ndarray, descending: bool) -> np.ndarray:
    """Unsigned integers that order as the values do, NaN last."""
    bits = 8 * x.dtype.itemsize
    unsigned, top = np.dtype(f"uint{bits}"), 1 << (bits - 1)
    if x.dtype.kind == "f":
        raw = np.where(x == 0, np.zeros_like(x), x).view(unsigned)
        keys = np.where(raw >> (bits - 1) == 1, ~raw, raw | unsigned.type(top))
    else:
        keys = x.view(unsigned) ^ unsigned.type(top if x.dtype.kind == "i" else 0)
    keys = ~keys if descending else keys
    return np.where(np.isnan(x), ~unsigned.type(0), keys) if x.dtype.kind == "f" else keys


def _pairs_reference(attrs: Any, x: np.ndarray, *pairs: np.ndarray) -> np.ndarray:
    descending, part = attrs
    keys = _keys(x, descending).astype(np.uint64)
    places = np.broadcast_to(np.arange(x.shape[1], dtype=np.uint64), x.shape)
    if pairs:
        places = pairs[0] & np.uint64(0xFFFFFFFF)
        keys = np.take_along_axis(keys, places.astype(np.int64), 1)
    half = keys >> np.uint64(32) if part else keys & np.uint64(0xFFFFFFFF)
    return half << np.uint64(32) | places


def _digit(pairs: np.ndarray, shift: int, digits: int) -> np.ndarray:
    return (pairs >> np.uint64(32 + shift) & np.uint64(digits - 1)).astype(np.int64)


def _counts_infer(pairs: Node, attrs: Any) -> tuple[Shape, DType]:
    _, chunk, digits = attrs
    return (pairs.shape[0], digits * math.ceil(pairs.shape[1] / chunk)), int32


def _counts_reference(attrs: Any, pairs: np.ndarray) -> np.ndarray:
    shift, chunk, digits = attrs
    chunks = math.ceil(pairs.shape[1] / chunk)
    out = np.zeros((pairs.shape[0], digits, chunks), np.int32)
    where = np.arange(pairs.shape[1]) // chunk
    np.add.at(out, (np.arange(len(pairs))[:, None], _digit(pairs, shift, digits), where), 1)
    return out.reshape(len(pairs), -1)


def _move_reference(attrs: Any, pairs: np.ndarray, places: np.ndarray) -> np.ndarray:
    order = np.argsort(_digit(pairs, attrs[0], attrs[2]), axis=1, kind="stable")
    return np.take_along_axis(pairs, order, 1)


def _search_infer(rows: Node, values: Node, attrs: Any) -> tuple[Shape, DType]:
    if rows.dtype is not values.dtype:
        raise DTypeError(f"searchsorted: values of {values.dtype.name} in {rows.dtype.name}")
    return values.shape, int32


def _search_reference(attrs: Any, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    rows = np.broadcast_to(rows, (len(values), rows.shape[1]))
    found = [np.searchsorted(r, v, attrs[0]) for r, v in zip(rows, values, strict=True)]
    return np.array(found, np.int32).reshape(values.shape)


_PAIRS = (lambda x, *more: (x.shape, dtypes.uint64), _pairs_reference)
define(Op("argsort", "composite", _infer, _reference, lambda g, y, x: (None,), expand=_expand))
define(Op("first_places", "composite",
          lambda x, attrs: (_resized(x.shape, attrs[0], attrs[2]), int32), _first_reference,
          lambda g, y, x: (None,), expand=_expand))  # fmt: skip
define(Op("first_rows", "routine", lambda x, attrs: ((x.shape[0], attrs[1]), int32),
          lambda attrs, x: _first_reference((1, *attrs), x)))  # fmt: skip
define(Op("argsort_rows", "routine", lambda x, attrs: (x.shape, int32),
          lambda attrs, x: _reference((1, *attrs), x)))  # fmt: skip
define(Op("sort_pairs", "routine", *_PAIRS))
define(Op("radix_counts", "routine", _counts_infer, _counts_reference))
define(Op("radix_move", "routine", lambda p, s, attrs: (p.shape, p.dtype), _move_reference))
define(
    Op("searchsorted", "routine", _search_infer, _search_reference, lambda g, y, *x: (None, None))
)
