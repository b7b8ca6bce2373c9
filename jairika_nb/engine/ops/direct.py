"""Convolutions summed tap by tap from images that are stored with channels as lanes.

Nothing is multiplied that is not wanted: strides skip, zeros that spread an input are left out, and
rows are as long as they are (E. Georganas et al., "Anatomy of high-performance deep learning
convolutions on SIMD architectures", 2018).
"""

from __future__ import annotations

import math

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Shape, make
from jairika_nb.engine.ops.convolving import define_routine, sum_of_parts
from jairika_nb.engine.ops.patches import Geometry, Sizes

# Lanes of a vector, which channels fill; taps of the largest kernel.
LANES, MOST_TAPS = 16, 64
# Fewer multiplications than this are not worth the turning of the images.
FEWEST = 1 << 20
# Images of fewer channels would be mostly empty lanes.
FEWEST_CHANNELS = 3
# A kernel's derivative is summed in parts for so many work-items.
PIECES = 16


def fits(x: Node, outputs: int, taps: Sizes, out: Sizes, geometry: Geometry) -> bool:
    """Whether a convolution of ``x`` to ``outputs`` channels of size ``out`` is done this way."""
    channels = x.shape[1]
    if len(taps) != 2 or geometry.groups != 1 or x.dtype is not dtypes.float32:
        return False
    if x.device.kind == "gpu" or channels < FEWEST_CHANNELS or outputs % LANES:
        return False
    # Those of stride 1 that see one place are a plain product of matrices.
    walks = math.prod(taps) > 1 or geometry.stride != (1, 1) or geometry.spread != (1, 1)
    work = x.shape[0] * channels * outputs * math.prod(out) * math.prod(taps)
    return walks and math.prod(taps) <= MOST_TAPS and work >= FEWEST * math.prod(geometry.spread)


def product(x: Node, w: Node, outputs: int, out: Sizes, geometry: Geometry) -> Node:
    """x (N, C, H, W) with w (K, C, *taps), or (C, K, *taps) flipped -> (N, K, *out)."""
    image, seen = _image(x, w.shape[2:], out, geometry)
    shape = (x.shape[0], outputs, *out)
    corner = tuple(max(lo // n, 0) for (lo, _), n in zip(seen.pads, seen.spread, strict=True))
    return make("direct_product", (image, w), (shape, seen, corner))


def kernel(x: Node, g: Node, geometry: Geometry, taps: Sizes) -> Node:
    """The derivative (K, C, *taps) for x (N, C, H, W) and the cotangent g (N, K, *out)."""
    out = g.shape[2:]
    image, seen = _image(x, taps, out, geometry, again=True)
    whole = make("direct_image", (g,), (*out, 0, 0, 1, 1, False))
    pieces = -(-x.shape[1] // LANES) * -(-g.shape[1] // 32)
    span = -(-x.shape[0] // max(1, min(-(-PIECES // pieces), x.shape[0])))
    shape = (g.shape[1], x.shape[1], *taps)
    attrs = ((-(-x.shape[0] // span), *shape), seen, span)
    y = make("direct_kernel", (image, whole), attrs)
    return sum_of_parts(y)


def _image(
    x: Node, taps: Sizes, out: Sizes, geometry: Geometry, again: bool = False
) -> tuple[Node, Geometry]:
    """The padded image, and how it is walked over; of single taps it has what is seen only."""
    steps: Sizes = (1, 1)
    if math.prod(taps) == 1 and geometry.spread == (1, 1) and geometry.pads == ((0, 0),) * 2:
        steps, geometry = geometry.stride, geometry._replace(stride=(1, 1))
    room, corner = [], []
    for n, k, s, (lo, _), between, d in zip(
        out, taps, geometry.stride, geometry.pads, geometry.spread, geometry.dilation, strict=True
    ):
        before = max(lo // between, 0)
        # Phases that have an output less are computed as if they had it.
        last = ((-(-n // between) * between - 1) * s + (k - 1) * d - lo) // between
        corner.append(before)
        room.append(max(last, 0) + 1 + before)
    # Made again for a derivative rather than kept since the forward pass.
    return make("direct_image", (x,), (*room, *corner, *steps, again)), geometry


def _image_infer(x: Node, attrs: tuple) -> tuple[Shape, DType]:
    return (x.shape[0], -(-x.shape[1] // LANES), *attrs[:2], LANES), x.dtype


# attrs: (rows and columns with those around the image, where it begins, which of its own are taken,
# whether it is made once more).
define_routine("direct_image", _image_infer)
# attrs: (shape, how the kernel walks, rows and columns before the image).
define_routine("direct_product")
# attrs: (shape with the parts first, how the kernel walks, samples of a part).
define_routine("direct_kernel")
