"""Normalisation: values shifted and scaled by the statistics of a group of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

from jairika_nb.engine.dtypes import NARROW, promote
from jairika_nb.engine.ops.normalised import normalised
from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.elementwise import clip, detach, maximum, sqrt, where
from jairika_nb.tensors.joining import broadcast_arrays
from jairika_nb.tensors.reductions import max as largest
from jairika_nb.tensors.reductions import sum as total
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.tensors.windows import padded, sliding

P = ParamSpec("P")


def _in_single(function: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """The function computed in float32 where its input is of 2 bytes, whose squares overflow."""

    @functools.wraps(function)
    def widened(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        x: Any = args[0]
        if x.dtype not in NARROW:
            return function(*args, **kwargs)
        found = function(x.astype("float32"), *args[1:], **kwargs)  # type: ignore[arg-type]
        return found.astype(x.dtype)

    return widened


def _standard(x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    """``x`` with mean 0 and variance 1 over ``axes``."""
    mean = x.mean(axis=axes, keepdims=True)
    centred = x - mean
    scale = (centred.square().mean(axis=axes, keepdims=True) + eps).rsqrt()
    return _derived(centred * scale, x, mean, scale, axes)


def _derived(
    y: Tensor, x: Tensor, mean: Tensor, scale: Tensor, axes: tuple[int, ...], *affine: Tensor
) -> Tensor:
    """``y`` with the derivative of values normalised over ``axes``."""
    nodes = [each.astype(y.dtype).node for each in (x, mean, scale, *affine)]
    return Tensor(normalised(y.node, nodes[0], nodes[1], nodes[2], axes, tuple(nodes[3:])))


def _along_channels(asked: str, name: str, value: Tensor, x: Tensor) -> Tensor:
    if value.shape != (x.shape[1],):
        raise ShapeError(
            f"{asked}: {name} {value.shape} does not fit {x.shape[1]} channels of {x.shape}"
        )
    return value.reshape((x.shape[1], *(1,) * (x.ndim - 2)))


def _scaled(asked: str, y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    if weight is not None:
        y = y * _along_channels(asked, "weight", weight, y)
    return y if bias is None else y + _along_channels(asked, "bias", bias, y)


def _needs_channels(asked: str, x: Tensor, least: int = 2) -> None:
    if x.ndim < least:
        raise ShapeError(f"{asked}: input {x.shape} needs at least {least} axes, (N, C, ...)")


@on_tensors
@_in_single
def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """x (N, C, ...) normalised over all axes but the channels (Ioffe & Szegedy 2015).

    In training by its own statistics, and the running ones, (C,), move towards them by
    ``momentum`` (the variance without bias); otherwise by the running ones.

    >>> import jairika_nb as jrk
    >>> batch_norm(jrk.tensor([[1.0], [3.0]]), None, None, training=True, eps=0.0).tolist()
    [[-1.0], [1.0]]
    """
    _needs_channels("batch_norm", x)
    if not training:
        if running_mean is None or running_var is None:
            raise ShapeError(
                "batch_norm: without training, running_mean and running_var are needed"
            )
        mean = _along_channels("batch_norm", "running_mean", running_mean, x)
        var = _along_channels("batch_norm", "running_var", running_var, x)
        return _scaled("batch_norm", (x - mean) * (var + eps).rsqrt(), weight, bias)
    count = math.prod(n for axis, n in enumerate(x.shape) if axis != 1)
    if count == 0:
        return _scaled("batch_norm", x, weight, bias)
    if count < 2:
        raise ShapeError(f"batch_norm: training needs more than one value a channel, not {x.shape}")
    # The axes of space are seen as one, so that sums run over long rows.
    flat = x.reshape(*x.shape[:2], -1) if x.ndim > 3 else x
    axes = (0, *range(2, flat.ndim))
    mean = flat.mean(axis=axes, keepdims=True)
    centred = flat - mean
    var = centred.square().mean(axis=axes, keepdims=True)
    _move(running_mean, mean, momentum)
    _move(running_var, var * (count / (count - 1)), momentum)
    scale = (var + eps).rsqrt()
    y = _affine(flat, mean, scale, axes, weight, bias)
    return y if flat is x else y.reshape(x.shape)


def _affine(
    x: Tensor, mean: Tensor, scale: Tensor, axes: tuple[int, ...], weight: Tensor | None,
    bias: Tensor | None,
) -> Tensor:  # fmt: skip
    """``(x - mean) * scale * weight + bias`` with the derivative of normalised values."""
    y = (x - mean) * scale
    if weight is None or bias is None:
        return _scaled("batch_norm", _derived(y, x, mean, scale, axes), weight, bias)
    along = (_along_channels("batch_norm", "weight", weight, x),
             _along_channels("batch_norm", "bias", bias, x))  # fmt: skip
    return _derived(y * along[0] + along[1], x, mean, scale, axes, *along)


def _move(running: Tensor | None, found: Tensor, momentum: float) -> None:
    if running is not None:
        new = running * (1 - momentum) + found.reshape(running.shape) * momentum
        running.node = detach(new.astype(running.dtype)).node


@on_tensors
@_in_single
def instance_norm(
    x: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """x (N, C, ...) normalised over the axes of space, each sample and channel alone.

    Running statistics are moved and used as in :func:`batch_norm` (Ulyanov et al. 2016).
    """
    _needs_channels("instance_norm", x, 3)
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    axes = tuple(range(2, x.ndim))
    count = math.prod(x.shape[2:])
    if running_mean is not None:
        _move(running_mean, x.mean(axis=axes).mean(axis=0), momentum)
    if running_var is not None:
        unbiased = x.var(axis=axes) * (count / max(count - 1, 1))
        _move(running_var, unbiased.mean(axis=0), momentum)
    return _scaled("instance_norm", _standard(x, axes, eps), weight, bias)


def _shape_axes(
    asked: str, x: Tensor, normalized_shape: int | Sequence[int], *parameters: Tensor | None
) -> tuple[int, ...]:
    given = normalized_shape
    shape = (given,) if isinstance(given, int) else tuple(given)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ShapeError(f"{asked}: the last axes of {x.shape} are not normalized_shape {shape}")
    for parameter in parameters:
        if parameter is not None and parameter.shape != shape:
            raise ShapeError(f"{asked}: weight or bias {parameter.shape} must have shape {shape}")
    return tuple(range(x.ndim - len(shape), x.ndim))


@on_tensors
@_in_single
def layer_norm(
    x: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """``x`` normalised over its last axes, whose sizes are ``normalized_shape`` (Ba et al. 2016).

    >>> import jairika_nb as jrk
    >>> layer_norm(jrk.tensor([[1.0, 3.0]]), 2, eps=0.0).tolist()
    [[-1.0, 1.0]]
    """
    y = _standard(x, _shape_axes("layer_norm", x, normalized_shape, weight, bias), eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


@on_tensors
@_in_single
def rms_norm(
    x: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """``x`` over the root of the mean of its squares (Zhang & Sennrich 2019).

    ``eps`` is the dtype's by default.
    """
    axes = _shape_axes("rms_norm", x, normalized_shape, weight)
    if eps is None:
        from jairika_nb.tensors.dtypes import finfo

        eps = float(finfo(x.dtype).eps)
    y = x * (x.square().mean(axis=axes, keepdims=True) + eps).rsqrt()
    return y if weight is None else y * weight


@on_tensors
@_in_single
def group_norm(
    x: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """x (N, C, ...) normalised over groups of channels and space (Wu & He 2018)."""
    _needs_channels("group_norm", x)
    if num_groups < 1 or x.shape[1] % num_groups:
        raise ShapeError(f"group_norm: {x.shape[1]} channels do not split into {num_groups} groups")
    rows = x.reshape((x.shape[0], num_groups, x.shape[1] // num_groups, *x.shape[2:]))
    y = _standard(rows, tuple(range(2, rows.ndim)), eps).reshape(x.shape)
    return _scaled("group_norm", y, weight, bias)


@on_tensors
@_in_single
def local_response_norm(
    x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """``x / (k + alpha * mean of squares of size channels around)**beta`` (Krizhevsky 2012)."""
    _needs_channels("local_response_norm", x, 3)
    if size < 1:
        raise OutOfRange(f"local_response_norm: size={size} must be from 1 up")
    rows = x.square().permute(0, *range(2, x.ndim), 1)
    seen = sliding(padded(rows, [(size // 2, (size - 1) // 2)]), [size], [1], [1])
    means = seen.mean(axis=-1).permute(0, x.ndim - 1, *range(1, x.ndim - 1))
    return x / (means * alpha + k) ** beta


@on_tensors
@_in_single
def normalize(
    x: Tensor, p: float = 2.0, axis: int | Sequence[int] = 1, eps: float = 1e-12
) -> Tensor:
    """``x`` over its ``p``-norm along ``axis``, which counts at least as ``eps``.

    >>> import jairika_nb as jrk
    >>> [round(v, 3) for v in normalize(jrk.tensor([[3.0, 4.0]])).tolist()[0]]
    [0.6, 0.8]
    """
    return x / clip(safe_norm(x, p, axis), min=eps)


def safe_norm(x: Tensor, p: float, axis: int | Sequence[int]) -> Tensor:
    """The ``p``-norm along ``axis``, which stays; its derivative at 0 counts as 0 for ``p`` 2."""
    if p == 2:
        return _safe_root(total(x.square(), axis=axis, keepdims=True))
    if p == math.inf:
        return largest(x.abs(), axis=axis, keepdims=True)
    if p == 0:
        return total((x != 0).astype(x.dtype), axis=axis, keepdims=True)
    if p == 1:
        return total(x.abs(), axis=axis, keepdims=True)
    return total(x.abs() ** float(p), axis=axis, keepdims=True) ** (1.0 / p)


def _safe_root(x: Tensor) -> Tensor:
    # The root has no finite slope at 0; there the norm's derivative counts as 0.
    zero = x == 0
    return where(zero, 0.0, sqrt(where(zero, 1.0, x)))


@on_tensors
@_in_single
def cosine_similarity(x1: Tensor, x2: Tensor, axis: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along ``axis``; norms count at least as ``eps``."""
    common = promote(x1.dtype, x2.dtype)
    x1, x2 = broadcast_arrays(x1.astype(common), x2.astype(common))
    one, other = (maximum(safe_norm(v, 2, axis), eps) for v in (x1, x2))
    return total((x1 / one) * (x2 / other), axis=axis)
