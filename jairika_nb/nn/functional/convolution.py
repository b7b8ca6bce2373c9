"""Convolutions and transposed convolutions over one, two or three spatial axes."""

from __future__ import annotations

from typing import Any

from jairika_nb.engine.ops import conv as c
from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.nn.functional.spatial import Sizes, each_axis, with_batch, without_batch
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.plain import whole
from jairika_nb.tensors.tensor import Tensor

Pads = tuple[tuple[int, int], ...]


@on_tensors
def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: str | Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """x (N, C, L) with weight (O, C / groups, K) -> (N, O, L'); the batch axis may be missing.

    ``padding`` is zeros at both ends, ``"valid"`` for none or ``"same"`` for as many as keep the
    size. Kernels are not flipped. Raises ShapeError where channels or sizes do not fit.

    >>> import jairika_nb as jrk
    >>> conv1d(jrk.tensor([[[1.0, 2.0, 4.0]]]), jrk.tensor([[[1.0, -1.0]]])).tolist()
    [[[-1.0, -2.0]]]
    """
    return _conv(1, x, weight, bias, stride, padding, dilation, groups)


@on_tensors
def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: str | Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """x (N, C, H, W) with weight (O, C / groups, KH, KW) -> (N, O, H', W'); as :func:`conv1d`.

    On a CPU large 3 x 3 convolutions of stride 1 in float32 go through Winograd's transforms:
    errors are about three times those of plain sums (root of the mean square 6e-7 to 8e-7 of the
    result's), and what is no number or infinite spreads over 4 x 4 outputs.
    """
    return _conv(2, x, weight, bias, stride, padding, dilation, groups)


@on_tensors
def conv3d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: str | Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """x (N, C, D, H, W) with weight (O, C / groups, KD, KH, KW); as :func:`conv1d`."""
    return _conv(3, x, weight, bias, stride, padding, dilation, groups)


def _conv(
    rank: int,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sizes,
    padding: str | Sizes,
    dilation: Sizes,
    groups: int,
) -> Tensor:
    asked = f"conv{rank}d"
    x, added = with_batch(asked, x, rank)
    _check_weight(asked, weight, rank, groups)
    steps = each_axis(asked, "stride", stride, rank)
    apart = each_axis(asked, "dilation", dilation, rank)
    pads = _pads(asked, padding, weight.shape[2:], steps, apart)
    geometry = c.Geometry(steps, pads, (1,) * rank, apart, groups)
    y = Tensor(c.conv(x.node, weight.node, geometry))
    return without_batch(_biased(asked, y, bias), added)


def _check_weight(asked: str, weight: Tensor, rank: int, groups: int) -> None:
    count = whole(groups)
    if count is None or count < 1:
        raise OutOfRange(f"{asked}: groups={groups!r} must be an integer from 1 up")
    if weight.ndim != rank + 2:
        raise ShapeError(f"{asked}: weight {weight.shape} needs {rank + 2} axes")


def _pads(
    asked: str, padding: str | Sizes, kernel: tuple[int, ...], stride: Any, dilation: Any
) -> Pads:
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if any(s != 1 for s in stride):
            raise OutOfRange(f"{asked}: padding='same' keeps sizes and so needs stride 1")
        totals = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
        return tuple((t // 2, t - t // 2) for t in totals)
    if isinstance(padding, str):
        raise OutOfRange(f"{asked}: padding={padding!r} is neither 'valid' nor 'same'")
    return tuple((p, p) for p in each_axis(asked, "padding", padding, len(kernel), least=0))


def _biased(asked: str, y: Tensor, bias: Tensor | None) -> Tensor:
    if bias is None:
        return y
    if bias.shape != (y.shape[1],):
        raise ShapeError(f"{asked}: bias {bias.shape} does not fit {y.shape[1]} output channels")
    return y + bias.reshape((y.shape[1], *(1,) * (y.ndim - 2)))


@on_tensors
def conv_transpose1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """x (N, C, L) with weight (C, O / groups, K) -> (N, O, L'): the adjoint of :func:`conv1d`.

    L' = (L - 1) * stride - 2 * padding + dilation * (K - 1) + output_padding + 1; the output
    padding must be smaller than the stride or the dilation.

    >>> import jairika_nb as jrk
    >>> conv_transpose1d(jrk.tensor([[[1.0, 2.0]]]), jrk.ones((1, 1, 2)), stride=2).tolist()
    [[[1.0, 1.0, 2.0, 2.0]]]
    """
    return _transposed(1, x, weight, bias, stride, padding, output_padding, groups, dilation)


@on_tensors
def conv_transpose2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """x (N, C, H, W) with weight (C, O / groups, KH, KW); as :func:`conv_transpose1d`."""
    return _transposed(2, x, weight, bias, stride, padding, output_padding, groups, dilation)


@on_tensors
def conv_transpose3d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    groups: int = 1,
    dilation: Sizes = 1,
) -> Tensor:
    """x (N, C, D, H, W) with weight (C, O / groups, KD, KH, KW); as :func:`conv_transpose1d`."""
    return _transposed(3, x, weight, bias, stride, padding, output_padding, groups, dilation)


def _transposed(
    rank: int,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sizes,
    padding: Sizes,
    output_padding: Sizes,
    groups: int,
    dilation: Sizes,
) -> Tensor:
    asked = f"conv_transpose{rank}d"
    x, added = with_batch(asked, x, rank)
    _check_weight(asked, weight, rank, groups)
    if weight.shape[0] != x.shape[1] or weight.shape[0] % groups:
        raise ShapeError(
            f"{asked}: input {x.shape} with weight {weight.shape}: the weight's first size must "
            f"be the {x.shape[1]} input channels and split into {groups} groups"
        )
    steps = each_axis(asked, "stride", stride, rank)
    apart = each_axis(asked, "dilation", dilation, rank)
    around = each_axis(asked, "padding", padding, rank, least=0)
    extra = each_axis(asked, "output_padding", output_padding, rank, least=0)
    if any(m >= max(s, d) for m, s, d in zip(extra, steps, apart, strict=True)):
        raise OutOfRange(
            f"{asked}: output_padding={output_padding!r} must be smaller than the stride {steps} "
            f"or the dilation {apart}"
        )
    rows = zip(weight.shape[2:], apart, around, extra, strict=True)
    pads = tuple(((k - 1) * d - p, (k - 1) * d - p + m) for k, d, p, m in rows)
    geometry = c.Geometry((1,) * rank, pads, steps, apart, groups, flipped=True)
    y = Tensor(c.conv(x.node, weight.node, geometry))
    return without_batch(_biased(asked, y, bias), added)
