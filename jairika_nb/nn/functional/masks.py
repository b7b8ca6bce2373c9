"""Masks of attention: which keys a query may see."""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.engine.dtypes import is_float
from jairika_nb.errors import DTypeError, ShapeError
from jairika_nb.nn.functional.padding import pad
from jairika_nb.tensors.creation import full, ones, zeros
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.shaping import triu
from jairika_nb.tensors.tensor import Tensor


def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Tensor:
    """(sz, sz) of 0 where a key is not later than its query, minus infinity elsewhere.

    >>> generate_square_subsequent_mask(2).tolist()
    [[0.0, -inf], [0.0, 0.0]]
    """
    whole = full((sz, sz), -math.inf, device=device, dtype=dtype or "float32")
    return triu(whole, k=1)


def later_keys(queries: int, keys: int, device: Any = None) -> Tensor:
    """(queries, keys), true where a key comes after its query."""
    return triu(ones((queries, keys), dtype="bool", device=device), k=1)


def merged(
    attn: Tensor | None, padding: Tensor | None, q: Tensor, keys: int, extra: int
) -> Tensor | None:
    """Both masks of multi_head_attention_forward as scaled_dot_product_attention takes them.

    q (N, heads, L, size) -> (N or 1, heads or 1, L or 1, keys), bool and true where a key counts,
    or a float to add. The last ``extra`` keys are seen by all.
    """
    batch, heads, length = q.shape[:3]
    seen = keys - extra
    found = []
    for name, mask in (("attn_mask", attn), ("key_padding_mask", padding)):
        if mask is not None and mask.dtype.kind not in ("bool", "float"):
            raise DTypeError(
                f"multi_head_attention_forward: {name} of {mask.dtype.name} must be bool, true "
                "where a key does not count, or float, which is added"
            )
    if attn is not None:
        whole = (batch * heads, length, seen)
        if attn.shape not in ((length, seen), whole):
            raise ShapeError(
                f"multi_head_attention_forward: attn_mask {attn.shape} must be {(length, seen)} or "
                f"{whole}"
            )
        split = attn.ndim == 3
        found.append(attn.reshape((*((batch, heads) if split else (1, 1)), length, seen)))
    if padding is not None:
        if padding.shape != (batch, seen) and (batch, padding.shape) != (1, (seen,)):
            raise ShapeError(
                f"multi_head_attention_forward: key_padding_mask {padding.shape} must be "
                f"{(batch, seen)}"
            )
        found.append(padding.reshape((batch, 1, 1, seen)))
    if not found:
        return None
    if any(is_float(m.dtype) for m in found):
        found = [_added(m, q) for m in found]
        total = found[0] if len(found) == 1 else found[0] + found[1]
        return pad(total, (0, extra)) if extra else total
    hidden = found[0] if len(found) == 1 else found[0] | found[1]
    return ~(pad(hidden, (0, extra), value=False) if extra else hidden)


def _added(mask: Tensor, like: Tensor) -> Tensor:
    if is_float(mask.dtype):
        return mask.astype(like.dtype)
    none = zeros((), dtype=like.dtype, device=like.device)
    return where(mask, -math.inf, none)
