"""ONNX operators of layers: products, convolutions, pools, normalisation, sampling, losses."""

from __future__ import annotations

import math

from onnx_elementwise import quantize
from onnx_shapes import lowest
from onnx_table import NotOffered, operator, whole

import jairika_nb as jrk
from jairika_nb.nn import functional as F
from jairika_nb.tensors import resize as r
from jairika_nb.tensors.windows import padded, sliding

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


@operator("MatMul")
def matmul(a, b):
    return a @ b


@operator("Gemm")
def gemm(a, b, c=None, alpha=1.0, beta=1.0, transA=0, transB=0):
    y = alpha * ((a.T if transA else a) @ (b.T if transB else b))
    return y if c is None else y + beta * c


@operator("Einsum")
def einsum(*inputs, equation):
    return jrk.einsum(equation, *inputs)


@operator("Det")
def determinant(x):
    return jrk.linalg.det(x)


@operator("MatMulInteger")
def matmul_integer(a, b, a_zero=None, b_zero=None):
    left, right = a.astype("int32"), b.astype("int32")
    left = left if a_zero is None else left - a_zero.astype("int32")
    right = right if b_zero is None else right - b_zero.astype("int32")
    return left @ right


@operator("QLinearMatMul")
def quantised_matmul(a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero):
    exact = matmul_integer(a, b, a_zero, b_zero).astype("float32")
    scale = a_scale.astype("float32") * b_scale.astype("float32")
    return quantize(exact * scale, y_scale.astype("float32"), y_zero)


# Convolution


def auto_pads(auto_pad, pads, sizes, kernel, strides, dilations):
    """(before, after) for each axis of space."""
    rank = len(kernel)
    if auto_pad in ("NOTSET", "VALID"):
        given = pads if pads and auto_pad == "NOTSET" else [0] * (2 * rank)
        return [(given[i], given[rank + i]) for i in range(rank)]
    out = []
    for n, k, s, d in zip(sizes, kernel, strides, dilations, strict=True):
        total = max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
        small, large = total // 2, total - total // 2
        out.append((small, large) if auto_pad == "SAME_UPPER" else (large, small))
    return out


@operator("Conv")
def conv(x, w, b=None, auto_pad="NOTSET", dilations=None, group=1, kernel_shape=None, pads=None,
         strides=None):  # fmt: skip
    rank = x.ndim - 2
    strides, dilations = strides or [1] * rank, dilations or [1] * rank
    around = auto_pads(auto_pad, pads, x.shape[2:], w.shape[2:], strides, dilations)
    return _CONV[rank](padded(x, around), w, b, strides, 0, dilations, group)


@operator("ConvInteger")
def conv_integer(x, w, x_zero=None, w_zero=None, **options):
    left, right = x.astype("int32"), w.astype("int32")
    left = left if x_zero is None else left - x_zero.astype("int32")
    if w_zero is not None:
        right = right - w_zero.astype("int32").reshape((-1, *(1,) * (w.ndim - 1)))
    return conv(left, right, None, **options)


@operator("QLinearConv")
def quantised_conv(x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, b=None, **options):
    exact = conv_integer(x, w, x_zero, w_zero, **options).astype("float32")
    exact = exact if b is None else exact + b.reshape((-1, *(1,) * (x.ndim - 2)))
    scale = x_scale * w_scale.reshape((-1, *(1,) * (x.ndim - 2)))
    return quantize(exact * scale, y_scale, y_zero)


