"""ONNX operators of attention and what language models put around it."""

from __future__ import annotations

import math

from onnx_elementwise import swish
from onnx_table import dtype_of, operator

import jairika_nb as jrk
from jairika_nb.nn import functional as F


def _heads(x, count):
    """(B, T, H * D) -> (B, H, T, D)."""
    b, t, width = x.shape
    return x.reshape(b, t, count, width // count).permute(0, 2, 1, 3)


def _joined(x):
    """(B, H, T, D) -> (B, T, H * D)."""
    b, h, t, d = x.shape
    return x.permute(0, 2, 1, 3).reshape(b, t, h * d)


def _shared(x, heads):
    """Keys or values repeated for each query head of their group."""
    return x if x.shape[1] == heads else jrk.repeat(x, heads // x.shape[1], axis=1)


def _visible(allowed):
    return jrk.where(allowed, 0.0, -math.inf)


@operator("Attention")
def attention(q, k, v, mask=None, past_key=None, past_value=None, lengths=None, is_causal=0,
              kv_num_heads=None, q_num_heads=None, qk_matmul_output_mode=0, scale=None,
              softcap=0.0, softmax_precision=None, left_window_size=-1,
              right_window_size=-1):  # fmt: skip
    flat = q.ndim == 3
    if flat:
        q, k, v = _heads(q, q_num_heads), _heads(k, kv_num_heads), _heads(v, kv_num_heads)
    if past_key is not None:
        k, v = jrk.concat([past_key, k], axis=2), jrk.concat([past_value, v], axis=2)
    present = k, v
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    k, v = _shared(k, q.shape[1]), _shared(v, q.shape[1])
    root = math.sqrt(factor)
    scores = raw = (q * root) @ (k * root).mT
    if softcap:
        scores = softcap * jrk.tanh(scores / softcap)
    past = 0 if past_key is None else past_key.shape[2]
    bias = _bias(scores, mask, lengths, past, is_causal, left_window_size, right_window_size)
    if bias is None:
        shown, chances = scores, _softmax(scores, softmax_precision)
    else:
        bias = bias.astype(q.dtype)
        shown = scores + bias
        blind = bias.max(axis=-1, keepdims=True) == -math.inf
        chances = _softmax(jrk.where(blind, 0.0, shown), softmax_precision)
        chances = jrk.where(blind, 0.0, chances)
    y = chances @ v
    steps = (raw, scores, shown, chances)
    return (_joined(y) if flat else y), *present, steps[qk_matmul_output_mode]


def _softmax(x, precision):
    if precision is None:
        return jrk.softmax(x)
    return jrk.softmax(x.astype(dtype_of(precision))).astype(x.dtype)


def _bias(scores, mask, lengths, past, is_causal, left, right):
    """What is added to scores (B, H, Q, K): 0 where a key is seen, minus infinity elsewhere."""
    queries, keys = scores.shape[-2:]
    parts = []
    if mask is not None:
        mask = _visible(mask) if mask.dtype.kind == "bool" else mask
        missing = keys - mask.shape[-1]
        parts.append(F.pad(mask, (0, missing), value=-math.inf) if missing else mask)
    offset = jrk.tensor(past)
    if lengths is not None and not past:
        offset = (lengths - queries).reshape(-1, 1, 1, 1)
    apart = jrk.arange(queries).reshape(queries, 1) + offset - jrk.arange(keys)
    if is_causal:
        parts.append(_visible(apart >= 0))
    if left >= 0:
        parts.append(_visible(apart <= left))
    if right >= 0:
        parts.append(_visible(apart >= -right))
    if lengths is not None:
        parts.append(_visible(jrk.arange(keys) < lengths.reshape(-1, 1, 1, 1)))
    if not parts:
        return None
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


@operator("FlexAttention")
def flex_attention(q, k, v, prob_mod=None, scale=None, score_mod=None, softmax_precision=None):
    dtype = "float32" if softmax_precision is None else dtype_of(softmax_precision)
    dtype = "float64" if softmax_precision is None and q.dtype.itemsize == 8 else dtype
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = ((q @ _shared(k, q.shape[1]).mT) * factor).astype(dtype)
    scores = scores if score_mod is None else score_mod(scores)[0]
    chances = jrk.softmax(scores)
    chances = chances if prob_mod is None else prob_mod(chances)[0]
    return chances.astype(v.dtype) @ _shared(v, q.shape[1])


@operator("LinearAttention")
def linear_attention(q, k, v, past=None, decay=None, beta=None, chunk_size=64, kv_num_heads=None,
                     q_num_heads=None, scale=0.0, update_rule="gated_delta"):  # fmt: skip
    """A state of key-value products that decays, is corrected, grows and is read at each step."""
    dtype = q.dtype
    kept = dtype if past is None else past.dtype
    q, k, v = (_heads(x, h).astype("float32")
               for x, h in ((q, q_num_heads), (k, kv_num_heads), (v, kv_num_heads)))  # fmt: skip
    b, heads, steps, size = q.shape
    state = jrk.zeros((b, kv_num_heads, k.shape[-1], v.shape[-1])) if past is None else past
    state = state.astype("float32")
    gates = None if decay is None else jrk.exp(_heads(decay, kv_num_heads).astype("float32"))
    rates = None if beta is None else _heads(beta, beta.shape[-1]).astype("float32")
    factor = scale or 1 / math.sqrt(size)
    found = []
    for t in range(steps):
        key, value = k[:, :, t], v[:, :, t]
        if gates is not None:
            state = state * gates[:, :, t, :, None]
        if rates is not None:
            value = rates[:, :, t] * (value - jrk.einsum("bhdm,bhd->bhm", state, key))
        state = state + key[..., :, None] * value[..., None, :]
        read = _shared(state, heads)
        found.append(factor * jrk.einsum("bhd,bhdm->bhm", q[:, :, t], read))
    return _joined(jrk.stack(found, axis=2)).astype(dtype), state.astype(kept)


@operator("CausalConvWithState")
def causal_conv(x, weight, bias=None, past=None, activation="none"):
    width = weight.shape[2] - 1
    room = F.pad(x, (width, 0)) if past is None else jrk.concat([past, x], axis=2)
    y = F.conv1d(room, weight, bias, groups=x.shape[1])
    state = room[:, :, room.shape[2] - width :]
    # The activation is computed in single precision.
    return (y if activation == "none" else swish(y.astype("float32")).astype(y.dtype)), state


@operator("RotaryEmbedding")
def rotary_embedding(x, cosines, sines, positions=None, interleaved=0, num_heads=0,
                     rotary_embedding_dim=0):  # fmt: skip
    """Pairs of features turned by angles that grow with the position (Su et al. 2021)."""
    flat = x.ndim == 3
    rows = _heads(x, num_heads) if flat else x
    if positions is not None:
        cosines, sines = (jrk.take(c, positions, axis=0) for c in (cosines, sines))
    cosines, sines = cosines[:, None], sines[:, None]
    size = rotary_embedding_dim or rows.shape[-1]
    turned, rest = rows[..., :size], rows[..., size:]
    if interleaved:
        one, other = turned[..., 0::2], turned[..., 1::2]
    else:
        one, other = turned[..., : size // 2], turned[..., size // 2 :]
    pair = [one * cosines - other * sines, one * sines + other * cosines]
    y = jrk.stack(pair, axis=-1) if interleaved else jrk.concat(pair, axis=-1)
    y = y.reshape(turned.shape)
    y = jrk.concat([y, rest], axis=-1) if rest.shape[-1] else y
    return _joined(y) if flat else y
