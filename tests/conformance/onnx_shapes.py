"""ONNX operators that make, rearrange, pick and place elements."""

from __future__ import annotations

import math

from onnx_table import dtype_of, operator, whole

import jairika_nb as jrk
from jairika_nb.engine.dtypes import is_float, limits
from jairika_nb.nn import functional as F


@operator("Constant")
def constant(value=None, value_float=None, value_floats=None, value_int=None, value_ints=None):
    if value is not None:
        return value
    real = value_float if value_float is not None else value_floats
    if real is not None:
        return jrk.tensor(real, dtype="float32")
    return jrk.tensor(value_int if value_int is not None else value_ints, dtype="int64")


@operator("ConstantOfShape")
def constant_of_shape(shape, value=None):
    value = jrk.zeros(1) if value is None else value
    return jrk.broadcast_to(value.reshape(()), tuple(whole(shape)))


@operator("Shape")
def shape(x, start=0, end=None):
    return jrk.tensor(list(x.shape[slice(start, end)]), dtype="int64")


@operator("Size")
def size(x):
    return jrk.tensor(x.size, dtype="int64")


@operator("EyeLike")
def eye_like(x, dtype=None, k=0):
    return jrk.eye(*x.shape, k=k, dtype=x.dtype if dtype is None else dtype_of(dtype))


@operator("Range")
def ramp(start, limit, delta):
    first, stop, step = (v.item() for v in (start, limit, delta))
    count = max(0, math.ceil((stop - first) / step))
    return (jrk.arange(count).astype(start.dtype) * step + first).astype(start.dtype)


