"""Reading elements at places that are data: the root of all indexing by arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.errors import DTypeError, OutOfRange, ShapeError


def take_along(x: Node, index: Node, axis: int, within: bool = False) -> Node:
    """``out[.., i, ..] = x[.., index[.., i, ..], ..]``; shape of ``index``.

    ``index`` holds int32 or int64 and equals ``x`` in all axes but ``axis``; expand views repeat
    it for nothing. Negative indices count from the end. An index outside the axis raises
    OutOfRange when the values are computed, for only the device knows it. ``within`` says that none
    can be, as of a permutation, so that nobody needs to look.
    """
    if index.dtype not in (dtypes.int32, dtypes.int64):
        raise DTypeError(f"gather: an index of {index.dtype.name}; it must be int32 or int64")
    _check(x, index, axis)
    return make("gather", (x, index), (axis, within))


def _check(x: Node, index: Node, axis: int) -> None:
    rest = [n for i, n in enumerate(x.shape) if i != axis]
    if len(x.shape) != len(index.shape) or rest != [
        n for i, n in enumerate(index.shape) if i != axis
    ]:
        raise ShapeError(
            f"gather along axis {axis}: an index of shape {index.shape} for {x.shape}; all axes "
            f"but {axis} must be equal"
        )
    if index.size and not x.shape[axis]:
        raise OutOfRange(f"gather along axis {axis} of {x.shape}: an empty axis has no elements")


def _infer(x: Node, index: Node, attrs: Any) -> tuple[Shape, DType]:
    return index.shape, x.dtype


def _reference(attrs: tuple[int], x: np.ndarray, index: np.ndarray) -> np.ndarray:
    axis = attrs[0]
    check_range(index, x.shape[axis], axis)
    return np.take_along_axis(x, index.astype(np.int64), axis)


def check_range(index: np.ndarray, size: int, axis: int) -> None:
    """Raise OutOfRange for the first index outside an axis of ``size``."""
    wrong = index[(index < -size) | (index >= size)]
    if wrong.size:
        raise OutOfRange(
            f"index {int(wrong.flat[0])} is outside axis {axis}, which has size {size}; indices "
            f"run from {-size} to {size - 1}"
        )


def _vjp(g: Node, y: Node, x: Node, index: Node) -> tuple[Node | None, None]:
    from jairika_nb.engine.ops.scatter import added

    return added(x, index, g, y.attrs[0]), None


define(Op("gather", "gather", _infer, _reference, _vjp, cost=4))
