"""Taking tensors apart and laying them side by side, with PyTorch's names."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

from jairika_nb.errors import ArgumentError, OutOfRange, ShapeError
from jairika_nb.tensors.arguments import all_tensors, on_tensors, whole_numbers
from jairika_nb.tensors.joining import concat
from jairika_nb.tensors.shaping import expand_dims, flip, normal_axes, reshape, transpose
from jairika_nb.tensors.tensor import Tensor


def _piece(x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    return x[(*(slice(None),) * axis, slice(start, stop))]


def _axis(name: str, axis: int, x: Tensor) -> int:
    (at,) = normal_axes(name, whole_numbers(name, "axis", axis), x.shape)
    return at


@on_tensors
def split(x: Tensor, sizes: int | Sequence[int], /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """Pieces along ``axis``: of one size, the last perhaps smaller, or of the given sizes.

    >>> import jairika_nb as jrk
    >>> [p.shape for p in jrk.split(jrk.ones((5, 2)), 2)]
    [(2, 2), (2, 2), (1, 2)]
    """
    at = _axis("split", axis, x)
    n = x.shape[at]
    each = whole_numbers("split", "sizes", sizes)
    if isinstance(sizes, int):
        if sizes < 0 or (sizes == 0 and n):
            raise OutOfRange(f"split: pieces of size {sizes} of {x.shape}; it must be 1 or more")
        each = (*(sizes,) * (n // sizes), *((n % sizes,) if n % sizes else ())) if n else (0,)
    if builtins.any(s < 0 for s in each) or builtins.sum(each) != n:
        raise ShapeError(f"split: sizes {each} do not add up to axis {axis} of {x.shape}")
    return _cut(x, at, each)


def _cut(x: Tensor, axis: int, sizes: Sequence[int]) -> tuple[Tensor, ...]:
    out, start = [], 0
    for size in sizes:
        out.append(_piece(x, axis, start, start + size))
        start += size
    return tuple(out)


@on_tensors
def chunk(x: Tensor, chunks: int, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """At most ``chunks`` pieces of one size along ``axis``; the last may be smaller."""
    (chunks,) = whole_numbers("chunk", "chunks", chunks)
    if chunks < 1:
        raise OutOfRange(f"chunk: chunks={chunks} must be 1 or more")
    at = _axis("chunk", axis, x)
    n = x.shape[at]
    return split(x, -(-n // chunks), axis=at) if n else (x,) * chunks


@on_tensors
def tensor_split(
    x: Tensor, sections: int | Sequence[int], /, *, axis: int = 0
) -> tuple[Tensor, ...]:
    """``sections`` pieces of sizes that differ by 1 at most, or pieces between given places."""
    at = _axis("tensor_split", axis, x)
    n = x.shape[at]
    sections = sections.tolist() if isinstance(sections, Tensor) else sections
    if isinstance(sections, int):
        if sections < 1:
            raise OutOfRange(f"tensor_split: sections={sections} must be 1 or more")
        small, larger = divmod(n, sections)
        return _cut(x, at, [small + (i < larger) for i in range(sections)])
    places = whole_numbers("tensor_split", "sections", sections)
    ends = zip((0, *places), (*places, n), strict=True)
    return tuple(_piece(x, at, start, stop) for start, stop in ends)


@on_tensors
def narrow(x: Tensor, axis: int, start: int, length: int) -> Tensor:
    """``length`` elements along ``axis`` from ``start``; a negative start is from the end."""
    at = _axis("narrow", axis, x)
    n = x.shape[at]
    first = start + n if start < 0 else start
    if not 0 <= first <= n or not 0 <= length <= n - first:
        raise OutOfRange(
            f"narrow: {length} elements from {start} on are not within axis {axis} of {x.shape}"
        )
    return _piece(x, at, first, first + length)


@on_tensors
def select(x: Tensor, axis: int, index: int) -> Tensor:
    """The slice of ``x`` at ``index`` along ``axis``, without that axis."""
    return x[(*(slice(None),) * _axis("select", axis, x), index)]


@on_tensors
def unflatten(x: Tensor, axis: int, sizes: Sequence[int]) -> Tensor:
    """``x`` with ``axis`` made several axes of ``sizes``, of which one may be -1."""
    at = _axis("unflatten", axis, x)
    return reshape(
        x, (*x.shape[:at], *whole_numbers("unflatten", "sizes", sizes), *x.shape[at + 1 :])
    )


def _at_least(rank: int) -> Callable[..., Any]:
    def function(*arrays: Any) -> Any:
        given = all_tensors(f"atleast_{rank}d", arrays)
        raised = tuple(_raised(x, rank) for x in given)
        return raised[0] if len(raised) == 1 else raised

    function.__name__ = function.__qualname__ = f"atleast_{rank}d"
    function.__doc__ = f"Tensors with axes of size 1 added as NumPy does, until there are {rank}."
    return function


def _raised(x: Tensor, rank: int) -> Tensor:
    if x.ndim >= rank:
        return x
    if rank == 3 and x.ndim:
        return reshape(x, (1, *x.shape, 1) if x.ndim == 1 else (*x.shape, 1))
    return reshape(x, (*(1,) * (rank - x.ndim), *x.shape))


atleast_1d, atleast_2d, atleast_3d = map(_at_least, (1, 2, 3))


def hstack(arrays: Sequence[Tensor], /) -> Tensor:
    """The tensors side by side: joined along axis 1, vectors along axis 0."""
    rows = [_raised(x, 1) for x in all_tensors("hstack", arrays)]
    return concat(rows, axis=0 if rows[0].ndim == 1 else 1)


def vstack(arrays: Sequence[Tensor], /) -> Tensor:
    """The tensors one above the other: joined along axis 0, vectors as rows.

    >>> import jairika_nb as jrk
    >>> jrk.vstack([jrk.arange(2), jrk.arange(2)]).tolist()
    [[0, 1], [0, 1]]
    """
    return concat([_raised(x, 2) for x in all_tensors("vstack", arrays)], axis=0)


def dstack(arrays: Sequence[Tensor], /) -> Tensor:
    """The tensors one behind the other: joined along axis 2."""
    return concat([_raised(x, 3) for x in all_tensors("dstack", arrays)], axis=2)


def column_stack(arrays: Sequence[Tensor], /) -> Tensor:
    """The tensors side by side, vectors as columns."""
    rows = all_tensors("column_stack", arrays)
    return concat([reshape(x, (-1, 1)) if x.ndim < 2 else x for x in rows], axis=1)


def _split_along(name: str, axis: int, rank: int) -> Callable[..., tuple[Tensor, ...]]:
    def function(x: Tensor, sections: int | Sequence[int], /) -> tuple[Tensor, ...]:
        if x.ndim < rank:
            raise ShapeError(f"{name}: {x.shape} needs {rank} axes or more")
        at = 0 if x.ndim == 1 else axis
        if isinstance(sections, int) and (sections < 1 or x.shape[at] % sections):
            raise ArgumentError(
                f"{name}: axis {at} of {x.shape} cannot be cut into {sections} equal pieces; "
                "tensor_split cuts unequal ones"
            )
        return tensor_split(x, sections, axis=at)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Equal pieces along axis {axis}, or pieces between given places."
    return on_tensors(function)


hsplit = _split_along("hsplit", 1, 1)
vsplit = _split_along("vsplit", 0, 2)
dsplit = _split_along("dsplit", 2, 3)


@on_tensors
def fliplr(x: Tensor, /) -> Tensor:
    """``x`` with the order along axis 1 reversed."""
    if x.ndim < 2:
        raise ShapeError(f"fliplr: {x.shape} needs two axes or more; use flip")
    return flip(x, axis=1)


@on_tensors
def flipud(x: Tensor, /) -> Tensor:
    """``x`` with the order along axis 0 reversed."""
    if x.ndim < 1:
        raise ShapeError("flipud: a tensor of shape () has no axes")
    return flip(x, axis=0)


@on_tensors
def rot90(x: Tensor, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """``x`` turned ``k`` times by 90 degrees, from the first of ``axes`` to the second.

    >>> import jairika_nb as jrk
    >>> jrk.rot90(jrk.tensor([[1, 2], [3, 4]])).tolist()
    [[2, 4], [1, 3]]
    """
    (k,) = whole_numbers("rot90", "k", k)
    if len(axes) != 2 or x.ndim < 2:
        raise ShapeError(f"rot90: axes {tuple(axes)} of {x.shape}; there must be two")
    normal_axes("rot90", tuple(axes), x.shape)
    first, second = axes
    if k % 4 == 2:
        return flip(flip(x, axis=first), axis=second)
    if k % 4 == 1:
        return transpose(flip(x, axis=second), first, second)
    return flip(transpose(x, first, second), axis=second) if k % 4 else x


@on_tensors
def expand_as(x: Tensor, like: Tensor) -> Tensor:
    """``x`` repeated to the shape of ``like``."""
    if not isinstance(like, Tensor):
        raise ArgumentError(f"expand_as: like must be a tensor, not {type(like).__name__}")
    return x.expand(*like.shape) if like.ndim else x + 0


@on_tensors
def unsqueeze(x: Tensor, axis: int) -> Tensor:
    """``x`` with a new axis of size 1 at ``axis``."""
    return expand_dims(x, axis)
