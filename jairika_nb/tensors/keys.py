"""Reads what stands in the brackets of ``x[...]``: slices, integers, new axes, arrays and masks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes, run
from jairika_nb.engine.device import Device
from jairika_nb.engine.graph import Node
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import sources
from jairika_nb.engine.tracing import refuse
from jairika_nb.errors import DTypeError, OutOfRange
from jairika_nb.tensors.tensor import Tensor, host_array

Index = np.ndarray | Tensor


@dataclass
class Pick:
    """An axis of the sliced view that is read by an array of integers.

    ``at`` is its place in the view, ``axis`` its place in the tensor (-1: an axis that a bool
    brought), ``index`` holds integers: on the host from 0 to size-1, on a device unchecked.
    """

    at: int
    axis: int
    size: int
    index: Index


@dataclass
class Key:
    """A key read against a shape: first slices, then a shape with new axes, then the picks.

    ``bounds`` are (start, count, step) for every axis of the tensor; ``shape`` is that of the view
    they make, new axes in it and axes read by single integers out of it; the axes of the picks
    together go to ``place`` among the others, as in NumPy.
    """

    bounds: list[tuple[int, int, int]] = field(default_factory=list)
    shape: list[int] = field(default_factory=list)
    picks: list[Pick] = field(default_factory=list)
    place: int = 0


def read(key: Any, x: Tensor) -> Key:
    """What ``key`` picks of ``x``; OutOfRange where it does not fit."""
    out = Key()
    # Where integers and arrays stand among the other axes decides where theirs go.
    stands: list[tuple[int, int]] = []
    for number, part in enumerate(_spelled_out(key, x)):
        axis = len(out.bounds)
        if part is Ellipsis:
            continue
        if part is None:
            out.shape.append(1)
        elif isinstance(part, slice):
            _add_slice(out, part, x.shape[axis])
        elif isinstance(part, int):
            stands.append((number, _others(out)))
            out.bounds.append((_whole(part, axis, x.shape), 1, 1))
        else:
            stands.append((number, _others(out)))
            _add_array(out, part, x)
    if out.picks:
        first, last = stands[0][0], stands[-1][0]
        together = last - first + 1 == len(stands)
        out.place = stands[0][1] if together else 0
    return out


def _others(key: Key) -> int:
    return len(key.shape) - len(key.picks)


def _add_slice(out: Key, part: slice, n: int) -> None:
    start, stop, step = part.indices(n)
    count = len(range(start, stop, step))
    out.bounds.append((start if count else 0, count, step))
    out.shape.append(count)


def _add_array(out: Key, part: Index, x: Tensor) -> None:
    axis = len(out.bounds)
    if part.dtype == (dtypes.bool_ if isinstance(part, Tensor) else np.bool_):
        if isinstance(part, Tensor):
            refuse("x[mask]")
        _add_mask(out, np.asarray(part), x)
        return
    n = x.shape[axis]
    out.picks.append(Pick(len(out.shape), axis, n, integers(part, n, axis, x.shape)))
    out.bounds.append((0, n, 1))
    out.shape.append(n)


def _add_mask(out: Key, mask: np.ndarray, x: Tensor) -> None:
    axis = len(out.bounds)
    if mask.ndim == 0:
        # x[True] has a new axis of size 1, x[False] one of size 0.
        out.picks.append(Pick(len(out.shape), -1, 1, np.zeros(int(mask), np.int32)))
        out.shape.append(1)
        return
    shape = x.shape[axis : axis + mask.ndim]
    # As in NumPy a mask without elements fits whatever it would have picked from.
    if not all(m in (n, 0) for m, n in zip(mask.shape, shape, strict=True)):
        raise OutOfRange(
            f"x[mask]: a mask of shape {mask.shape} for axes {axis} to {axis + mask.ndim - 1} of "
            f"{x.shape}; it must have their shape {shape}"
        )
    for n, index in zip(shape, np.nonzero(mask), strict=True):
        out.picks.append(Pick(len(out.shape), len(out.bounds), n, index.astype(np.int32)))
        out.bounds.append((0, n, 1))
        out.shape.append(n)


def _spelled_out(key: Any, x: Tensor) -> list[Any]:
    """The parts of a key, an ellipsis followed by the slices that it stands for."""
    parts = [_part(p, x) for p in (key if isinstance(key, tuple) else (key,))]
    given = sum(_axes_of(p) for p in parts)
    if given > x.ndim:
        raise OutOfRange(f"index {_shown(key)} has {given} parts, but {x.shape} has {x.ndim} axes")
    dots = [i for i, p in enumerate(parts) if p is Ellipsis]
    if len(dots) > 1:
        raise OutOfRange(f"index {_shown(key)} has more than one ellipsis")
    # It stays itself: arrays on both sides are apart even where it stands for no axis.
    at = dots[0] + 1 if dots else len(parts)
    return parts[:at] + [slice(None)] * (x.ndim - given) + parts[at:]


def _axes_of(part: Any) -> int:
    if part is None or part is Ellipsis:
        return 0
    is_mask = getattr(part, "dtype", None) in (dtypes.bool_, np.bool_)
    return part.ndim if is_mask else 1


def _part(part: Any, x: Tensor) -> Any:
    """None, Ellipsis, a slice, an int, or an array of integers or bools."""
    if part is None or part is Ellipsis or isinstance(part, (slice, Tensor)):
        kind = part.dtype.kind if isinstance(part, Tensor) else "int"
        if kind not in ("int", "uint", "bool"):
            raise _refused(part, x)
        return part
    if isinstance(part, (bool, np.bool_)):
        return np.asarray(part)
    if hasattr(part, "__index__") and getattr(part, "shape", ()) == ():
        return part.__index__()
    try:
        array = np.asarray(part)
    except ValueError:
        raise _refused(part, x) from None
    if array.size == 0 and array.dtype == np.float64:
        return array.astype(np.int32)
    if array.dtype.kind not in "biu":
        raise _refused(part, x)
    return array


def _refused(part: Any, x: Tensor) -> OutOfRange:
    return OutOfRange(
        f"index {_shown(part)} of {x.shape}: integers, slices, ..., None, and arrays of integers "
        "or bools are understood; convert with .astype('int32') or .astype('bool')"
    )


def _shown(part: Any) -> str:
    shape = getattr(part, "shape", None)
    if shape is None:
        return repr(part)[:60]
    return f"of {getattr(part.dtype, 'name', part.dtype)} and shape {tuple(shape)}"


def _whole(i: int, axis: int, shape: tuple[int, ...]) -> int:
    n = shape[axis]
    if not -n <= i < n:
        raise OutOfRange(f"index {i} is outside axis {axis} of {shape}, which has size {n}")
    return i % n


def integers(index: Any, size: int, axis: int, shape: tuple[int, ...]) -> Index:
    """An index for an axis of ``size``; on the host checked and counted from the start."""
    if isinstance(index, Tensor):
        if not dtypes.is_integer(index.dtype):
            raise DTypeError(
                f"an index of {index.dtype.name} for axis {axis} of {shape}; it must be of "
                "integers: convert with .astype('int32')"
            )
        return index
    array = np.asarray(index)
    if array.dtype.kind not in "iu" and array.size:
        raise DTypeError(f"an index of {array.dtype} for axis {axis} of {shape}; use integers")
    wrong = array[(array < -size) | (array >= size)]
    if wrong.size:
        raise OutOfRange(
            f"index {int(wrong.flat[0])} is outside axis {axis} of {shape}, which has size {size}"
        )
    return np.where(array < 0, array + size, array).astype(np.int32 if size < 2**31 else np.int64)


def value_node(value: Any, x: Tensor) -> Node:
    """A value to be written into ``x``, of its dtype: a tensor's is converted on the device."""
    if isinstance(value, Tensor):
        return e.cast(value.node, x.dtype)
    if type(value) in (bool, int, float):
        if x.dtype.kind != "float" and not math.isfinite(value):
            raise DTypeError(f"{value} does not fit {x.dtype.name} of shape {x.shape}")
        return sources.const(value, x.dtype, x.device)
    return run.from_numpy(*host_array(value, x.dtype), x.device)


def index_node(index: Index, device: Device) -> Node:
    """The node of an index, int32 or int64."""
    if isinstance(index, Tensor):
        wide = index.dtype.itemsize == 8 or index.dtype is dtypes.uint32
        return e.cast(index.node, dtypes.int64 if wide else dtypes.int32)
    return run.from_numpy(index, dtypes.dtype_of(index.dtype), device)
