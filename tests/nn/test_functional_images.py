"""Padding, blocks, resizing and sampling against PyTorch, and what they refuse."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors
from jairika_nb.nn import functional as F

torch = pytest.importorskip("torch")
T = torch.nn.functional


def draw(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("pads", [(1, 2), (0, 3, 2, 0), (1, 0, 0, 1)])
def test_pad(device, compare, mode, pads):
    x = draw(2, 3, 5, 4) if len(pads) == 4 else draw(2, 3, 5)
    compare(lambda x: F.pad(x, pads, mode), lambda x: T.pad(x, pads, mode), x)


@pytest.mark.parametrize("pads", [(-1, 2, 0, -2), (3, -1), (0, 0, 0, 0, 1, -1)])
def test_pad_by_a_value_and_crop(device, compare, pads):
    compare(lambda x: F.pad(x, pads, value=1.5), lambda x: T.pad(x, pads, value=1.5),
            draw(2, 3, 5, 4))  # fmt: skip


@pytest.mark.parametrize("options", [(2,), ((2, 3), (2, 1), 1, 2), (3, 1, (0, 2), (1, 3))])
def test_unfold_and_fold(device, compare, options):
    x = draw(2, 3, 7, 8)
    compare(lambda x: F.unfold(x, *options), lambda x: T.unfold(x, *options), x)
    columns = T.unfold(torch.tensor(x), *options).numpy()
    compare(lambda y: F.fold(y, (7, 8), *options), lambda y: T.fold(y, (7, 8), *options), columns)


def test_pixel_shuffle_and_back(device, compare):
    compare(lambda x: F.pixel_shuffle(x, 2), lambda x: T.pixel_shuffle(x, 2), draw(2, 8, 3, 4))
    compare(lambda x: F.pixel_unshuffle(x, 2), lambda x: T.pixel_unshuffle(x, 2), draw(2, 4, 6))


RESIZES = [
    ((5, 4), {"size": (7, 9), "mode": mode})
    for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")
] + [
    ((5, 4), {"size": (3, 2), "mode": "bilinear"}),
    ((5, 4), {"size": (3, 2), "mode": "nearest-exact"}),
    ((5, 4), {"scale_factor": (1.6, 0.7), "mode": "nearest"}),
    ((5, 4), {"scale_factor": (1.6, 0.7), "mode": "bilinear"}),
    ((5, 4), {"scale_factor": 1.7, "mode": "bicubic", "recompute_scale_factor": True}),
    ((5, 4), {"size": (7, 9), "mode": "bilinear", "align_corners": True}),
    ((5, 4), {"size": (1, 9), "mode": "bicubic", "align_corners": True}),
    ((8, 7), {"size": (3, 4), "mode": "bilinear", "antialias": True}),
    ((8, 7), {"size": (3, 10), "mode": "bicubic", "antialias": True}),
    ((6,), {"size": 4, "mode": "linear"}),
    ((6,), {"scale_factor": 2.5, "mode": "nearest"}),
    ((2, 5, 4), {"size": (3, 4, 5), "mode": "trilinear"}),
]


@pytest.mark.parametrize(("space", "options"), RESIZES, ids=[str(r) for r in RESIZES])
def test_interpolate(device, compare, space, options):
    compare(
        lambda x: F.interpolate(x, **options), lambda x: T.interpolate(x, **options),
        draw(2, 3, *space), tolerance=1e-4,
    )  # fmt: skip


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_grid_sample(device, compare, mode, padding_mode, align_corners):
    if mode == "bicubic" and not device.is_reference and (padding_mode, align_corners) != (
        "reflection", False,
    ):  # fmt: skip
        pytest.skip("its kernels are long: one of their kinds on each driver")
    grid = np.random.default_rng(5).uniform(-1.3, 1.3, (2, 3, 4, 2)).astype(np.float32)
    compare(
        lambda x, g: F.grid_sample(x, g, mode, padding_mode, align_corners),
        lambda x, g: T.grid_sample(x, g, mode, padding_mode, align_corners),
        draw(2, 3, 5, 6), grid, tolerance=1e-3,
    )  # fmt: skip


def test_grid_sample_of_volumes(device, compare):
    grid = np.random.default_rng(5).uniform(-1.2, 1.2, (1, 2, 3, 2, 3)).astype(np.float32)
    compare(
        lambda x, g: F.grid_sample(x, g, align_corners=False),
        lambda x, g: T.grid_sample(x, g, align_corners=False),
        draw(1, 2, 3, 4, 5), grid, tolerance=1e-3,
    )  # fmt: skip


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("size", [(2, 1, 3, 4), (1, 1, 2, 3, 4)])
def test_affine_grid(device, compare, size, align_corners):
    theta = draw(size[0], len(size) - 2, len(size) - 1)
    compare(
        lambda t: F.affine_grid(t, size, align_corners),
        lambda t: T.affine_grid(t, size, align_corners), theta,
    )  # fmt: skip


BAD = {
    "mirror too wide": (errors.ShapeError, lambda x: F.pad(x, (5, 0), "reflect"), "at most 4"),
    "wrap too wide": (errors.ShapeError, lambda x: F.pad(x, (6, 0), "circular"), "at most 5"),
    "crop too much": (errors.ShapeError, lambda x: F.pad(x, (-3, -3)), "crops more"),
    "odd": (errors.OutOfRange, lambda x: F.pad(x, (1, 2, 3)), "before, after"),
    "no such mode": (errors.OutOfRange, lambda x: F.pad(x, (1, 1), "mirror"), "'mirror'"),
    "value": (errors.OutOfRange, lambda x: F.pad(x, (1, 1), "reflect", 2.0), "no meaning"),
    "blocks": (errors.ShapeError, lambda x: F.fold(x[0, :, :4], (3, 3), 2), "fold"),
    "block size": (errors.ShapeError, lambda x: F.unfold(x, 9), "window"),
    "channels": (errors.ShapeError, lambda x: F.pixel_shuffle(x, 2), "do not split"),
    "height": (errors.ShapeError, lambda x: F.pixel_unshuffle(x, 2), "do not split"),
    "neither": (errors.OutOfRange, lambda x: F.interpolate(x), "either size or scale"),
    "both": (errors.OutOfRange, lambda x: F.interpolate(x, 3, 2.0), "either size or scale"),
    "mode": (errors.OutOfRange, lambda x: F.interpolate(x, 3, mode="lanczos"), "'lanczos'"),
    "rank": (errors.ShapeError, lambda x: F.interpolate(x, 3, mode="linear"), "linear"),
    "nothing left": (errors.OutOfRange, lambda x: F.interpolate(x, scale_factor=0.1), "from 1 up"),
    "integers": (
        errors.DTypeError, lambda x: F.interpolate(x.astype("int32"), 3, mode="bilinear"), "int32"),
    "grid": (errors.ShapeError, lambda x: F.grid_sample(x, jrk.zeros((1, 3, 3, 3))), "grid"),
    "theta": (errors.ShapeError, lambda x: F.affine_grid(x[0], (2, 1, 4, 4)), "theta"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_wrong_calls(name):
    error, call, words = BAD[name]
    with jrk.device("reference"), pytest.raises(error, match=words):
        call(jrk.zeros((1, 2, 4, 5)))
