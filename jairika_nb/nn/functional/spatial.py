"""What functions over spatial axes share: sizes given once or for each axis, missing batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors.plain import whole
from jairika_nb.tensors.tensor import Tensor

Sizes = int | Sequence[int]


def each_axis(asked: str, name: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """``value`` for each of ``rank`` axes: one integer for all, or a sequence of them.

    >>> each_axis("conv2d", "stride", 2, 2)
    (2, 2)
    """
    given = (value,) * rank if whole(value) is not None else value
    if not isinstance(given, (tuple, list)) or not all(whole(v) is not None for v in given):
        raise OutOfRange(f"{asked}: {name}={value!r} must be an integer or {rank} of them")
    if len(given) == 1:
        given = tuple(given) * rank
    if len(given) != rank:
        raise OutOfRange(f"{asked}: {name}={value!r} has {len(given)} sizes for {rank} axes")
    if any(int(v) < least for v in given):
        raise OutOfRange(f"{asked}: {name}={value!r} must be from {least} up")
    return tuple(int(v) for v in given)


def with_batch(asked: str, x: Tensor, rank: int) -> tuple[Tensor, bool]:
    """``x`` as (N, C, *size), and whether the batch axis had to be added."""
    if x.ndim not in (rank + 1, rank + 2):
        raise ShapeError(
            f"{asked}: input {x.shape} needs {rank + 2} axes (N, C and {rank} of space), or "
            f"{rank + 1} without the batch"
        )
    return (x.reshape((1, *x.shape)), True) if x.ndim == rank + 1 else (x, False)


def without_batch(x: Tensor, added: bool) -> Tensor:
    """``x`` without the batch axis that :func:`with_batch` added."""
    return x.reshape(x.shape[1:]) if added else x
