"""Attention: a mean of values weighted by how well keys answer queries."""

from __future__ import annotations

import math

from jairika_nb.engine.dtypes import bool_, float32, is_float
from jairika_nb.engine.ops.attention import Form, attention
from jairika_nb.engine.ops.elementwise import broadcast_shape
from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.nn.functional.dropout import dropout
from jairika_nb.tensors import random
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.dtypes import result_type
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.joining import repeat
from jairika_nb.tensors.reductions import softmax
from jairika_nb.tensors.shaping import broadcast_to
from jairika_nb.tensors.tensor import Tensor


@on_tensors
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``softmax(query @ key.T * scale + mask) @ value`` (Vaswani et al. 2017).

    query (..., L, E), key (..., S, E), value (..., S, V) -> (..., L, V). A bool mask, (..., L, S),
    is true where a key counts; a float mask is added. ``is_causal`` lets query ``i`` see keys up
    to ``i``. ``scale`` is 1/sqrt(E) by default. With ``enable_gqa`` groups of heads, axis -3,
    share keys and values (Ainslie et al. 2023). A query that sees no key gives zeros.

    >>> import jairika_nb as jrk
    >>> q, v = jrk.zeros((1, 4)), jrk.tensor([[1.0], [3.0]])
    >>> scaled_dot_product_attention(q, jrk.zeros((2, 4)), v).tolist()
    [[2.0]]
    """
    _check(query, key, value, attn_mask, is_causal)
    if enable_gqa:
        key, value = (_shared(query, x, name) for x, name in ((key, "key"), (value, "value")))
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if not 0 <= dropout_p < 1:
        return dropout(query @ key.mT, dropout_p) @ value
    operands = _alike(query, key, value, attn_mask)
    if dropout_p:
        scores = (*operands[0].shape[:-1], key.shape[-2])
        operands.append(Tensor(random.words(scores, query.device)))
    form = Form(is_causal, float(factor), attn_mask is not None, 1 - dropout_p)
    return Tensor(attention(form, *(o.node for o in operands)))


def _alike(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> list[Tensor]:
    """The operands in one dtype, with equal leading axes."""
    first = (query, key, value)
    dtype = result_type(*first)
    dtype = dtype if is_float(dtype) else float32
    leading = [x.shape[:-2] for x in first] + ([mask.shape[:-2]] if mask is not None else [])
    batch = broadcast_shape("scaled_dot_product_attention", *leading)
    operands = [broadcast_to(x.astype(dtype), (*batch, *x.shape[-2:])) for x in first]
    if mask is not None:
        kind = dtype if is_float(mask.dtype) else bool_
        shape = (*batch, query.shape[-2], key.shape[-2])
        operands.append(broadcast_to(mask.astype(kind), shape))
    return operands


def _check(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool) -> None:
    shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise ShapeError(f"scaled_dot_product_attention: {shapes}: each needs at least two axes")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ShapeError(
            f"scaled_dot_product_attention: {shapes}: query and key must share the last size, key "
            "and value the one before"
        )
    if causal and mask is not None:
        raise OutOfRange("scaled_dot_product_attention: give attn_mask or is_causal, not both")


def _shared(query: Tensor, x: Tensor, name: str) -> Tensor:
    if x.ndim < 3 or query.shape[-3] % x.shape[-3]:
        raise ShapeError(
            f"scaled_dot_product_attention: query {query.shape} has no whole number of heads, "
            f"axis -3, for each of {name} {x.shape}"
        )
    return repeat(x, query.shape[-3] // x.shape[-3], axis=x.ndim - 3)


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """The softmax of what the mask lets through; rows without anything are zeros."""
    shown = scores + mask if is_float(mask.dtype) else where(mask, scores, -math.inf)
    blind = shown.max(axis=-1, keepdims=True) == -math.inf
    return where(blind, 0.0, softmax(where(blind, 0.0, shown)))
