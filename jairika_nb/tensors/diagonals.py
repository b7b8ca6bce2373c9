"""Diagonals taken, made and laid out in blocks, with PyTorch's names."""

from __future__ import annotations

import builtins
from typing import Any

from jairika_nb.engine.ops import views
from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors.arguments import all_tensors, on_tensors
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.joining import concat
from jairika_nb.tensors.linalg import diagonal
from jairika_nb.tensors.linear import tensors
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.shaping import expand_dims, flatten, moveaxis
from jairika_nb.tensors.tensor import Tensor


@on_tensors
def diag_embed(x: Tensor, /, *, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Tensor:
    """Matrices with the last axis of ``x`` on a diagonal, zeros elsewhere.

    >>> import jairika_nb as jrk
    >>> jrk.diag_embed(jrk.tensor([1, 2])).tolist()
    [[1, 0], [0, 2]]
    """
    if not x.ndim:
        raise ShapeError("diag_embed: a tensor of shape () has no axis to lay on a diagonal")
    rank = x.ndim + 1
    if not -rank <= axis1 < rank or not -rank <= axis2 < rank or (axis1 - axis2) % rank == 0:
        raise OutOfRange(f"diag_embed: axes {axis1} and {axis2} are no two of the {rank} axes")
    size = x.shape[-1] + builtins.abs(offset)
    before = builtins.max(-offset, 0)
    rows = arange(size, device=x.device)
    hit = expand_dims(rows, 1) + offset == rows
    # Row r of the matrix holds element r - before.
    none = ((0, 0, 0),) * (x.ndim - 1)
    column = Tensor(views.pad(x.node, (*none, (before, size - before - x.shape[-1], 0))))
    made = where(hit, expand_dims(column, -1), 0)
    return moveaxis(made, (-2, -1), (axis1, axis2))


@on_tensors
def diag(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal."""
    if x.ndim not in (1, 2):
        raise ShapeError(f"diag: {x.shape} is neither a vector nor a matrix; see linalg.diagonal")
    return diag_embed(x, offset=offset) if x.ndim == 1 else diagonal(x, offset=offset)


@on_tensors
def diagflat(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """The matrix with all elements of ``x`` on its diagonal."""
    return diag_embed(flatten(x), offset=offset)


def block_diag(*arrays: Any) -> Tensor:
    """A matrix with the given ones along its diagonal; vectors count as rows."""
    blocks = tensors(*all_tensors("block_diag", arrays))
    if builtins.any(b.ndim > 2 for b in blocks):
        shapes = ", ".join(str(b.shape) for b in blocks)
        raise ShapeError(f"block_diag: shapes {shapes}; each must have two axes at most")
    rows = [b.reshape((*(1,) * (2 - b.ndim), *b.shape)) for b in blocks]
    width, start, out = builtins.sum(b.shape[1] for b in rows), 0, []
    for b in rows:
        after = width - start - b.shape[1]
        out.append(Tensor(views.pad(b.node, ((0, 0, 0), (start, after, 0)))))
        start += b.shape[1]
    return concat(out, axis=0)
