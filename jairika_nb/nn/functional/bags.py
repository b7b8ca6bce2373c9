"""Sums, means and maxima of the rows that bags of indices look up."""

from __future__ import annotations

from typing import Any

from jairika_nb.engine import dtypes
from jairika_nb.errors import ArgumentError, OutOfRange, ShapeError
from jairika_nb.nn.functional.sparse import embedding, whole_index
from jairika_nb.tensors.arguments import answering
from jairika_nb.tensors.creation import ones_like, zeros
from jairika_nb.tensors.elementwise import maximum, where
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.scattering import index_add, index_reduce
from jairika_nb.tensors.searching import searchsorted
from jairika_nb.tensors.tensor import Tensor

MODES = ("sum", "mean", "max")


@answering
def embedding_bag(
    input: Any,
    weight: Tensor,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Rows of ``weight`` (V, D) joined bag by bag by ``mode``: sum, mean or max -> (bags, D).

    Each row of a 2-d ``input`` is a bag; of a 1-d one bags begin at ``offsets``, ascending from 0,
    whose last is its end with ``include_last_offset``. An empty bag gives zeros, and the row
    ``padding_idx`` counts in none. ``per_sample_weights``, of the input's shape, scale what a sum
    adds. The other arguments are those of :func:`embedding`.

    >>> import jairika_nb as jrk
    >>> table = jrk.tensor([[1.0], [2.0], [5.0]])
    >>> embedding_bag([0, 2, 1], table, [0, 2]).tolist()
    [[3.0], [2.0]]
    """
    index = whole_index("embedding_bag", input, weight)
    _check(index, weight, offsets, mode, per_sample_weights, scale_grad_by_freq)
    rows = embedding(index, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq)
    scale = None if per_sample_weights is None else per_sample_weights.unsqueeze(-1)
    rows = rows if scale is None else rows * scale
    counted = ones_like(index, dtype=weight.dtype).unsqueeze(-1)
    if padding_idx is not None:
        row = padding_idx % weight.shape[0]
        counted = (index != row).astype(weight.dtype).unsqueeze(-1)
    blank = dtypes.limits(rows.dtype)[0] if mode == "max" else 0.0
    rows = rows if padding_idx is None else where(counted > 0, rows, blank)
    if index.ndim == 2:
        return _joined_rows(rows, counted, mode)
    starts = whole_index("embedding_bag", offsets, weight)
    return _joined_runs(rows, counted, starts, include_last_offset, mode)


def _check(
    index: Tensor, weight: Tensor, offsets: Any, mode: str, scale: Any, by_frequency: bool
) -> None:
    if mode not in MODES:
        raise OutOfRange(f"embedding_bag: mode={mode!r} is unknown; use {', '.join(MODES)}")
    if index.ndim not in (1, 2) or (index.ndim == 1) == (offsets is None):
        given = "no offsets" if offsets is None else "offsets"
        raise ShapeError(
            f"embedding_bag: input {index.shape} with {given}: one axis needs offsets, two are "
            "bags of equal size and need none"
        )
    if scale is not None and (mode != "sum" or scale.shape != index.shape):
        raise ShapeError(
            f"embedding_bag: per_sample_weights {scale.shape} with mode={mode!r} need mode='sum' "
            f"and the input's shape {index.shape}"
        )
    if mode == "max" and by_frequency:
        raise ArgumentError("embedding_bag: scale_grad_by_freq has no meaning with mode='max'")


def _joined_rows(rows: Tensor, counted: Tensor, mode: str) -> Tensor:
    many = counted.sum(axis=1)
    if rows.shape[1] == 0:
        return rows.sum(axis=1)
    if mode == "max":
        return where(many > 0, rows.max(axis=1), 0.0)
    total = rows.sum(axis=1)
    return total / maximum(many, 1.0) if mode == "mean" else total


def _joined_runs(
    rows: Tensor, counted: Tensor, starts: Tensor, include_last: bool, mode: str
) -> Tensor:
    if starts.ndim != 1 or starts.size < int(include_last):
        raise ShapeError(f"embedding_bag: offsets {starts.shape} must have one axis")
    starts = starts[:-1] if include_last else starts
    places = arange(rows.shape[0], device=rows.device, dtype=starts.dtype)
    bag = searchsorted(starts, places, side="right") - 1
    none = zeros((starts.size, rows.shape[1]), dtype=rows.dtype, device=rows.device)
    many = index_add(none[:, :1], 0, bag, counted)
    if mode == "max":
        return where(many > 0, index_reduce(none, 0, bag, rows, "amax", include_self=False), 0.0)
    total = index_add(none, 0, bag, rows)
    return total / maximum(many, 1.0) if mode == "mean" else total
