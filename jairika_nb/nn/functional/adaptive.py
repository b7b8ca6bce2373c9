"""Pooling to a wanted size: window ``i`` of ``o`` runs from floor(i n/o) to ceil((i+1) n/o)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jairika_nb.errors import OutOfRange
from jairika_nb.nn.functional.pooling import MaxResult, best_of
from jairika_nb.nn.functional.spatial import each_axis, with_batch, without_batch
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.tensors.windows import picked

Wanted = int | Sequence[int | None] | None


def _sizes(asked: str, output_size: Any, x: Tensor) -> list[int]:
    """The wanted sizes; None keeps an axis as it is."""
    rank = x.ndim - 2
    several = isinstance(output_size, (tuple, list))
    given = list(output_size) if several else [output_size] * rank
    if len(given) != rank:
        raise OutOfRange(f"{asked}: output_size={output_size!r} needs {rank} sizes")
    kept = [n if o is None else o for o, n in zip(given, x.shape[2:], strict=True)]
    return list(each_axis(asked, "output_size", kept, rank))


def _table(n: int, out: int) -> tuple[np.ndarray, np.ndarray]:
    """Places (out, longest) of each window's elements, the last repeated, and their counts."""
    starts = np.arange(out) * n // out
    ends = -(-(np.arange(1, out + 1) * n) // out)
    longest = np.arange((ends - starts).max(initial=1))
    return np.minimum(starts[:, None] + longest, ends[:, None] - 1), ends - starts


def _average(x: Tensor, axis: int, out: int) -> Tensor:
    n = x.shape[axis]
    if n % out == 0:
        return x.reshape((*x.shape[:axis], out, n // out, *x.shape[axis + 1 :])).mean(axis=axis + 1)
    places, counts = _table(n, out)
    share = (np.arange(places.shape[1]) < counts[:, None]) / counts[:, None]
    weights = tensor(share, x.dtype, x.device)
    weights = weights.reshape((*share.shape, *(1,) * (x.ndim - axis - 1)))
    return (picked(x, axis, places) * weights).sum(axis=axis + 1)


def _adaptive_avg(asked: str, x: Tensor, output_size: Wanted) -> Tensor:
    x, added = with_batch(asked, x, int(asked[-2]))
    for axis, out in enumerate(_sizes(asked, output_size, x), start=2):
        x = _average(x, axis, out)
    return without_batch(x, added)


@on_tensors
def adaptive_avg_pool1d(x: Tensor, output_size: Wanted) -> Tensor:
    """Means over as many windows of x (N, C, L) as wanted.

    >>> import jairika_nb as jrk
    >>> adaptive_avg_pool1d(jrk.tensor([[[1.0, 3.0, 2.0, 0.0]]]), 2).tolist()
    [[[2.0, 1.0]]]
    """
    return _adaptive_avg("adaptive_avg_pool1d", x, output_size)


@on_tensors
def adaptive_avg_pool2d(x: Tensor, output_size: Wanted) -> Tensor:
    """Means over windows of x (N, C, H, W); None keeps an axis."""
    return _adaptive_avg("adaptive_avg_pool2d", x, output_size)


@on_tensors
def adaptive_avg_pool3d(x: Tensor, output_size: Wanted) -> Tensor:
    """Means over windows of x (N, C, D, H, W); None keeps an axis."""
    return _adaptive_avg("adaptive_avg_pool3d", x, output_size)


def _adaptive_max(asked: str, x: Tensor, output_size: Wanted, return_indices: bool) -> MaxResult:
    x, added = with_batch(asked, x, int(asked[-2]))
    seen, places = x, []
    for i, out in enumerate(_sizes(asked, output_size, x)):
        table = _table(x.shape[2 + i], out)[0]
        places.append(tensor(table.astype(np.int32), device=x.device))
        seen = _split(seen, 2 + 2 * i, table)
    best = seen.max(axis=tuple(range(3, seen.ndim, 2)), keepdims=True)
    return best_of(x, seen, best, places, added, return_indices)


def _split(x: Tensor, axis: int, table: np.ndarray) -> Tensor:
    if math.prod(table.shape) == x.shape[axis]:
        return x.reshape((*x.shape[:axis], *table.shape, *x.shape[axis + 1 :]))
    return picked(x, axis, table)


@on_tensors
def adaptive_max_pool1d(x: Tensor, output_size: Wanted, return_indices: bool = False) -> MaxResult:
    """The largest in each of as many windows of x (N, C, L) as wanted, and where if asked."""
    return _adaptive_max("adaptive_max_pool1d", x, output_size, return_indices)


@on_tensors
def adaptive_max_pool2d(x: Tensor, output_size: Wanted, return_indices: bool = False) -> MaxResult:
    """As :func:`adaptive_max_pool1d` for x (N, C, H, W); None keeps an axis."""
    return _adaptive_max("adaptive_max_pool2d", x, output_size, return_indices)


@on_tensors
def adaptive_max_pool3d(x: Tensor, output_size: Wanted, return_indices: bool = False) -> MaxResult:
    """As :func:`adaptive_max_pool1d` for x (N, C, D, H, W); None keeps an axis."""
    return _adaptive_max("adaptive_max_pool3d", x, output_size, return_indices)
