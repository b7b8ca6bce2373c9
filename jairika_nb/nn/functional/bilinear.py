"""Bilinear forms of two inputs."""

from __future__ import annotations

from jairika_nb.errors import ShapeError
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.tensor import Tensor


@on_tensors
def bilinear(x1: Tensor, x2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x1 @ weight[o] @ x2`` for each output o, plus bias.

    x1 (..., in1), x2 (..., in2), weight (out, in1, in2), bias (out,) -> (..., out).

    >>> import jairika_nb as jrk
    >>> bilinear(jrk.tensor([[1.0, 2.0]]), jrk.tensor([[3.0]]), jrk.ones((1, 2, 1))).tolist()
    [[9.0]]
    """
    fits = weight.ndim == 3 and x1.ndim and x1.shape[:-1] == x2.shape[:-1]
    if not fits or (x1.shape[-1], x2.shape[-1]) != weight.shape[1:]:
        raise ShapeError(
            f"bilinear: inputs {x1.shape} and {x2.shape} with weight {weight.shape}: they must be "
            "(..., in1), (..., in2) and (out, in1, in2), with the same leading axes"
        )
    out, first, second = weight.shape
    if bias is not None and bias.shape != (out,):
        raise ShapeError(f"bilinear: bias {bias.shape} must be ({out},)")
    forms = x1 @ weight.permute(1, 0, 2).reshape(first, out * second)
    forms = forms.reshape((*x1.shape[:-1], out, second))
    y = (forms @ x2.unsqueeze(-1)).squeeze(-1)
    return y if bias is None else y + bias
