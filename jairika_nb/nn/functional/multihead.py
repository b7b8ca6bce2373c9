"""Attention of several heads with its projections, PyTorch's arguments and arithmetic."""

from __future__ import annotations

import math

from jairika_nb.errors import ShapeError
from jairika_nb.nn.functional import masks
from jairika_nb.nn.functional.attention import masked_softmax, scaled_dot_product_attention
from jairika_nb.nn.functional.dropout import dropout
from jairika_nb.nn.functional.layers import linear
from jairika_nb.nn.functional.padding import pad
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.joining import concat
from jairika_nb.tensors.reductions import softmax
from jairika_nb.tensors.tensor import Tensor

Trio = tuple[Tensor, Tensor, Tensor]


@on_tensors
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    batch_first: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of heads between projections (Vaswani et al. 2017).

    query (L, N, E), key (S, N, Ek), value (S, N, Ev), with ``batch_first`` (N, L, E) and so on, or
    all without N. Gives a tensor shaped as the query, and weights (N, L, S) averaged over heads or
    (N, heads, L, S). A bool mask is true where a key does *not* count, a float mask is added;
    attn_mask (L, S) or (N * heads, L, S), key_padding_mask (N, S).
    ``is_causal`` hides later keys where there is no attn_mask. A query that sees no key gives
    zeros. ``static_k`` and ``static_v``, (N * heads, S, size), stand in for projected ones.

    >>> import jairika_nb as jrk
    >>> x, eye = jrk.ones((3, 1, 2)), jrk.eye(2)
    >>> y, weights = multi_head_attention_forward(
    ...     x, x, x, 2, 1, jrk.concat([eye, eye, eye]), None, None, None, False, 0.0, eye, None)
    >>> y.shape, weights[0, 0].sum().item()
    ((3, 1, 2), 1.0)
    """
    single = query.ndim == 2
    axis = 0 if batch_first and not single else 1  # of the batch
    _check(query, key, value, embed_dim_to_check, num_heads, axis)
    rows = [x.reshape((x.shape[0], 1, x.shape[1])) if single else x for x in (query, key, value)]
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    same = query is key is value
    q, k, v = _projected(rows, same, in_proj_weight, weights, in_proj_bias)
    if bias_k is not None and bias_v is not None:
        k, v = _appended(k, bias_k, axis), _appended(v, bias_v, axis)
    q, k, v = (_heads(x, num_heads, axis) for x in (q, k, v))
    k, v = _given(k, static_k), _given(v, static_v)
    if add_zero_attn:
        k, v = (pad(x, (0, 0, 0, 1)) for x in (k, v))
    extra = (bias_k is not None) + bool(add_zero_attn)
    # The causal kernel needs no mask, but knows of no other keys and gives no weights.
    causal = is_causal and attn_mask is None
    plain = causal and key_padding_mask is None and not extra and not need_weights
    if causal and not plain:
        attn_mask = masks.later_keys(q.shape[2], k.shape[2] - extra, q.device)
    mask = masks.merged(attn_mask, key_padding_mask, q, k.shape[2], extra)
    chance, shown = dropout_p if training else 0.0, None
    if need_weights:
        y, shown = _with_weights(q, k, v, mask, chance)
    else:
        y = scaled_dot_product_attention(q, k, v, mask, chance, plain)
    out = linear(_joined(y, axis), out_proj_weight, out_proj_bias)
    if shown is not None:
        shown = shown.mean(axis=1) if average_attn_weights else shown
        shown = shown[0] if single else shown
    return (out.reshape(query.shape) if single else out), shown


def _check(query: Tensor, key: Tensor, value: Tensor, size: int, heads: int, axis: int) -> None:
    shapes = f"query {query.shape}, key {key.shape}, value {value.shape}"
    if {query.ndim, key.ndim, value.ndim} not in ({2}, {3}):
        raise ShapeError(f"multi_head_attention_forward: {shapes}: all need three axes, or two")
    if query.shape[-1] != size or size % heads:
        raise ShapeError(
            f"multi_head_attention_forward: {shapes}: queries must have {size} features, which "
            f"{heads} heads share evenly"
        )
    batches = {x.shape[axis] for x in (query, key, value)} if query.ndim == 3 else {1}
    if key.shape[:-1] != value.shape[:-1] or len(batches) > 1:
        raise ShapeError(
            f"multi_head_attention_forward: {shapes}: keys and values must be equally many, and "
            "batches equally large"
        )


def _projected(
    rows: list[Tensor],
    same: bool,
    packed: Tensor | None,
    separate: tuple[Tensor | None, ...] | None,
    bias: Tensor | None,
) -> Trio:
    if separate is None:
        assert packed is not None
        size = packed.shape[0] // 3
        if same:
            whole = linear(rows[0], packed, bias)
            q, k, v = (whole[..., i * size : (i + 1) * size] for i in range(3))
            return q, k, v
        separate = tuple(packed[i * size : (i + 1) * size] for i in range(3))
    found = []
    for i, (x, w) in enumerate(zip(rows, separate, strict=True)):
        assert w is not None
        size = w.shape[0]
        found.append(linear(x, w, None if bias is None else bias[i * size : (i + 1) * size]))
    return found[0], found[1], found[2]


def _appended(x: Tensor, bias: Tensor, axis: int) -> Tensor:
    """One more key or value, (1, 1, E), for each row of the batch."""
    shape = (1, x.shape[1], x.shape[2]) if axis else (x.shape[0], 1, x.shape[2])
    return concat([x, bias.expand(shape)], axis=1 - axis)


def _heads(x: Tensor, heads: int, axis: int) -> Tensor:
    """(L, N, E), or (N, L, E) where 0 is the batch's axis -> (N, heads, L, E / heads)."""
    parts = x.reshape((*x.shape[:2], heads, x.shape[2] // heads))
    return parts.permute((1, 2, 0, 3) if axis else (0, 2, 1, 3))


def _joined(x: Tensor, axis: int) -> Tensor:
    """(N, heads, L, size) -> (L, N, heads * size), or (N, L, heads * size)."""
    batch, heads, length, size = x.shape
    rows = x.permute((2, 0, 1, 3) if axis else (0, 2, 1, 3))
    return rows.reshape((*((length, batch) if axis else (batch, length)), heads * size))


def _given(x: Tensor, static: Tensor | None) -> Tensor:
    """What stands in for projected keys or values, (N * heads, S, size)."""
    if static is None:
        return x
    return static.reshape((*x.shape[:2], *static.shape[1:]))


def _with_weights(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, chance: float
) -> tuple[Tensor, Tensor]:
    scores = (q * (1 / math.sqrt(q.shape[-1]))) @ k.mT
    weights = softmax(scores) if mask is None else masked_softmax(scores, mask)
    if chance:
        weights = dropout(weights, chance)
        return weights @ v, weights
    # Weights that nobody reads are not computed: attention has no need of them.
    return scaled_dot_product_attention(q, k, v, mask), weights
