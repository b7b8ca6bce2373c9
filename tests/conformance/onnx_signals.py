"""ONNX operators of signals and detection: Fourier sums, windows, overlapping boxes."""

from __future__ import annotations

import math

from onnx_table import operator, whole

import jairika_nb as jrk
from jairika_nb.nn import functional as F


def _window(weights):
    def adapter(size, output_datatype=1, periodic=1):
        n = int(size.item())
        turns = jrk.arange(n, dtype="float32") * (2 * math.pi / (n if periodic else n - 1))
        return sum(w * jrk.cos(k * turns) for k, w in enumerate(weights))

    return adapter


operator("HannWindow")(_window([0.5, -0.5]))
operator("HammingWindow")(_window([25 / 46, -21 / 46]))
operator("BlackmanWindow")(_window([0.42, -0.5, 0.08]))


@operator("DFT")
def fourier(x, length=None, axis=None, inverse=0, onesided=0, **old):
    """A product with a matrix of sines and cosines; the last axis holds real and imaginary."""
    at = whole(axis if axis is not None else old.get("axis", -2))[0] % x.ndim
    n = x.shape[at] if length is None else int(length.item())
    whole_spectrum = inverse and onesided
    if whole_spectrum:
        n = n if length is not None else 2 * (x.shape[at] - 1)
        x = _mirrored(x, at, n)
    x = _sized(x, at, n)
    rows = jrk.arange(n, dtype="float64").reshape(n, 1) * jrk.arange(n, dtype="float64")
    angle = (rows % n) * ((1 if inverse else -1) * 2 * math.pi / n)
    cosine, sine = jrk.cos(angle), jrk.sin(angle)
    # In double precision, as single would leave crumbs where sums are zero.
    dtype, x = x.dtype, x.astype("float64")
    real = jrk.moveaxis(x[..., 0], at, -1)
    imaginary = jrk.moveaxis(x[..., 1], at, -1) if x.shape[-1] == 2 else real * 0
    parts = [real @ cosine - imaginary @ sine, real @ sine + imaginary @ cosine]
    parts = parts[:1] if whole_spectrum else parts
    y = jrk.stack([jrk.moveaxis(p, -1, at) for p in parts], axis=-1)
    y = (y / n if inverse else y).astype(dtype)
    kept = n // 2 + 1 if onesided and not inverse else n
    return y[(*(slice(None),) * at, slice(0, kept))]


def _sized(x, axis, n):
    pairs = [0] * (2 * x.ndim)
    pairs[2 * (x.ndim - 1 - axis) + 1] = n - x.shape[axis]
    return F.pad(x, pairs)


def _mirrored(x, axis, n):
    """A half spectrum with its other half: the conjugates in reverse order."""
    before = (slice(None),) * axis
    rest = jrk.flip(x[(*before, slice(1, n - n // 2))], axis=axis)
    half = x[(*before, slice(0, n // 2 + 1))]
    return jrk.concat([half, rest * jrk.tensor([1.0, -1.0], dtype=x.dtype)], axis=axis)


@operator("STFT")
def short_time_fourier(signal, step, window=None, length=None, onesided=1):
    n = int(length.item()) if length is not None else window.shape[0]
    hop = int(step.item())
    frames = (signal.shape[1] - n) // hop + 1
    parts = [signal[:, i * hop : i * hop + n] for i in range(frames)]
    rows = jrk.stack(parts, axis=1)
    rows = rows if window is None else rows * window.reshape(-1, 1)
    return fourier(rows, axis=2, onesided=onesided)


@operator("NonMaxSuppression")
def non_max_suppression(boxes, scores, most=None, overlap=None, least=None, center_point_box=0):
    """In each class the boxes in order of score, without those that overlap a better one."""
    limit = int(whole(most)[0]) if most is not None else 0
    bound = overlap.flatten()[0].item() if overlap is not None else 0.0
    chosen = []
    for b in range(scores.shape[0]):
        shares = _overlaps(boxes[b], center_point_box).tolist()
        for c in range(scores.shape[1]):
            row = scores[b, c]
            order = jrk.argsort(row, descending=True).tolist()
            live = [True] * row.size
            if least is not None:
                live = (row > least.flatten()[0]).tolist()
            kept: list[int] = []
            for i in order:
                if live[i] and len(kept) < limit and all(shares[i][j] <= bound for j in kept):
                    kept.append(i)
            chosen += [[b, c, i] for i in kept]
    return jrk.tensor(chosen, dtype="int64").reshape(-1, 3)


def _overlaps(boxes, center_point_box):
    """Intersection over union of every pair."""
    if center_point_box:
        middle, half = boxes[:, :2], boxes[:, 2:] / 2
        low, high = middle - half, middle + half
    else:
        low = jrk.minimum(boxes[:, :2], boxes[:, 2:])
        high = jrk.maximum(boxes[:, :2], boxes[:, 2:])
    sides = jrk.minimum(high[:, None], high) - jrk.maximum(low[:, None], low)
    common = jrk.prod(jrk.maximum(sides, 0.0), axis=-1)
    area = jrk.prod(high - low, axis=-1)
    return common / (area[:, None] + area - common)