@operator("ConvTranspose")
def conv_transpose(x, w, b=None, auto_pad="NOTSET", dilations=None, group=1, kernel_shape=None,
                   output_padding=None, output_shape=None, pads=None, strides=None):  # fmt: skip
    rank = x.ndim - 2
    strides, dilations = strides or [1] * rank, dilations or [1] * rank
    extra = output_padding or [0] * rank
    y = _TRANSPOSED[rank](x, w, b, strides, 0, 0, group, dilations)
    full = [n + m for n, m in zip(y.shape[2:], extra, strict=True)]
    if output_shape or auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        same = [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
        wanted = output_shape[-rank:] if output_shape else same
        totals = [n - m for n, m in zip(full, wanted, strict=True)]
        upper = auto_pad != "SAME_UPPER"
        cuts = [(t - t // 2, t // 2) if upper else (t // 2, t - t // 2) for t in totals]
    else:
        given = pads or [0] * (2 * rank)
        cuts = [(given[i], given[rank + i]) for i in range(rank)]
    rows = zip(cuts, extra, strict=True)
    bias = 0 if b is None else b.reshape((-1, *(1,) * rank))
    return padded(y - bias, [(-low, m - high) for (low, high), m in rows]) + bias


@operator("DeformConv")
def deform_conv(x, w, offset, b=None, mask=None, dilations=None, group=1, kernel_shape=None,
                offset_group=1, pads=None, strides=None):  # fmt: skip
    """Each tap of the kernel reads the image at places of its own, by bilinear sampling."""
    (sy, sx), (dy, dx) = strides or (1, 1), dilations or (1, 1)
    top, left = (pads or [0, 0])[:2]
    kh, kw = w.shape[2:]
    n, c, height, width = x.shape
    out = offset.shape[2:]
    offset = offset.reshape(n, offset_group, kh * kw, 2, *out)
    rows = (jrk.arange(out[0], dtype=x.dtype) * sy - top).reshape(-1, 1)
    columns = jrk.arange(out[1], dtype=x.dtype) * sx - left
    taps = []
    for tap in range(kh * kw):
        parts = []
        for g in range(offset_group):
            at_y = rows + (tap // kw) * dy + offset[:, g, tap, 0]
            at_x = columns + (tap % kw) * dx + offset[:, g, tap, 1]
            grid = jrk.stack([2 * at_x / (width - 1) - 1, 2 * at_y / (height - 1) - 1], axis=-1)
            each = c // offset_group
            seen = F.grid_sample(x[:, g * each : (g + 1) * each], grid, align_corners=True)
            if mask is not None:
                seen = seen * mask.reshape(n, offset_group, kh * kw, *out)[:, g, tap, None]
            parts.append(seen)
        taps.append(jrk.concat(parts, axis=1))
    patches = jrk.stack(taps, axis=2).reshape(n, group, c // group * kh * kw, math.prod(out))
    kernel = w.reshape(1, group, w.shape[0] // group, -1)
    y = (kernel @ patches).reshape(n, w.shape[0], *out)
    return y if b is None else y + b.reshape(-1, 1, 1)


# Pooling


def _completed(x, around, kernel, strides, dilations, ceil_mode):
    """Pads with room for a last, incomplete window, which must start inside the padded input."""
    out = []
    for n, (a, b), k, s, d in zip(x.shape[2:], around, kernel, strides, dilations, strict=True):
        room = n + a + b - (k - 1) * d - 1
        count = math.ceil(room / s) if ceil_mode else room // s
        if count * s >= n + a:
            count -= 1
        out.append((a, b + max(0, count * s - room)))
    return out


def _pool_windows(x, fill, auto_pad, ceil_mode, dilations, kernel_shape, pads, strides):
    rank = len(kernel_shape)
    strides, dilations = strides or [1] * rank, dilations or [1] * rank
    around = auto_pads(auto_pad, pads, x.shape[2:], kernel_shape, strides, dilations)
    whole_pads = _completed(x, around, kernel_shape, strides, dilations, ceil_mode)
    return sliding(padded(x, whole_pads, fill), kernel_shape, strides, dilations), around


def _taps(seen):
    return tuple(range(3, seen.ndim, 2))


@operator("MaxPool")
def max_pool(x, auto_pad="NOTSET", ceil_mode=0, dilations=None, kernel_shape=None, pads=None,
             storage_order=0, strides=None):  # fmt: skip
    rank = len(kernel_shape)
    strides, dilations = strides or [1] * rank, dilations or [1] * rank
    around = auto_pads(auto_pad, pads, x.shape[2:], kernel_shape, strides, dilations)
    around = _completed(x, around, kernel_shape, strides, dilations, ceil_mode)
    room = padded(x, around, lowest(x))
    values, flat = _MAX[rank](room, kernel_shape, strides, 0, dilations, return_indices=True)
    return values, _places(flat, room.shape[2:], [a for a, _ in around], x.shape, storage_order)


def _places(flat, room, before, shape, column_major):
    """Places in the padded space as places in the whole tensor."""
    at = []
    for n, low in zip(reversed(room), reversed(before), strict=True):
        at.insert(0, flat % n - low)
        flat = flat // n
    space = list(zip(at, shape[2:], strict=True))
    total, stride = 0, 1
    for place, n in space if column_major else reversed(space):
        total, stride = total + place * stride, stride * n
    rows = jrk.arange(shape[0] * shape[1], dtype="int64") * stride
    return total + rows.reshape(shape[0], shape[1], *(1,) * (len(shape) - 2))


@operator("AveragePool")
def average_pool(x, auto_pad="NOTSET", ceil_mode=0, count_include_pad=0, dilations=None,
                 kernel_shape=None, pads=None, strides=None):  # fmt: skip
    options = (auto_pad, ceil_mode, dilations, kernel_shape, pads, strides)
    seen, around = _pool_windows(x, 0, *options)
    counted = jrk.ones(x.shape, dtype=x.dtype)
    if count_include_pad:
        rest = _pool_windows(padded(counted, around, 1), 0, "NOTSET", *options[1:4], None, strides)
        counts = rest[0]
        counts = counts[tuple(slice(0, n) for n in seen.shape)]
    else:
        counts, _ = _pool_windows(counted, 0, *options)
    return seen.sum(axis=_taps(seen)) / counts.sum(axis=_taps(seen))


@operator("LpPool")
def lp_pool(x, auto_pad="NOTSET", ceil_mode=0, dilations=None, kernel_shape=None, p=2, pads=None,
            strides=None):  # fmt: skip
    options = (auto_pad, ceil_mode, dilations, kernel_shape, pads, strides)
    seen, _ = _pool_windows(jrk.abs(x) ** float(p), 0, *options)
    return seen.sum(axis=_taps(seen)) ** (1.0 / p)


@operator("GlobalAveragePool")
def global_average_pool(x):
    return x.mean(axis=tuple(range(2, x.ndim)), keepdims=True)


@operator("GlobalMaxPool")
def global_max_pool(x):
    return x.max(axis=tuple(range(2, x.ndim)), keepdims=True)


@operator("Col2Im")
def column_to_image(x, image_shape, block_shape, dilations=None, pads=None, strides=None):
    size, block = whole(image_shape), whole(block_shape)
    if len(size) != 2:
        return _fold_any(x, size, block, dilations, pads, strides)
    given = pads or [0, 0, 0, 0]
    room = [size[0] + given[0] + given[2], size[1] + given[1] + given[3]]
    y = F.fold(x, room, block, dilations or 1, 0, strides or 1)
    return padded(y, [(-given[0], -given[2]), (-given[1], -given[3])])


def _fold_any(x, size, block, dilations, pads, strides):
    from jairika_nb.tensors.windows import gathered

    rank = len(size)
    strides, dilations = strides or [1] * rank, dilations or [1] * rank
    pads = pads or [0] * (2 * rank)
    room = [n + pads[i] + pads[rank + i] for i, n in enumerate(size)]
    rows = zip(room, block, dilations, strides, strict=True)
    out = [(n - (k - 1) * d - 1) // s + 1 for n, k, d, s in rows]
    c = x.shape[1] // math.prod(block)
    y = x.reshape(x.shape[0], c, *block, *out)
    order = [axis for i in range(rank) for axis in (2 + rank + i, 2 + i)]
    y = gathered(y.permute(0, 1, *order), room, strides, dilations)
    return padded(y, [(-pads[i], -pads[rank + i]) for i in range(rank)])


# Normalisation


@operator("BatchNormalization")
def batch_norm(x, scale, bias, mean, var, epsilon=1e-5, momentum=0.9, training_mode=0):
    if not training_mode:
        return F.batch_norm(x, mean, var, scale, bias, eps=epsilon)
    y = F.batch_norm(x, None, None, scale, bias, training=True, eps=epsilon)
    axes = (0, *range(2, x.ndim))
    new_mean = mean * momentum + x.mean(axis=axes) * (1 - momentum)
    return y, new_mean, var * momentum + x.var(axis=axes) * (1 - momentum)


@operator("InstanceNormalization")
def instance_norm(x, scale, bias, epsilon=1e-5):
    return F.instance_norm(x, weight=scale, bias=bias, eps=epsilon)


@operator("GroupNormalization")
def group_norm(x, scale, bias, num_groups, epsilon=1e-5, stash_type=1):
    return F.group_norm(x, num_groups, scale, bias, epsilon)


@operator("LayerNormalization")
def layer_norm(x, scale, bias=None, axis=-1, epsilon=1e-5, stash_type=1):
    axes = tuple(range(axis % x.ndim, x.ndim))
    y = F.layer_norm(x, x.shape[axes[0] :], eps=epsilon) * scale
    mean = x.mean(axis=axes, keepdims=True)
    spread = jrk.rsqrt(x.var(axis=axes, keepdims=True) + epsilon)
    return (y if bias is None else y + bias), mean, spread


@operator("RMSNormalization")
def rms_norm(x, scale, axis=-1, epsilon=1e-5, stash_type=1):
    return F.rms_norm(x, x.shape[axis % x.ndim :], eps=epsilon) * scale


@operator("LRN")
def local_response_norm(x, size, alpha=1e-4, beta=0.75, bias=1.0):
    # ONNX lets the larger half of an even window lie behind; PyTorch's lies before.
    if size % 2 == 0:
        raise NotOffered("even sizes")
    return F.local_response_norm(x, size, alpha, beta, bias)


# Sampling


@operator("Resize")
def resize(x, roi=None, scales=None, sizes=None, antialias=0, axes=None,
           coordinate_transformation_mode="half_pixel", cubic_coeff_a=-0.75, exclude_outside=0,
           extrapolation_value=0.0, keep_aspect_ratio_policy="stretch", mode="nearest",
           nearest_mode="round_prefer_floor"):  # fmt: skip
    chosen = [a % x.ndim for a in axes] if axes else list(range(x.ndim))
    factors, wanted = _resize_sizes(x, chosen, scales, sizes, keep_aspect_ratio_policy)
    frame = roi.tolist() if roi is not None and roi.size else []
    outside = None
    for i, axis in enumerate(chosen):
        n, out, scale = x.shape[axis], wanted[i], factors[i]
        if coordinate_transformation_mode == "tf_crop_and_resize":
            at = r.crop_positions(n, out, frame[i], frame[len(chosen) + i])
            beyond = _outside(x, axis, at, n)
            outside = beyond if outside is None else outside | beyond
        elif n == out and scale == 1:
            continue
        else:
            at = r.positions(n, out, scale, coordinate_transformation_mode)
        shrink = min(scale, 1.0) if antialias else 1.0
        if mode == "nearest":
            taps = r.nearest(at, n, nearest_mode)
        else:
            weight, reach = (r.cubic(cubic_coeff_a), 2) if mode == "cubic" else (r.linear, 1)
            taps = r.blended(at, n, weight, reach, shrink, bool(exclude_outside))
        x = r.resample(x, axis, taps)
    return x if outside is None else jrk.where(outside, extrapolation_value, x)


def _outside(x, axis, at, n):
    wrong = jrk.tensor((at < 0) | (at > n - 1))
    return wrong.reshape(tuple(-1 if i == axis else 1 for i in range(x.ndim)))


def _resize_sizes(x, axes, scales, sizes, policy):
    spaces = [x.shape[a] for a in axes]
    if scales is not None and scales.size:
        factors = scales.tolist()
        return factors, [int(n * s) for n, s in zip(spaces, factors, strict=True)]
    given = whole(sizes)
    factors = [m / n for m, n in zip(given, spaces, strict=True)]
    if policy == "stretch":
        return factors, given
    factor = min(factors) if policy == "not_larger" else max(factors)
    return [factor] * len(axes), [int(n * factor + 0.5) for n in spaces]


@operator("Upsample")
def upsample(x, scales, mode="nearest"):
    return resize(x, None, scales, mode=mode, coordinate_transformation_mode="asymmetric",
                  nearest_mode="floor")  # fmt: skip


@operator("GridSample")
def grid_sample(x, grid, align_corners=0, mode="linear", padding_mode="zeros"):
    known = {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode)
    return F.grid_sample(x, grid, known, padding_mode, bool(align_corners))


@operator("AffineGrid")
def affine_grid(theta, size, align_corners=0):
    return F.affine_grid(theta, whole(size), bool(align_corners))


@operator("RoiAlign")
def roi_align(x, rois, batch_indices, coordinate_transformation_mode="half_pixel", mode="avg",
              output_height=1, output_width=1, sampling_ratio=0, spatial_scale=1.0):  # fmt: skip
    """Regions of images as small images: bilinear samples in each cell, averaged."""
    if mode != "avg" or not sampling_ratio:
        raise NotOffered("maxima, or a number of samples that depends on the region")
    shift = 0.5 if coordinate_transformation_mode == "half_pixel" else 0.0
    corners = rois * spatial_scale - shift
    extent = corners[:, 2:] - corners[:, :2]
    extent = extent if shift else jrk.maximum(extent, 1.0)
    height, width = x.shape[2:]
    axes = []
    for axis, (cells, n) in enumerate(((output_width, width), (output_height, height))):
        share = (jrk.arange(cells * sampling_ratio, dtype=x.dtype) + 0.5) / sampling_ratio
        at = corners[:, axis, None] + share * (extent[:, axis, None] / cells)
        axes.append(at * (2 / (n - 1)) - 1)
    shape = (rois.shape[0], axes[1].shape[1], axes[0].shape[1])
    across = jrk.broadcast_to(axes[0].reshape(shape[0], 1, shape[2]), shape)
    down = jrk.broadcast_to(axes[1].reshape(shape[0], shape[1], 1), shape)
    grid = jrk.stack([across, down], axis=-1)
    images = jrk.take(x, batch_indices, axis=0)
    fine = F.grid_sample(images, grid, "bilinear", "border", True)
    return F.avg_pool2d(fine, sampling_ratio)


# Losses


@operator("NegativeLogLikelihoodLoss")
def nll_loss(x, target, weight=None, ignore_index=None, reduction="mean"):
    skipped = -(2**31) if ignore_index is None else ignore_index
    return F.nll_loss(x, target, weight, skipped, reduction)


@operator("SoftmaxCrossEntropyLoss")
def cross_entropy(x, target, weight=None, ignore_index=None, reduction="mean"):
    skipped = -(2**31) if ignore_index is None else ignore_index
    scores = jrk.log_softmax(x, axis=1)
    return F.nll_loss(scores, target, weight, skipped, reduction), scores
