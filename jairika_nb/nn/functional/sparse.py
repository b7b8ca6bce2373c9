"""Classes and words as numbers: rows of a table, and vectors with a single one."""

from __future__ import annotations

from typing import Any

from jairika_nb.engine import dtypes
from jairika_nb.engine.ops import gather, views
from jairika_nb.errors import DTypeError, OutOfRange, ShapeError
from jairika_nb.tensors.arguments import answering
from jairika_nb.tensors.creation import ones_like, zeros
from jairika_nb.tensors.elementwise import detach, where
from jairika_nb.tensors.norms import vector_norm
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.scattering import index_add
from jairika_nb.tensors.shaping import expand_dims
from jairika_nb.tensors.tensor import Tensor, node_of


def whole_index(asked: str, value: Any, like: Tensor | None = None) -> Tensor:
    """Indices as a tensor of int32 or int64, on the device of ``like``."""
    index = Tensor(node_of(value, like.device if like is not None else None))
    if not dtypes.is_integer(index.dtype):
        raise DTypeError(f"{asked}: indices must be integers, not {index.dtype.name}")
    return index if index.dtype in (dtypes.int32, dtypes.int64) else index.astype("int32")


@answering
def embedding(
    input: Any,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of ``weight`` (V, D): input (...) of indices -> (..., D).

    Row ``padding_idx`` gets no gradient. With ``max_norm`` the rows looked up whose
    ``norm_type``-norm exceeds it are first shrunk in ``weight`` itself. ``scale_grad_by_freq``
    divides a row's gradient by how often it was looked up. ``sparse`` has no effect. Raises
    OutOfRange for an index outside the table when the values are read.

    >>> import jairika_nb as jrk
    >>> embedding([2, 0], jrk.tensor([[0.0], [1.0], [2.0]])).tolist()
    [[2.0], [0.0]]
    """
    index = whole_index("embedding", input, weight)
    if weight.ndim != 2:
        raise ShapeError(f"embedding: weight {weight.shape} must be (rows, size)")
    flat = index.reshape(index.size)
    if max_norm is not None:
        _shrink(weight, flat, max_norm, norm_type)
    found = _rows(_without_padding("embedding", weight, padding_idx), flat)
    if scale_grad_by_freq:
        # The difference is exactly 0, so that only the slope is scaled.
        share = (1 / _counts(weight, flat))[flat].reshape(-1, 1)
        found = found.detach() + (found - found.detach()) * share
    return found.reshape((*index.shape, weight.shape[1]))


def _rows(table: Tensor, index: Tensor) -> Tensor:
    wide = views.broadcast_to(index.reshape(index.size, 1).node, (index.size, table.shape[1]))
    return Tensor(gather.take_along(table.node, wide, 0))


def _without_padding(asked: str, weight: Tensor, padding_idx: int | None) -> Tensor:
    """The table with a row that no derivative reaches."""
    if padding_idx is None:
        return weight
    rows = weight.shape[0]
    if not -rows <= padding_idx < rows:
        raise OutOfRange(f"{asked}: padding_idx={padding_idx} is no row of weight {weight.shape}")
    fixed = (arange(rows, device=weight.device) == padding_idx % rows).reshape(-1, 1)
    return where(fixed, weight.detach(), weight)


def _counts(weight: Tensor, index: Tensor) -> Tensor:
    """How often each row is looked up, (V,)."""
    none = zeros((weight.shape[0],), dtype=weight.dtype, device=weight.device)
    return index_add(none, 0, index, ones_like(index, dtype=weight.dtype))


def _shrink(weight: Tensor, index: Tensor, max_norm: float, norm_type: float) -> None:
    old = weight.detach()
    norms = vector_norm(old, axis=1, ord=float(norm_type), keepdims=True)
    seen = _counts(old, index).reshape(-1, 1) > 0
    shrunk = where(seen & (norms > max_norm), old * (max_norm / (norms + 1e-7)), old)
    weight.node = detach(shrunk).node


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """tensor (...) of class indices -> (..., classes) of 0 and 1, int64.

    Without ``num_classes`` the largest index, which is then read back, decides. An index outside
    the classes gives zeros.

    >>> one_hot([1, 0], 3).tolist()
    [[0, 1, 0], [1, 0, 0]]
    """
    index = whole_index("one_hot", tensor)
    classes = int(index.max().item()) + 1 if num_classes == -1 else num_classes
    ramp = arange(classes, device=index.device)
    return (expand_dims(index, -1) == ramp).astype("int64")
