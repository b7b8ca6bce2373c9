"""Convolutions against PyTorch, in values and derivatives, and what they refuse."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors
from jairika_nb.nn import functional as F

torch = pytest.importorskip("torch")
T = torch.nn.functional


def draw(*shape, dtype=np.float32):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


CONVOLUTIONS = {
    "one axis": (1, (2, 3, 9), (4, 3, 3), {"padding": 1}),
    "stride": (2, (2, 3, 9, 8), (4, 3, 3, 3), {"stride": 2, "padding": 1}),
    "uneven": (2, (2, 4, 9, 8), (6, 2, 3, 2),
               {"stride": (1, 2), "padding": (2, 0), "dilation": (2, 1), "groups": 2}),
    "rest at the end": (2, (1, 2, 8, 7), (3, 2, 3, 3), {"stride": 3}),
    "depthwise": (2, (2, 4, 6, 7), (8, 1, 3, 3), {"padding": 1, "groups": 4}),
    "one by one": (2, (2, 4, 5, 6), (8, 4, 1, 1), {}),
    "three axes": (3, (1, 2, 4, 5, 6), (3, 2, 3, 1, 3), {"padding": "same"}),
    "same, dilated": (2, (1, 2, 6, 6), (3, 2, 3, 3), {"padding": "same", "dilation": (2, 1)}),
    "valid": (1, (2, 2, 6), (3, 2, 4), {"padding": "valid"}),
    "whole input": (2, (2, 3, 4, 5), (5, 3, 4, 5), {}),
    "large, stride": (2, (2, 16, 9, 10), (24, 16, 3, 2), {"stride": 2, "padding": 1}),
    "large, uneven stride": (2, (2, 16, 9, 10), (24, 16, 3, 3), {"stride": (1, 3)}),
    "large, dilation": (2, (2, 16, 9, 10), (24, 8, 2, 3), {"dilation": (2, 3), "groups": 2}),
    "large, both": (2, (2, 16, 9, 10), (24, 16, 2, 2),
                    {"dilation": (2, 1), "stride": (3, 2), "padding": (1, 0)}),
    "large, one axis": (1, (2, 16, 100), (24, 16, 5), {"padding": 2, "stride": 2}),
    "large, three axes": (3, (1, 8, 5, 6, 7), (16, 8, 3, 2, 3),
                          {"padding": 1, "stride": (1, 2, 1)}),
    "tiles": (2, (3, 16, 12, 12), (32, 16, 3, 3), {"padding": 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(device, compare, name):
    rank, x, w, options = CONVOLUTIONS[name]
    ours, theirs = getattr(F, f"conv{rank}d"), getattr(T, f"conv{rank}d")
    compare(
        lambda x, w, b: ours(x, w, b, **options), lambda x, w, b: theirs(x, w, b, **options),
        draw(*x), draw(*w) / 4, draw(w[0]), tolerance=1e-4,
    )  # fmt: skip


def test_derivative_of_a_transposed_convolution_that_feeds_products_twice(device):
    # The kernel is stored turned around for one product, and read as it was by the next.
    x, w = draw(7, 7, 16), draw(7, 7, 16)
    theirs = torch.tensor(x, requires_grad=True)
    y = T.conv_transpose1d(theirs, torch.tensor(w), padding=3)
    (expected,) = torch.autograd.grad((y * y).sum(), theirs)
    ours = jrk.tensor(x)
    y = F.conv_transpose1d(ours, jrk.tensor(w), padding=3)
    (found,) = jrk.grad((y * y).sum(), [ours])
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=1e-2)


TRANSPOSED = {
    "one axis": (1, (2, 4, 5), (4, 3, 2), {"stride": 3}),
    "output padding": (2, (2, 4, 5, 4), (4, 3, 3, 3),
                       {"stride": 2, "padding": 1, "output_padding": 1}),
    "uneven": (2, (2, 4, 5, 4), (4, 3, 3, 3),
               {"stride": (2, 3), "padding": (0, 1), "output_padding": (1, 2), "groups": 2,
                "dilation": (2, 1)}),
    "large": (2, (2, 16, 6, 5), (16, 24, 3, 3),
              {"stride": 2, "padding": 1, "output_padding": 1}),
    "three axes": (3, (1, 2, 2, 3, 2), (2, 2, 2, 1, 2), {"stride": 2}),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSPOSED)
def test_transposed_convolution(device, compare, name):
    rank, x, w, options = TRANSPOSED[name]
    ours, theirs = (getattr(m, f"conv_transpose{rank}d") for m in (F, T))
    outputs = w[1] * options.get("groups", 1)
    compare(
        lambda x, w, b: ours(x, w, b, **options), lambda x, w, b: theirs(x, w, b, **options),
        draw(*x), draw(*w) / 4, draw(outputs), tolerance=1e-4,
    )  # fmt: skip


def test_double_precision_is_exact(device, compare):
    x, w = draw(2, 3, 6, 5, dtype=np.float64), draw(4, 3, 3, 2, dtype=np.float64)
    compare(F.conv2d, T.conv2d, x, w, tolerance=1e-12)


def test_integers_are_exact(device):
    x = np.arange(2 * 3 * 5 * 5, dtype=np.int32).reshape(2, 3, 5, 5)
    w = np.arange(4 * 3 * 2 * 2, dtype=np.int32).reshape(4, 3, 2, 2) - 20
    y = F.conv2d(jrk.tensor(x), jrk.tensor(w))
    assert y.dtype == jrk.int32
    assert (y.numpy() == T.conv2d(torch.tensor(x).double(), torch.tensor(w).double()).numpy()).all()


def test_no_batch_axis(device):
    x, w = draw(3, 6, 5), draw(4, 3, 3, 3)
    y = F.conv2d(jrk.tensor(x), jrk.tensor(w))
    np.testing.assert_allclose(
        y.numpy(), T.conv2d(torch.tensor(x), torch.tensor(w)).numpy(), rtol=1e-4, atol=1e-5
    )


def test_an_empty_batch_gives_an_empty_result_and_no_gradient(device):
    x, w = jrk.zeros((0, 2, 5, 5)), jrk.ones((3, 2, 3, 3))
    y = F.conv2d(x, w)
    assert y.numpy().shape == (0, 3, 3, 3)
    assert not jrk.grad(y.sum(), [w])[0].numpy().any()


def launches(y):
    with jrk.profile() as profile:
        y.realize()
    return profile.launches


def test_what_surrounds_a_convolution_joins_it(device):
    if device.is_reference or device.kind == "gpu":
        pytest.skip("kernels of the CPU schedule are counted")
    x, b = jrk.tensor(draw(4, 16, 12, 12)), jrk.tensor(draw(32))
    small, large = jrk.tensor(draw(32, 16, 1, 1)), jrk.tensor(draw(32, 16, 3, 3))
    assert launches(F.conv2d(x, small).relu()) == 1
    # The image with its padding, the product, then cutting, bias and activation together.
    assert launches(F.conv2d(x, large, b, padding=1).relu()) == 3
    each = jrk.tensor(draw(16, 1, 3, 3))
    assert launches(F.conv2d(x, each, None, padding=1, groups=16).relu()) == 1


BAD = {
    "channels": (errors.ShapeError, lambda x, w: F.conv2d(x[:, :2], w), r"\(1, 2, 5, 5\).*2 input"),
    "kernel too large": (errors.ShapeError, lambda x, w: F.conv2d(x, w, dilation=3), r"\(7, 7\)"),
    "rank": (errors.ShapeError, lambda x, w: F.conv1d(x, w), "conv1d"),
    "weight rank": (errors.ShapeError, lambda x, w: F.conv2d(x, w[0]), "weight"),
    "groups": (errors.ShapeError, lambda x, w: F.conv2d(x, w[:, :1], groups=3), "4 output"),
    "no group": (errors.OutOfRange, lambda x, w: F.conv2d(x, w, groups=0), "groups=0"),
    "bias": (errors.ShapeError, lambda x, w: F.conv2d(x, w, jrk.ones(3)), r"bias \(3,\)"),
    "stride": (errors.OutOfRange, lambda x, w: F.conv2d(x, w, stride=0), "stride=0"),
    "strides": (errors.OutOfRange, lambda x, w: F.conv2d(x, w, stride=(1, 1, 1)), "3 sizes for 2"),
    "padding": (errors.OutOfRange, lambda x, w: F.conv2d(x, w, padding=-1), "padding=-1"),
    "no such padding": (errors.OutOfRange, lambda x, w: F.conv2d(x, w, padding="full"), "'full'"),
    "same with stride": (
        errors.OutOfRange, lambda x, w: F.conv2d(x, w, padding="same", stride=2), "stride 1"),
    "bool": (errors.DTypeError, lambda x, w: F.conv2d(x > 0, w > 0), "bool"),
    "transposed channels": (errors.ShapeError, lambda x, w: F.conv_transpose2d(x, w), "3 input"),
    "output padding": (
        errors.OutOfRange,
        lambda x, w: F.conv_transpose2d(x, w[:3], output_padding=1), "smaller than the stride"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_wrong_calls_name_the_operands_and_the_rule(name):
    error, call, words = BAD[name]
    with jrk.device("reference"), pytest.raises(error, match=words):
        call(jrk.zeros((1, 3, 5, 5)), jrk.zeros((4, 3, 3, 3)))
