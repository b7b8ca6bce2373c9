"""3 x 3 convolutions of stride 1 by Winograd's transforms: a quarter of the multiplications.

Tiles of 4 x 4 outputs need 36 products for each pair of channels instead of 144, and so do the
derivatives of the input and of the kernel (S. Winograd 1980; A. Lavin & S. Gray, "Fast algorithms
for convolutional neural networks", 2016). Sums are made in short blocks, because turning them back
multiplies their errors by five: from 32 to 512 channels the root of the mean square is 6e-7 to 8e-7
of the result's, where plain sums in blocks have 2.5e-7. What is no number or infinite spreads over
its tile.
"""

from __future__ import annotations

import math

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Shape, make
from jairika_nb.engine.ops.convolving import define_routine, sum_of_parts
from jairika_nb.engine.ops.patches import Geometry, Sizes

# Outputs of a tile along each axis; lanes of a vector; places of a transformed tile.
SIDE, LANES, PLACES = 4, 16, 36
# Fewer multiplications than this are not worth the transforms.
FEWEST = 1 << 22
# Of the tiles' outputs at least this share must be wanted.
USED = 0.55
# So many tiles make a piece of a product, or are summed at a time for a kernel's derivative.
TILES, TILES_OF_KERNEL = 72, 36
# From so many on, in rows that fit, each piece transforms its own tiles.
MANY_TILES = 512
# Channels and kernels of a piece of a kernel's derivative, where it transforms its tiles or not.
DEEP, WIDE_FUSED, WIDE = 64, 64, 32
# Such a derivative is summed in parts: a core has so many pieces, of so many tiles at least.
PIECES, FEWEST_TILES = 4, 64


def fits(x: Node, outputs: int, taps: Sizes, out: Sizes, geometry: Geometry) -> bool:
    """Whether a convolution of ``x`` to ``outputs`` channels of size ``out`` is done this way."""
    plain = geometry.stride == geometry.spread == geometry.dilation == (1, 1)
    if not (plain and geometry.groups == 1 and tuple(taps) == (3, 3) and x.dtype is dtypes.float32):
        return False
    channels, places = x.shape[1], min(math.prod(x.shape[2:]), math.prod(out))
    if x.device.kind == "gpu" or channels % LANES or outputs % LANES or places < LANES:
        return False
    used = math.prod(out) / math.prod(SIDE * n for n in _tiles(out))
    work = x.shape[0] * channels * outputs * math.prod(out) * 9
    return used >= USED and work >= FEWEST


def _tiles(out: Sizes) -> Sizes:
    return tuple(-(-n // SIDE) for n in out)


def product(x: Node, w: Node, outputs: int, out: Sizes, geometry: Geometry) -> Node:
    """x (N, C, H, W) with w (K, C, 3, 3), or (C, K, 3, 3) flipped -> (N, K, *out)."""
    shape, tiles = (x.shape[0], outputs, *out), _tiles(out)
    if _is_fused(x, tiles):
        return make("winograd_product", (x, w), (shape, geometry.flipped, _corner(geometry)))
    image = _image(x, 6, tiles, _corner(geometry))
    return make("winograd_product", (image, w), (shape, geometry.flipped, ()))


def kernel(x: Node, g: Node, geometry: Geometry) -> Node:
    """The derivative (K, C, 3, 3) for x (N, C, H, W) and the cotangent g (N, K, *out)."""
    tiles = _tiles(g.shape[2:])
    many, shape = x.shape[0] * math.prod(tiles), (g.shape[1], x.shape[1], 3, 3)
    fused = _is_fused(x, tiles)
    blocks = -(-x.shape[1] // DEEP) * -(-g.shape[1] // (WIDE_FUSED if fused else WIDE))
    wanted = PIECES * x.device.compute_units
    parts = max(1, min(-(-wanted // blocks), many // FEWEST_TILES))
    if fused:
        strip, _, group = grouped(tiles, TILES_OF_KERNEL)
        pieces = -(-tiles[0] // strip) * -(-x.shape[0] // group)
        span = -(-pieces // min(parts, pieces))
        whole = (-(-pieces // span), *shape)
        attrs = (whole, span, (x.shape[0], *tiles), _corner(geometry))
        y = make("winograd_kernel", (x, g), attrs)
    else:
        # An image is made again: kept since the forward pass, it would take more than twice the
        # memory of what it is made from.
        image = _image(x, 6, tiles, _corner(geometry), again=True)
        span = -(-many // parts)
        whole = (-(-many // span), *shape)
        attrs = (whole, span, (x.shape[0], *tiles), ())
        y = make("winograd_kernel", (image, _image(g, SIDE, tiles, (0, 0))), attrs)
    return sum_of_parts(y)


def _corner(geometry: Geometry) -> Sizes:
    return tuple(before for before, _ in geometry.pads)


def _is_fused(x: Node, tiles: Sizes) -> bool:
    # Many tiles: their transforms would not fit into caches, and take much memory.
    return tiles[1] <= TILES_OF_KERNEL and x.shape[0] * math.prod(tiles) >= MANY_TILES


def grouped(tiles: Sizes, most: int) -> Sizes:
    """Rows and columns of tiles, and samples, that make so many tiles at most."""
    down, across = tiles
    if across > most:
        return 1, -(-across // -(-across // most)), 1
    if down * across > most:
        return most // across, across, 1
    return down, across, most // (down * across)


def _image(x: Node, take: int, tiles: Sizes, corner: Sizes, again: bool = False) -> Node:
    return make("winograd_image", (x,), (take, *tiles, *corner, again))


def _image_infer(x: Node, attrs: tuple) -> tuple[Shape, DType]:
    # Products read eight tiles at a time, from any on.
    room = -(-x.shape[0] * attrs[1] * attrs[2] // 8) * 8 + 8
    return (PLACES, x.shape[1] // LANES * room + 1, LANES), x.dtype


# attrs: (6 for images or 4 for cotangents, tiles down and across, rows and columns of padding,
# whether it is made once more).
define_routine("winograd_image", _image_infer)
# attrs: (shape, whether the kernels are seen from the other side, rows and columns of padding where
# the image comes as it is).
define_routine("winograd_product")
# attrs: (shape with the parts first, pieces of a part, or tiles where these come transformed,
# samples with their tiles down and across, rows and columns of padding as above).
define_routine("winograd_kernel")
