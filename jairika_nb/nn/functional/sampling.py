"""Sampling at places that are data: spatial transformers (Jaderberg et al. 2015)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

from jairika_nb.engine.ops import gather, views
from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.creation import ones
from jairika_nb.tensors.elementwise import clip, floor, where
from jairika_nb.tensors.elementwise import round as rounded
from jairika_nb.tensors.joining import concat
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.shaping import broadcast_to
from jairika_nb.tensors.tensor import Tensor

MODES = ("bilinear", "nearest", "bicubic")
PADDING = ("zeros", "border", "reflection")


@on_tensors
def grid_sample(
    x: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool = False,
) -> Tensor:
    """x (N, C, H, W) at grid (N, H', W', 2) of (x, y) from -1 to 1 -> (N, C, H', W').

    Volumes take x (N, C, D, H, W) and grid (N, D', H', W', 3). Outside lie ``"zeros"``, the
    ``"border"`` or the ``"reflection"`` of the image; -1 and 1 are the centres of the outermost
    elements with ``align_corners``, else their outer edges.
    """
    _check(x, grid, mode, padding_mode)
    sizes = x.shape[2:]
    at = [
        _unnormalised(grid[..., len(sizes) - 1 - i], n, align_corners) for i, n in enumerate(sizes)
    ]
    if mode != "bicubic":
        at = [_inside(p, n, padding_mode, align_corners) for p, n in zip(at, sizes, strict=True)]
    neighbours = [_NEIGHBOURS[mode](p) for p in at]
    total = None
    for corner in product(*neighbours):
        part = _read(x, [p for p, _ in corner], padding_mode, align_corners)
        for _, weight in corner:
            part = part if weight is None else part * weight.unsqueeze(1)
        total = part if total is None else total + part
    assert total is not None
    return total


def _check(x: Tensor, grid: Tensor, mode: str, padding_mode: str) -> None:
    rank = x.ndim - 2
    if mode not in MODES or padding_mode not in PADDING:
        raise OutOfRange(
            f"grid_sample: mode={mode!r}, padding_mode={padding_mode!r} must be of {MODES} and "
            f"{PADDING}"
        )
    fits = rank in (2, 3) and grid.shape[1:-1] and grid.ndim == x.ndim
    if not fits or grid.shape[-1] != rank or grid.shape[0] != x.shape[0]:
        raise ShapeError(
            f"grid_sample: input {x.shape} with grid {grid.shape}: (N, C, H, W) takes (N, H', W', "
            "2), (N, C, D, H, W) takes (N, D', H', W', 3)"
        )
    if mode == "bicubic" and rank != 2:
        raise OutOfRange("grid_sample: mode='bicubic' is for images, not for volumes")


def _unnormalised(p: Tensor, n: int, align_corners: bool) -> Tensor:
    return (p + 1) * ((n - 1) / 2) if align_corners else ((p + 1) * n - 1) * 0.5


def _inside(p: Tensor, n: int, padding_mode: str, align_corners: bool) -> Tensor:
    if padding_mode == "zeros":
        return p
    if padding_mode == "reflection":
        p = _reflected(p, 0, n - 1) if align_corners else _reflected(p, -0.5, n - 0.5)
    return clip(p, 0, n - 1)


def _reflected(p: Tensor, low: float, high: float) -> Tensor:
    span = high - low
    if span <= 0:
        return p * 0
    away = (p - low).abs()
    turns = floor(away / span)
    rest = away - turns * span
    return where(turns % 2 == 0, rest + low, high - rest)


def _linear(p: Tensor) -> list[tuple[Tensor, Tensor | None]]:
    low = floor(p).detach()
    share = p - low
    return [(low, 1 - share), (low + 1, share)]


def _nearest(p: Tensor) -> list[tuple[Tensor, Tensor | None]]:
    return [(rounded(p).detach(), None)]


def _cubic(p: Tensor) -> list[tuple[Tensor, Tensor | None]]:
    a, low = -0.75, floor(p).detach()
    t = p - low

    def near(d: Tensor) -> Tensor:
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def far(d: Tensor) -> Tensor:
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    weights = [far(t + 1), near(t), near(1 - t), far(2 - t)]
    return [(low + (i - 1), w) for i, w in enumerate(weights)]


_NEIGHBOURS = {"bilinear": _linear, "nearest": _nearest, "bicubic": _cubic}


def _read(x: Tensor, at: Sequence[Tensor], padding_mode: str, align_corners: bool) -> Tensor:
    """The elements of ``x`` at whole places (N, *out), zeros outside -> (N, C, *out)."""
    sizes = x.shape[2:]
    within, flat = None, None
    for p, n in zip(at, sizes, strict=True):
        p = _inside(p, n, padding_mode, align_corners)
        if padding_mode == "zeros":
            hit = (p >= 0) & (p <= n - 1)
            within = hit if within is None else within & hit
        place = clip(p, 0, n - 1).astype("int32")
        flat = place if flat is None else flat * n + place
    assert flat is not None
    rows = x.reshape(x.shape[0], x.shape[1], math.prod(sizes))
    wide = (*x.shape[:2], math.prod(flat.shape[1:]))
    index = views.broadcast_to(flat.reshape(flat.shape[0], 1, wide[2]).node, wide)
    found = Tensor(gather.take_along(rows.node, index, 2))
    found = found.reshape((*x.shape[:2], *flat.shape[1:]))
    return found if within is None else where(within.unsqueeze(1), found, 0.0)


@on_tensors
def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool = False) -> Tensor:
    """The grid for :func:`grid_sample` of an affine map: theta (N, 2, 3) -> (N, H, W, 2).

    ``size`` is that of the wanted image, (N, C, H, W); volumes take theta (N, 3, 4).
    """
    rank = len(size) - 2
    if rank not in (2, 3) or theta.shape != (size[0], rank, rank + 1):
        raise ShapeError(
            f"affine_grid: theta {theta.shape} does not fit size {tuple(size)}: it must be "
            f"({size[0]}, {rank}, {rank + 1})"
        )
    space = tuple(size[2:])
    axes = []
    for i, n in reversed(list(enumerate(space))):
        ramp = arange(n, dtype=theta.dtype, device=theta.device)
        centred = ramp - (n - 1) / 2
        line = centred * (2 / (n - 1 if align_corners else n)) if n > 1 else ramp * 0
        shape = tuple(n if i == k else 1 for k in range(rank))
        axes.append(broadcast_to(line.reshape(shape), space).unsqueeze(-1))
    one = ones((*space, 1), dtype=theta.dtype, device=theta.device)
    base = concat([*axes, one], axis=-1).reshape(1, math.prod(space), rank + 1)
    return (base @ theta.mT).reshape((size[0], *space, rank))
