"""Pooling against PyTorch, in values and derivatives, and what it refuses."""

import math

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors
from jairika_nb.nn import functional as F

torch = pytest.importorskip("torch")
T = torch.nn.functional
SHAPES = {1: (2, 3, 9), 2: (2, 3, 9, 8), 3: (1, 2, 5, 6, 4)}


def draw(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


POOLS = [
    ("max_pool1d", {"kernel_size": 2}),
    ("max_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max_pool2d", {"kernel_size": (3, 2), "stride": 2, "padding": 1, "dilation": (1, 2),
                    "ceil_mode": True}),
    ("max_pool3d", {"kernel_size": 2, "stride": (1, 2, 2)}),
    ("avg_pool1d", {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("avg_pool2d", {"kernel_size": 2}),
    ("avg_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ("avg_pool2d", {"kernel_size": (3, 2), "padding": 1, "count_include_pad": False}),
    ("avg_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True,
                    "count_include_pad": False}),
    ("avg_pool3d", {"kernel_size": 2, "divisor_override": 3}),
    ("lp_pool1d", {"norm_type": 2.0, "kernel_size": 3, "ceil_mode": True}),
    ("lp_pool2d", {"norm_type": 4.0, "kernel_size": 2, "stride": 1}),
    ("adaptive_avg_pool1d", {"output_size": 3}),
    ("adaptive_avg_pool2d", {"output_size": (4, 3)}),
    ("adaptive_avg_pool2d", {"output_size": (None, 2)}),
    ("adaptive_avg_pool3d", {"output_size": 1}),
    ("adaptive_max_pool1d", {"output_size": 4}),
    ("adaptive_max_pool2d", {"output_size": (3, 5)}),
    ("adaptive_max_pool3d", {"output_size": (2, 4, 3)}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), POOLS, ids=[str(p) for p in POOLS])
def test_pool(device, compare, name, options):
    shape = SHAPES[int(name[-2])]
    compare(
        lambda x: getattr(F, name)(x, **options), lambda x: getattr(T, name)(x, **options),
        draw(*shape), tolerance=1e-4,
    )  # fmt: skip


INDEXED = [
    ("max_pool1d", {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ("max_pool2d", {"kernel_size": 2, "dilation": 2}),
    ("max_pool3d", {"kernel_size": 2}),
    ("adaptive_max_pool1d", {"output_size": 4}),
    ("adaptive_max_pool2d", {"output_size": (3, 5)}),
]


@pytest.mark.parametrize(("name", "options"), INDEXED, ids=[str(p) for p in INDEXED])
def test_places_of_the_maxima(device, name, options):
    # Few different values, so that many tie: the first one counts.
    x = np.round(draw(*SHAPES[int(name[-2])]))
    values, places = getattr(F, name)(jrk.tensor(x), **options, return_indices=True)
    theirs = getattr(T, name)(torch.tensor(x), **options, return_indices=True)
    assert (values.numpy() == theirs[0].numpy()).all()
    assert places.dtype == jrk.int64
    assert (places.numpy() == theirs[1].numpy()).all()


def test_ties_share_the_gradient(device):
    x = jrk.tensor([[[1.0, 1.0, 0.0, 2.0]]])
    (g,) = jrk.grad(F.max_pool1d(x, 2).sum(), [x])
    assert g.tolist() == [[[0.5, 0.5, 0.0, 1.0]]]


def test_nan_wins_and_is_found(device):
    x = jrk.tensor([[[1.0, math.nan, 3.0, 2.0]]])
    values, places = F.max_pool1d(x, 2, return_indices=True)
    assert np.isnan(values.numpy()[0, 0, 0])
    assert places.tolist() == [[[1, 2]]]


def test_integers_are_pooled_by_their_maximum(device):
    x = jrk.tensor(np.array([[[-5, -7, -9]]], np.int32))
    assert F.max_pool1d(x, 3, 1, 1).tolist() == [[[-5, -5, -7]]]


BAD = {
    "too much padding": (errors.OutOfRange, lambda x: F.max_pool2d(x, 2, padding=2), "half"),
    "too large": (errors.ShapeError, lambda x: F.avg_pool2d(x, 9), r"\(9, 9\) do not fit"),
    "kernel": (errors.OutOfRange, lambda x: F.avg_pool2d(x, (2, 2, 2)), "3 sizes for 2 axes"),
    "no divisor": (errors.OutOfRange, lambda x: F.avg_pool2d(x, 2, divisor_override=0), "divisor"),
    "rank": (errors.ShapeError, lambda x: F.max_pool3d(x[0, 0], 2), "max_pool3d"),
    "bool": (errors.DTypeError, lambda x: F.max_pool2d(x > 0, 2), "bool"),
    "no size": (errors.OutOfRange, lambda x: F.adaptive_avg_pool2d(x, 0), "from 1 up"),
    "sizes": (errors.OutOfRange, lambda x: F.adaptive_max_pool2d(x, (1, 2, 3)), "2 sizes"),
    "no norm": (errors.OutOfRange, lambda x: F.lp_pool2d(x, 0, 2), "norm_type"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_calls(name):
    error, call, words = BAD[name]
    with jrk.device("reference"), pytest.raises(error, match=words):
        call(jrk.zeros((1, 3, 5, 5)))


def test_the_norm_of_a_window_of_zeros_has_no_slope(device):
    x = np.array([[[0.0, 0.0, 3.0, 4.0]]], np.float32)
    ours, theirs = jrk.tensor(x), torch.tensor(x, requires_grad=True)
    T.lp_pool1d(theirs, 2.0, 2).sum().backward()
    (slope,) = jrk.grad(F.lp_pool1d(ours, 2.0, 2).sum(), [ours])
    np.testing.assert_allclose(slope.numpy(), theirs.grad.numpy(), rtol=1e-5)
