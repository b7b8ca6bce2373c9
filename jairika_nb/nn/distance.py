"""Layers that measure how alike two inputs are."""

from __future__ import annotations

from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.nn.sizes import check_axis, check_number
from jairika_nb.tensors.tensor import Tensor


@register
class CosineSimilarity(Module):
    """The cosine of the angle between vectors along ``axis``; norms count at least as ``eps``.

    >>> import jairika_nb as jrk
    >>> CosineSimilarity(axis=0)(jrk.tensor([3.0, 0.0]), jrk.tensor([5.0, 0.0])).item()
    1.0
    """

    adjustable = ("axis", "eps")

    def __init__(self, axis: int = 1, eps: float = 1e-8) -> None:
        check_axis("CosineSimilarity", "axis", axis)
        check_number("CosineSimilarity", "eps", eps)
        self.axis = axis
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return functional.cosine_similarity(x1, x2, self.axis, self.eps)


@register
class PairwiseDistance(Module):
    """The ``p``-norm of ``x1 - x2 + eps`` along the last axis, for x1, x2 (N, D) or (D).

    >>> import jairika_nb as jrk
    >>> PairwiseDistance(eps=0.0)(jrk.tensor([[3.0, 0.0]]), jrk.tensor([[0.0, 4.0]])).tolist()
    [5.0]
    """

    adjustable = ("p", "eps", "keepdims")

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False) -> None:
        check_number("PairwiseDistance", "p", p)
        check_number("PairwiseDistance", "eps", eps)
        self.p = p
        self.eps = eps
        self.keepdims = keepdims

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return functional.pairwise_distance(x1, x2, self.p, self.eps, self.keepdims)