@operator("Reshape")
def reshape(x, shape, allowzero=0):
    wanted = whole(shape)
    if not allowzero:
        wanted = [x.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    return jrk.reshape(x, tuple(wanted))


@operator("Flatten")
def flatten(x, axis=1):
    at = axis % x.ndim if axis < 0 else axis
    return x.reshape((math.prod(x.shape[:at]), math.prod(x.shape[at:])))


@operator("Transpose")
def transpose(x, perm=None):
    return jrk.permute_dims(x, tuple(reversed(range(x.ndim)) if perm is None else perm))


@operator("Squeeze")
def squeeze(x, axes=None):
    return jrk.squeeze(x, axis=None if axes is None else tuple(whole(axes)))


@operator("Unsqueeze")
def unsqueeze(x, axes):
    rank = x.ndim + len(whole(axes))
    for axis in sorted(a % rank for a in whole(axes)):
        x = jrk.expand_dims(x, axis=axis)
    return x


@operator("Expand")
def expand(x, shape):
    return jrk.broadcast_to(x, jrk.broadcast_shapes(x.shape, tuple(whole(shape))))


@operator("Tile")
def tile(x, repeats):
    return jrk.tile(x, tuple(whole(repeats)))


@operator("Concat")
def concat(*inputs, axis):
    return jrk.concat(inputs, axis=axis)


@operator("Split")
def split(x, sizes=None, axis=0, num_outputs=None, outputs=1):
    n = x.shape[axis]
    if sizes is None:
        each = math.ceil(n / (num_outputs or outputs))
        wanted = [min(each, n - start) for start in range(0, n, each)]
    else:
        wanted = whole(sizes)
    before, start, parts = (slice(None),) * (axis % x.ndim), 0, []
    for count in wanted:
        parts.append(x[(*before, slice(start, start + count))])
        start += count
    return parts


@operator("Slice")
def take_slice(x, starts, ends, axes=None, steps=None):
    bounds = [slice(None)] * x.ndim
    chosen = whole(axes) or list(range(len(whole(starts))))
    rows = zip(chosen, whole(starts), whole(ends), whole(steps) or [1] * len(chosen), strict=True)
    for axis, start, end, step in rows:
        n = x.shape[axis]
        # Ends below minus the size mean "before the first", which Python spells None.
        stop = None if step < 0 and end < -n else end
        bounds[axis] = slice(start, stop, step)
    return x[tuple(bounds)]


@operator("Trilu")
def triangle(x, k=None, upper=1):
    offset = 0 if k is None else k.item()
    return jrk.triu(x, k=offset) if upper else jrk.tril(x, k=offset)


@operator("Pad")
def pad(x, pads, value=None, axes=None, mode="constant"):
    chosen = [a % x.ndim for a in whole(axes)] or list(range(x.ndim))
    given = whole(pads)
    around = dict(zip(chosen, zip(given[: len(chosen)], given[len(chosen) :], strict=True),
                      strict=True))  # fmt: skip
    pairs = [v for axis in reversed(range(x.ndim)) for v in around.get(axis, (0, 0))]
    fill = 0 if value is None else value.item()
    known = {"edge": "replicate", "wrap": "circular"}.get(mode, mode)
    return F.pad(x, pairs, known, fill) if mode == "constant" else F.pad(x, pairs, known)


@operator("CenterCropPad")
def center_crop_pad(x, shape, axes=None):
    for axis, wanted in zip(axes or range(x.ndim), whole(shape), strict=True):
        n = x.shape[axis]
        before = (wanted - n) // 2 if wanted > n else -((n - wanted) // 2)
        pairs = [0] * (2 * x.ndim)
        place = 2 * (x.ndim - 1 - axis % x.ndim)
        pairs[place : place + 2] = before, wanted - n - before
        x = F.pad(x, pairs)
    return x


@operator("DepthToSpace")
def depth_to_space(x, blocksize, mode="DCR"):
    if mode == "CRD":
        return F.pixel_shuffle(x, blocksize)
    n, c, h, w = x.shape
    y = x.reshape(n, blocksize * blocksize, c // blocksize**2, h, w)
    y = y.permute(0, 2, 1, 3, 4).reshape(x.shape)
    return F.pixel_shuffle(y, blocksize)


@operator("SpaceToDepth")
def space_to_depth(x, blocksize, mode="DCR"):
    y = F.pixel_unshuffle(x, blocksize)
    if mode == "CRD":
        return y
    n, c, h, w = y.shape
    y = y.reshape(n, c // blocksize**2, blocksize**2, h, w)
    return y.permute(0, 2, 1, 3, 4).reshape(n, c, h, w)


@operator("Gather")
def gather(x, indices, axis=0):
    return jrk.take(x, indices, axis=axis)


@operator("ArrayFeatureExtractor")
def extract_features(x, indices):
    return jrk.take(x, indices.flatten(), axis=-1)


@operator("GatherElements")
def gather_elements(x, indices, axis=0):
    rows = tuple(slice(0, n) if i != axis % x.ndim else slice(None)
                 for i, n in enumerate(indices.shape))  # fmt: skip
    return jrk.take_along_axis(x[rows], indices, axis=axis)


@operator("GatherND")
def gather_nd(x, indices, batch_dims=0):
    depth = indices.shape[-1]
    batch = [
        jrk.arange(n, dtype="int64").reshape((n, *(1,) * (indices.ndim - 2 - i)))
        for i, n in enumerate(x.shape[:batch_dims])
    ]
    return x[(*batch, *(indices[..., i] for i in range(depth)))]


_COMBINE = {"none": None, "add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


@operator("ScatterElements", "Scatter")
def scatter_elements(x, indices, updates, axis=0, reduction="none"):
    combine = _COMBINE[reduction]
    if combine is None:
        return jrk.scatter(x, axis, indices, updates)
    return jrk.scatter_reduce(x, axis, indices, updates, combine)


@operator("ScatterND")
def scatter_nd(x, indices, updates, reduction="none"):
    depth = indices.shape[-1]
    inner = x.shape[depth:]
    rows = jrk.zeros(indices.shape[:-1], dtype="int64")
    for i in range(depth):
        rows = rows * x.shape[i] + indices[..., i] % x.shape[i]
    count = rows.size
    index = jrk.broadcast_to(rows.reshape(count, 1), (count, math.prod(inner)))
    flat = x.reshape(math.prod(x.shape[:depth]), math.prod(inner))
    values = updates.reshape(count, math.prod(inner))
    return scatter_elements(flat, index, values, 0, reduction).reshape(x.shape)


@operator("TensorScatter")
def tensor_scatter(cache, update, write_indices=None, mode="linear", axis=-2):
    at, length = axis % cache.ndim, cache.shape[axis]
    places = jrk.arange(update.shape[at], dtype="int64")
    places = places.reshape(tuple(-1 if i == at else 1 for i in range(cache.ndim)))
    if write_indices is not None:
        places = places + write_indices.reshape((-1, *(1,) * (cache.ndim - 1)))
    places = places % length if mode == "circular" else places
    return jrk.scatter(cache, at, jrk.broadcast_to(places, update.shape), update)


@operator("OneHot")
def one_hot(indices, depth, values, axis=-1):
    classes = int(depth.item())
    at = axis % (indices.ndim + 1)
    ramp = jrk.arange(classes).reshape((classes, *(1,) * (indices.ndim - at)))
    hit = jrk.expand_dims(indices.astype("int64") % classes, axis=at) == ramp
    outside = (indices < -classes) | (indices >= classes)
    hit = hit & ~jrk.expand_dims(outside, axis=at)
    return jrk.where(hit, values[1], values[0])


@operator("NonZero")
def nonzero(x):
    return jrk.stack([v.astype("int64") for v in jrk.nonzero(x)])


@operator("Compress")
def compress(x, condition, axis=None):
    kept = jrk.nonzero(condition)[0]
    return jrk.take(x.flatten(), kept, axis=0) if axis is None else jrk.take(x, kept, axis=axis)


@operator("TopK")
def top_k(x, k, axis=-1, largest=1, sorted=1):
    values, indices = jrk.topk(x, int(whole(k)[0]), axis=axis, largest=bool(largest))
    return values, indices.astype("int64")


@operator("Unique")
def unique(x, axis=None, sorted=1):
    values, inverse, counts = jrk.unique(x, axis=axis, return_inverse=True, return_counts=True)
    inverse, at = inverse.flatten(), 0 if axis is None else axis
    n = inverse.size
    first = jrk.full(values.shape[at], n, dtype="int64")
    first = jrk.scatter_reduce(first, 0, inverse, jrk.arange(n, dtype="int64"), "amin")
    if not sorted:
        order = jrk.argsort(first)
        values = jrk.take(values, order, axis=at)
        first, counts = jrk.take(first, order, axis=0), jrk.take(counts, order, axis=0)
        inverse = jrk.take(jrk.argsort(order), inverse, axis=0)
    return values, *(v.astype("int64") for v in (first, inverse, counts))


@operator("ReverseSequence")
def reverse_sequence(x, lengths, batch_axis=1, time_axis=0):
    n = x.shape[time_axis]
    steps = jrk.arange(n, dtype="int64").reshape(tuple(n if i == time_axis else 1 for i in (0, 1)))
    spans = lengths.reshape(tuple(-1 if i == batch_axis else 1 for i in (0, 1)))
    index = jrk.where(steps < spans, spans - 1 - steps, steps)
    index = index.reshape((*index.shape, *(1,) * (x.ndim - 2)))
    return jrk.take_along_axis(x, jrk.broadcast_to(index, x.shape), axis=time_axis)


@operator("MaxUnpool")
def max_unpool(x, indices, output_shape=None, kernel_shape=None, pads=None, strides=None):
    rank = len(kernel_shape)
    strides, pads = strides or [1] * rank, pads or [0] * (2 * rank)
    space = [
        (n - 1) * s - pads[i] - pads[rank + i] + k
        for i, (n, s, k) in enumerate(zip(x.shape[2:], strides, kernel_shape, strict=True))
    ]
    whole_shape = (*x.shape[:2], *space)
    blank = jrk.zeros(math.prod(whole_shape), dtype=x.dtype)
    y = jrk.scatter(blank, 0, indices.flatten(), x.flatten()).reshape(whole_shape)
    if output_shape is None:
        return y
    pairs = [v for n, m in zip(y.shape[::-1], whole(output_shape)[::-1], strict=True)
             for v in (0, m - n)]  # fmt: skip
    return F.pad(y, pairs)


@operator("Binarizer")
def binarize(x, threshold=0.0):
    return (x > threshold).astype(x.dtype)


def lowest(x):
    """The smallest value of a type, which maxima start from."""
    return -math.inf if is_float(x.dtype) else limits(x.dtype)[0]
