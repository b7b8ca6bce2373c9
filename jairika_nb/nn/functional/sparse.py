"""Classes and words as numbers: rows of a table, and vectors with a single one."""

from __future__ import annotations

from typing import Any

from jairika_nb.engine import dtypes
from jairika_nb.engine.ops import gather, views
from jairika_nb.errors import DTypeError, ShapeError
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.shaping import expand_dims
from jairika_nb.tensors.tensor import Tensor, node_of


def _index(asked: str, value: Any, like: Tensor | None = None) -> Tensor:
    index = Tensor(node_of(value, like.device if like is not None else None))
    if not dtypes.is_integer(index.dtype):
        raise DTypeError(f"{asked}: indices must be integers, not {index.dtype.name}")
    return index if index.dtype in (dtypes.int32, dtypes.int64) else index.astype("int32")


def embedding(input: Any, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """Rows of ``weight`` (V, D): input (...) of indices -> (..., D).

    Row ``padding_idx`` gets no gradient. Raises OutOfRange for an index outside the table when
    the values are read.

    >>> import jairika_nb as jrk
    >>> embedding([2, 0], jrk.tensor([[0.0], [1.0], [2.0]])).tolist()
    [[2.0], [0.0]]
    """
    index = _index("embedding", input, weight)
    if weight.ndim != 2:
        raise ShapeError(f"embedding: weight {weight.shape} must be (rows, size)")
    rows, size = index.size, weight.shape[1]
    wide = views.broadcast_to(index.reshape(rows, 1).node, (rows, size))
    table = weight
    if padding_idx is not None:
        at = padding_idx % weight.shape[0]
        fixed = (arange(weight.shape[0], device=weight.device) == at).reshape(-1, 1)
        table = where(fixed, weight.detach(), weight)
    return Tensor(gather.take_along(table.node, wide, 0)).reshape((*index.shape, size))


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """tensor (...) of class indices -> (..., classes) of 0 and 1, int64.

    Without ``num_classes`` the largest index, which is then read back, decides. An index outside
    the classes gives zeros.

    >>> one_hot([1, 0], 3).tolist()
    [[0, 1, 0], [1, 0, 0]]
    """
    index = _index("one_hot", tensor)
    classes = int(index.max().item()) + 1 if num_classes == -1 else num_classes
    ramp = arange(classes, device=index.device)
    return (expand_dims(index, -1) == ramp).astype("int64")
