"""Where a token stands in its sequence, told to layers that would not see it."""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.errors import ShapeError
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.elementwise import cos, exp, sin
from jairika_nb.tensors.joining import concat, stack
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.tensor import Tensor


def _frequencies(pairs: int, size: int, base: float, like: Tensor | None, device: Any) -> Tensor:
    where = like.device if like is not None else device
    ramp = arange(pairs, dtype="float32", device=where)
    return exp(ramp * (-2 * math.log(base) / size))


def sinusoidal_positions(
    length: int, size: int, base: float = 10000.0, device: Any = None
) -> Tensor:
    """(length, size) of sines, at even places, and cosines of growing wavelength.

    Feature ``2i`` of position ``p`` is sin(p / base**(2i / size)), the next one its cosine
    (Vaswani et al. 2017, 3.5).

    >>> sinusoidal_positions(2, 2).round().tolist()
    [[0.0, 1.0], [1.0, 1.0]]
    """
    angles = arange(length, dtype="float32", device=device).reshape(-1, 1)
    angles = angles * _frequencies(-(-size // 2), size, base, None, device)
    return stack([sin(angles), cos(angles)], axis=2).reshape((length, -1))[:, :size]


@on_tensors
def rotary_embedding(
    x: Tensor,
    positions: Tensor | None = None,
    base: float = 10000.0,
    interleaved: bool = True,
    size: int | None = None,
) -> Tensor:
    """Pairs of features turned by angles that grow with the position (Su et al. 2021).

    x (..., T, E); pair ``i`` of position ``p`` turns by p / base**(2i / size), so that products of
    two turned vectors depend on how far apart they stand. ``positions`` (T,), or any shape that
    broadcasts with x without its last axis, are 0, 1, ... by default. Pairs are neighbours, or
    with ``interleaved=False`` features ``i`` and ``i + size / 2``, as Llama's weights need. Only
    the first ``size`` features turn, all by default.

    >>> import jairika_nb as jrk
    >>> round(rotary_embedding(jrk.tensor([[1.0, 0.0]]), jrk.tensor([math.pi]))[0, 0].item(), 6)
    -1.0
    """
    turned = x.shape[-1] if size is None else size
    if x.ndim < 2 or turned % 2 or not 0 < turned <= x.shape[-1]:
        raise ShapeError(
            f"rotary_embedding: x {x.shape} needs two axes, and an even size of at most its last "
            f"one, not {turned}"
        )
    if positions is None:
        positions = arange(x.shape[-2], device=x.device)
    angles = positions.astype("float32").reshape((*positions.shape, 1))
    angles = angles * _frequencies(turned // 2, turned, base, x, None)
    c, s = cos(angles).astype(x.dtype), sin(angles).astype(x.dtype)
    part, rest = x[..., :turned], x[..., turned:]
    half = turned // 2
    if interleaved:
        one, other = part[..., 0::2], part[..., 1::2]
    else:
        one, other = part[..., :half], part[..., half:]
    pair = [one * c - other * s, one * s + other * c]
    y = stack(pair, axis=-1).reshape(part.shape) if interleaved else concat(pair, axis=-1)
    return y if turned == x.shape[-1] else concat([y, rest], axis=-1)
