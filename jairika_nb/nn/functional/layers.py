"""The arithmetic of linear layers and of flattening."""

from __future__ import annotations

from jairika_nb.errors import ShapeError
from jairika_nb.nn.signature import axis_names
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.linear import matmul
from jairika_nb.tensors.shaping import flatten as _flatten
from jairika_nb.tensors.shaping import permute_dims
from jairika_nb.tensors.tensor import Tensor


@on_tensors
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x @ weight.T + bias``; x (..., in), weight (out, in), bias (out,)."""
    if x.ndim < 1 or weight.ndim != 2 or x.shape[-1] != weight.shape[1]:
        raise ShapeError(
            f"inputs of shape {x.shape} do not fit weights of shape {weight.shape}: the inputs' "
            f"last axis must be {weight.shape[-1]}{_hint(x, weight)}"
        )
    y = matmul(x, permute_dims(weight, (1, 0)))
    return y if bias is None else y + bias


def _hint(x: Tensor, weight: Tensor) -> str:
    count = 1
    for n in x.shape[1:]:
        count *= n
    fits = x.ndim > 2 and weight.ndim == 2 and count == weight.shape[1]
    return "; put nn.Flatten() before this layer" if fits else ""


@axis_names
def flatten(x: Tensor, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """Join the axes from ``start_axis`` to ``end_axis`` into one."""
    return _flatten(x, start_axis, end_axis)
