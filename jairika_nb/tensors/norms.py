"""Norms of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.engine.dtypes import float32, is_float
from jairika_nb.engine.ops import host
from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.elementwise import abs, astype, not_equal, pow, sqrt, where
from jairika_nb.tensors.linear import tensors
from jairika_nb.tensors.reductions import any, max, min, sum
from jairika_nb.tensors.shaping import moveaxis, normal_axes, reshape
from jairika_nb.tensors.tensor import Axes, Tensor

Order = int | float | str | None


def real(x: Any) -> Tensor:
    """``x`` as a tensor of floats; integers become float32."""
    (found,) = tensors(x)
    return found if is_float(found.dtype) else astype(found, float32)


@on_tensors
def vector_norm(
    x: Any, /, *, axis: Axes = None, keepdims: bool = False, ord: int | float = 2
) -> Tensor:
    """The ``ord``-norm over ``axis`` (all axes by default, as one vector).

    ``ord`` is any number: inf and -inf give the largest and smallest size, 0 counts what is not
    zero. The derivative of a norm of zeros is taken as 0.

    >>> import jairika_nb as jrk
    >>> jrk.linalg.vector_norm(jrk.tensor([3.0, -4.0])).item()
    5.0
    """
    values = real(x)
    axes = normal_axes("vector_norm", axis, values.shape)
    if isinstance(ord, str):
        raise OutOfRange(f"vector_norm: ord={ord!r} is for matrices; use a number")
    if values.dtype.itemsize < float32.itemsize:
        # Squares of 300 are too large for float16 already.
        wide = vector_norm(astype(values, float32), axis=axes, keepdims=keepdims, ord=ord)
        return astype(wide, values.dtype)
    if not axes:
        return not_equal(values, 0).astype(values.dtype) if ord == 0 else abs(values)
    if math.isinf(ord):
        return (max if ord > 0 else min)(abs(values), axis=axes, keepdims=keepdims)
    if ord == 0:
        return sum(not_equal(values, 0).astype(values.dtype), axis=axes, keepdims=keepdims)
    if ord == 1:
        return sum(abs(values), axis=axes, keepdims=keepdims)
    if ord == 2:
        return _root(sum(values * values, axis=axes, keepdims=keepdims))
    return _power_norm(abs(values), float(ord), axes, keepdims)


def _root(total: Tensor) -> Tensor:
    # At 0 the root's slope is infinite; what reaches it is 0 times that.
    zero = total == 0
    return where(zero, 0.0, sqrt(where(zero, 1.0, total)))


def _power_norm(sizes: Tensor, ord: float, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    zero = sizes == 0
    powers = where(zero, 0.0, pow(where(zero, 1.0, sizes), ord))
    total = sum(powers, axis=axes, keepdims=keepdims)
    # A power below 0 is infinite at 0, and then the root of the sum is 0.
    flat = any(zero, axis=axes, keepdims=keepdims) if ord < 0 else total == 0
    return where(flat, 0.0, pow(where(flat, 1.0, total), 1 / ord))


@on_tensors
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Order = "fro") -> Tensor:
    """The norm of each matrix in the last two axes.

    ``ord`` is "fro" (root of the sum of squares), "nuc" (sum of singular values), 2 or -2
    (largest, smallest singular value), 1 or -1 (largest, smallest column sum of sizes), inf or
    -inf (row sum). Singular values are computed on the host.

    >>> import jairika_nb as jrk
    >>> jrk.linalg.matrix_norm(jrk.tensor([[1.0, -2.0], [3.0, 4.0]]), ord=1).item()
    6.0
    """
    values = real(x)
    if values.ndim < 2:
        raise ShapeError(f"matrix_norm: shape {values.shape} has no two axes; use vector_norm")
    if ord not in _MATRIX_ORDERS:
        known = ", ".join(repr(o) for o in _MATRIX_ORDERS)
        raise OutOfRange(f"matrix_norm: ord={ord!r} is unknown; use one of {known}")
    if ord in ("fro", None):
        return vector_norm(values, axis=(-2, -1), keepdims=keepdims)
    if ord in ("nuc", 2, -2):
        found = _singular(values, ord)
        return reshape(found, (*found.shape, 1, 1)) if keepdims else found
    if 0 in values.shape[-2:] and ord in (1, math.inf):
        return vector_norm(values, axis=(-2, -1), keepdims=keepdims)
    summed, picked = (-2, -1) if ord in (1, -1) else (-1, -2)
    sums = sum(abs(values), axis=summed, keepdims=True)
    best = (max if float(ord) > 0 else min)(sums, axis=picked, keepdims=True)  # type: ignore
    return best if keepdims else reshape(best, best.shape[:-2])


_MATRIX_ORDERS = ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf, None)


def _singular(x: Tensor, ord: Order) -> Tensor:
    values = Tensor(host.svd(x.node, False)[1])
    if not values.shape[-1] and ord == 2:
        ord = "nuc"  # of no singular values the largest is 0, as their sum
    return {"nuc": sum, 2: max, -2: min}[ord](values, axis=-1)  # type: ignore


@on_tensors
def norm(x: Any, /, ord: Order = None, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """PyTorch's norm: of all elements, of vectors along one axis, or of matrices in two axes.

    Without ``ord`` it is the root of the sum of squares. With ``ord`` and no ``axis``, ``x`` must
    be a vector or a matrix, whose norm it is.
    """
    values = real(x)
    if axis is None and ord is not None and values.ndim not in (1, 2):
        raise ShapeError(
            f"norm: with ord={ord!r} shape {values.shape} must have one or two axes; pass axis="
        )
    axes = tuple(range(values.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    if ord is None or (len(axes) == 1 and not isinstance(ord, str)):
        return vector_norm(values, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)  # type: ignore
    if len(axes) != 2:
        raise ShapeError(f"norm: ord={ord!r} needs one or two axes, not {tuple(axes)}")
    normal_axes("norm", tuple(axes), values.shape)
    found = matrix_norm(moveaxis(values, tuple(axes), (-2, -1)), ord=ord)
    if not keepdims:
        return found
    kept = normal_axes("norm", tuple(axes), values.shape)
    return reshape(found, tuple(1 if i in kept else n for i, n in enumerate(values.shape)))
