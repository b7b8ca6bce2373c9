"""Convolution as a product of matrices whose patches are only an index expression.

An element of the input lies at ``stride * out + dilation * tap``. Where one of the two walks over
whole rows of the stored image instead of its own narrower ones, that place is a sum without any
quotient, so kernels read 16 neighbours at once; what the wider rows add is cut off (or multiplied
by zeros) afterwards. The idea is that of the shifted products of A. Anderson et al., "Low-memory
GEMM-based convolution algorithms for deep neural networks", 2017.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops import contract, views
from jairika_nb.engine.ops import elementwise as e

Sizes = tuple[int, ...]
# Products of fewer multiplications than this are not worth an image of their own.
SMALL = 1 << 15
# Sums over samples may be kept apart while they are not more than this many numbers.
MOST_PARTS = 1 << 23
# Outputs of a sample that fill a tile of a GPU's product by themselves.
FILLS_A_TILE = 64
# Widened axes are made whole numbers of vectors, and of panels.
VECTOR, PANEL = 16, 32
# Such an axis may have this many times its elements if that makes it whole lines.
MOST_WIDENED = 1.1


class Geometry(NamedTuple):
    """How a kernel walks: one entry for each spatial axis, but for ``groups``.

    ``pads`` are (before, after) and crop where negative; ``spread - 1`` zeros stand between the
    elements of the input, ``dilation - 1`` between those of the kernel. A ``flipped`` kernel is
    given as that of the convolution whose adjoint this one is.
    """

    stride: Sizes
    pads: tuple[tuple[int, int], ...]
    spread: Sizes
    dilation: Sizes
    groups: int
    flipped: bool = False


def spans_of(shape: Shape, steps: Sizes) -> Sizes:
    """The sizes that elements take once zeros stand between them."""
    return tuple((n - 1) * step + 1 if n else 0 for n, step in zip(shape, steps, strict=True))


def product(x: Node, w: Node, out: Sizes, geometry: Geometry) -> Node:
    """x (N, C, *size) with w (O, C / groups, *taps) -> (N, O, *out)."""
    stride, _, _, dilation, groups, _ = geometry
    if x.shape[1] != groups and _is_large(x, w, out, groups):
        if _can_widen(stride, dilation) and math.prod(out) >= math.prod(w.shape[2:]):
            return _wide_output(x, w, out, geometry)
        parts = x.shape[0] * x.shape[1] // groups * w.shape[0] * math.prod(out)
        if _can_widen(dilation, stride) and parts <= MOST_PARTS:
            return _wide_kernel(x, w, out, geometry)
    seen, kernel = _windows(x, w, geometry), _grouped(w, groups)
    if x.shape[1] == groups or w.shape[0] == groups:
        return _summed(seen, kernel)
    # GPUs share tiles among samples, and have none left over for a turned result.
    few = x.device.kind == "gpu" and math.prod(out) >= FILLS_A_TILE
    batched = few or x.shape[0] * kernel.shape[1] <= math.prod(out)
    return _batched(seen, kernel) if batched else _flat(seen, kernel)


def _padded(x: Node, geometry: Geometry, target: Sizes = ()) -> Node:
    """``x`` spread, padded and cropped; with zeros behind it up to ``target``."""
    rows = list(zip(geometry.pads, geometry.spread, strict=True))
    sizes = [n + sum(p) for n, p in zip(spans_of(x.shape[2:], geometry.spread), geometry.pads,
                                        strict=True)]  # fmt: skip
    more = [t - n for t, n in zip(target or sizes, sizes, strict=True)]
    widths = tuple(
        (max(lo, 0), max(hi + m, 0), step - 1)
        for ((lo, hi), step), m in zip(rows, more, strict=True)
    )
    cuts = [(max(-lo, 0), max(-hi - m, 0)) for ((lo, hi), _), m in zip(rows, more, strict=True)]
    x = views.pad(x, ((0, 0, 0), (0, 0, 0), *widths))
    kept = ((a, n - a - b, 1) for n, (a, b) in zip(x.shape[2:], cuts, strict=True))
    return views.take_slice(x, ((0, x.shape[0], 1), (0, x.shape[1], 1), *kept))


def _is_large(x: Node, w: Node, out: Sizes, groups: int) -> bool:
    rows, taps = w.shape[0] // groups, math.prod(w.shape[2:])
    work = rows * w.shape[1] * taps * math.prod(out)
    floats = x.dtype is dtypes.float32 or x.dtype in dtypes.NARROW
    walks = taps > 1 and math.prod(out) > 1
    return x.device.kind != "gpu" and floats and walks and rows > 1 and work >= SMALL


def _can_widen(steps: Sizes, others: Sizes) -> bool:
    return all(a == 1 or b == 1 for a, b in zip(steps, others, strict=True))


def _windows(x: Node, w: Node, geometry: Geometry) -> Node:
    """(N, G, C / G, out1, tap1, ...)."""
    x, groups = _padded(x, geometry), geometry.groups
    rows = zip(w.shape[2:], geometry.stride, geometry.dilation, strict=True)
    for axis, row in enumerate(rows):
        x = views.window(x, 2 + 2 * axis, *row)
    return views.reshape(x, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]))


def _grouped(w: Node, groups: int) -> Node:
    return views.reshape(w, (groups, w.shape[0] // groups, *w.shape[1:]))


# Any geometry


def _summed(x: Node, w: Node) -> Node:
    """No product of matrices: x (N, G, C, o1, k1, ...) times w (G, M, C, k1, ...), summed.

    Depthwise convolutions, and the derivative of their weights.
    """
    n, groups, c = x.shape[:3]
    many, out, taps = w.shape[1], x.shape[3::2], w.shape[3:]
    seen = views.reshape(x, (n, groups, 1, *x.shape[2:]))
    kernel = views.reshape(w, (groups, many, c, *(m for tap in taps for m in (1, tap))))
    axes = (3, *(5 + 2 * i for i in range(len(taps))))
    return views.reshape(make("sum", (e.mul(seen, kernel),), axes), (n, groups * many, *out))


def _batched(x: Node, w: Node) -> Node:
    """One product a sample, weights on the left: the result lies as it is wanted."""
    n, groups, c = x.shape[:3]
    out, taps = x.shape[3::2], x.shape[4::2]
    outs, ins = _alternate(len(out))
    x = views.permute(x, (0, 1, 2, *ins, *outs))
    patches = views.reshape(x, (n, groups, c * math.prod(taps), math.prod(out)))
    left = views.reshape(make("stored", (w,)), (1, groups, w.shape[1], patches.shape[2]))
    y = contract.matmul(left, patches)
    return views.reshape(y, (n, groups * w.shape[1], *out))


def _flat(x: Node, w: Node) -> Node:
    """One product for all samples: the result is turned around."""
    n, groups, c = x.shape[:3]
    out, taps = x.shape[3::2], x.shape[4::2]
    outs, ins = _alternate(len(out))
    x = views.permute(x, (1, 2, *ins, 0, *outs))
    patches = views.reshape(x, (groups, c * math.prod(taps), n * math.prod(out)))
    y = contract.matmul(views.reshape(w, (groups, w.shape[1], patches.shape[1])), patches)
    y = views.reshape(y, (groups * w.shape[1], n, math.prod(out)))
    return views.reshape(views.permute(y, (1, 0, 2)), (n, y.shape[0], *out))


def _alternate(rank: int) -> tuple[Sizes, Sizes]:
    """The axes of output places and of kernel taps behind (N, groups, C)."""
    return tuple(3 + 2 * i for i in range(rank)), tuple(4 + 2 * i for i in range(rank))


# Widened rows


def _wide_output(x: Node, w: Node, out: Sizes, geometry: Geometry) -> Node:
    """Outputs walk over whole rows of the image; those beyond an output's row are dropped."""
    taps, groups = w.shape[2:], geometry.groups
    steps = geometry.stride, geometry.dilation
    seen, rows = _walked(x, geometry, out, taps, steps, PANEL)
    n, c, count = seen.shape[:3]
    seen = views.permute(seen, (0, 1, *range(3, len(seen.shape)), 2))
    inner = c // groups * math.prod(taps)
    seen = views.reshape(seen, (n, groups, inner, count))
    # Stored by itself, as it would be for each sample otherwise.
    left = views.reshape(make("stored", (w,)), (1, groups, w.shape[0] // groups, inner))
    y = views.reshape(contract.matmul(left, seen), (n, w.shape[0], count))
    room = (out[0], *rows[1:])
    y = views.reshape(_first(y, math.prod(room)), (n, w.shape[0], *room))
    return views.take_slice(y, tuple((0, m, 1) for m in (n, w.shape[0], *out)))


def _wide_kernel(x: Node, w: Node, out: Sizes, geometry: Geometry) -> Node:
    """The kernel, as large as an image, gets rows as wide as the image's, filled with zeros."""
    taps, groups = w.shape[2:], geometry.groups
    steps = geometry.dilation, geometry.stride
    seen, rows = _walked(x, geometry, taps, out, steps, VECTOR)
    m, count = x.shape[0], seen.shape[2]
    samples, outputs, places = w.shape[1], w.shape[0], math.prod(out)
    line = math.prod(rows[1:])
    room = (taps[0] if count % line else count // line, *rows[1:])
    widths = tuple((0, big - k, 0) for k, big in zip(taps, room, strict=True))
    left = views.pad(w, ((0, 0, 0), (0, 0, 0), *widths))
    left = views.reshape(left, (outputs, samples, math.prod(room)))
    left = views.pad(left, ((0, 0, 0), (0, 0, 0), (0, count - left.shape[2], 0)))
    left = views.reshape(left, (groups, outputs // groups, samples, count))
    left = views.permute(left, (2, 0, 1, 3))
    seen = views.reshape(seen, (m, groups, samples, count, places))
    seen = views.permute(seen, (2, 1, 3, 0, 4))
    seen = views.reshape(seen, (samples, groups, count, m * places))
    y = make("sum", (contract.matmul(left, seen),), (0,))
    y = views.permute(views.reshape(y, (outputs, m, places)), (1, 0, 2))
    return views.reshape(y, (m, outputs, *out))


def _first(x: Node, count: int) -> Node:
    """The first elements of the last axis, or zeros behind the last one."""
    missing = max(0, count - x.shape[-1])
    x = views.pad(x, (*((0, 0, 0),) * (len(x.shape) - 1), (0, missing, 0)))
    return views.take_slice(x, (*((0, n, 1) for n in x.shape[:-1]), (0, count, 1)))


def _walked(
    x: Node, geometry: Geometry, wide: Sizes, narrow: Sizes, steps: tuple[Sizes, Sizes], unit: int
) -> tuple[Node, Sizes]:
    """(N, C, count, *narrow): the elements that places of a wide walk see, and the rows' sizes.

    ``steps`` are those of the wide and of the narrow walk. A walk of larger steps goes over images
    of every ``step``-th element, its phases.
    """
    ours, others = steps
    n, c, rank = *x.shape[:2], len(wide)
    needed = [
        (k - 1) * a + (m - 1) * b + 1 for k, a, m, b in zip(wide, ours, narrow, others, strict=True)
    ]
    rows = [-(-size // step) for size, step in zip(needed, ours, strict=True)]
    strides = [math.prod(rows[i + 1 :]) for i in range(rank)]
    counts = [-(-k // step) for k, step in zip(narrow, ours, strict=True)]
    pairs = zip(strides, ours, others, strict=True)
    jumps = [s * (b if a == 1 else 1) for s, a, b in pairs]
    count = _whole(wide[0], strides[0], unit)
    length = count + sum((k - 1) * jump for k, jump in zip(counts, jumps, strict=True))
    rows[0] = -(-length // strides[0])
    flat = _first(_image(x, geometry, rows, ours), length)
    for k, jump in zip(reversed(counts), reversed(jumps), strict=True):
        flat = views.window(flat, 2 + rank, k, 1, jump)
    order = [axis for i in range(rank) for axis in (3 + rank + i, 2 + i)]
    seen = views.permute(flat, (0, 1, 2 + rank, *order))
    whole = tuple(k * step for k, step in zip(counts, ours, strict=True))
    seen = views.reshape(seen, (n, c, count, *whole))
    return views.take_slice(seen, tuple((0, m, 1) for m in (n, c, count, *narrow))), tuple(rows)


def _whole(lines: int, length: int, unit: int) -> int:
    """The size of a widened axis: whole units, of whole lines too if these are few more."""
    both = math.lcm(length, unit)
    for step in (both, unit):
        size = -(-lines * length // step) * step
        if size <= MOST_WIDENED * lines * length:
            return size
    return size


def _image(x: Node, geometry: Geometry, rows: list[int], steps: Sizes) -> Node:
    """(N, C, *steps, all rows): the padded image of each phase in a buffer of its own."""
    n, c, *_ = x.shape
    rank = len(rows)
    x = _padded(x, geometry, tuple(k * step for k, step in zip(rows, steps, strict=True)))
    x = views.reshape(x, (n, c, *(m for pair in zip(rows, steps, strict=True) for m in pair)))
    x = views.permute(x, (0, 1, *(3 + 2 * i for i in range(rank)), *range(2, 2 + 2 * rank, 2)))
    x = make("stored", (x,))
    return views.reshape(x, (n, c, *steps, math.prod(rows)))


def _same(x: Node, attrs: tuple) -> tuple[Shape, DType]:
    return x.shape, x.dtype


# Only expansions use it: what the planner finds below it gets a buffer of its own.
define(Op("stored", "view", _same, lambda attrs, x: x, cost=0))
