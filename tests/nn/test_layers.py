"""Layers against PyTorch's: text, state, values, gradients, training and evaluation."""

import sys
from pathlib import Path

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.nn.architecture import TYPES

sys.path.insert(0, str(Path(__file__).parent))
from layer_comparison import close, compare_layer, draw, twins

X1, X2, X3 = draw(2, 4, 9), draw(2, 4, 7, 6), draw(2, 4, 5, 6, 5)
SAME = {"padding": "same", "padding_mode": "reflect", "dilation": (2, 1)}

# What each layer is made with, and its inputs; run on every device.
EVERYWHERE = {
    "conv": (lambda n: n.Conv2d(4, 6, 3, stride=2, padding=1), X2),
    "conv circular": (lambda n: n.Conv2d(4, 6, (3, 2), padding=(1, 0), groups=2, bias=False,
                                         padding_mode="circular"), X2),
    "transposed": (lambda n: n.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2), X2),
    "batch norm": (lambda n: n.BatchNorm2d(4), X2),
    "batch norm, mean of all": (lambda n: n.BatchNorm1d(4, momentum=None), X1),
    "layer norm": (lambda n: n.LayerNorm((7, 6), eps=1e-3), X2),
    "group norm": (lambda n: n.GroupNorm(2, 4), X2),
    "instance norm": (lambda n: n.InstanceNorm2d(4, affine=True, track_running_stats=True), X2),
    "max pool": (lambda n: n.MaxPool2d(3, 2, 1, return_indices=True, ceil_mode=True), X2),
    "avg pool": (lambda n: n.AvgPool2d((3, 2), 2, 1, count_include_pad=False), X2),
    "adaptive avg": (lambda n: n.AdaptiveAvgPool2d((3, None)), X2),
    "embedding": (lambda n: n.Embedding(5, 3, padding_idx=-2), np.array([[1, 3], [4, 1]])),
}  # fmt: skip

# Arguments that make the same kernels in other ways; on the reference alone.
ELSEWHERE = {
    "conv1d": (lambda n: n.Conv1d(4, 3, 5, padding=2, padding_mode="replicate"), X1),
    "conv1d valid": (lambda n: n.Conv1d(4, 3, 5, padding="valid", padding_mode="reflect"), X1),
    "conv2d same": (lambda n: n.Conv2d(4, 3, (4, 3), **SAME), X2),
    "conv3d": (lambda n: n.Conv3d(4, 2, (1, 3, 2), (1, 2, 1), (0, 1, 1), groups=2), X3),
    "conv without batch": (lambda n: n.Conv2d(4, 3, 3), X2[0]),
    "transposed 1d": (lambda n: n.ConvTranspose1d(4, 2, 3, 2, bias=False, dilation=2), X1),
    "transposed 3d": (lambda n: n.ConvTranspose3d(4, 2, 2, (1, 2, 2)), X3),
    "batch norm 1d rows": (lambda n: n.BatchNorm1d(4, 1e-3, 0.3), draw(5, 4)),
    "batch norm, no bias": (lambda n: n.BatchNorm1d(4, bias=False), X1),
    "batch norm, plain": (lambda n: n.BatchNorm2d(4, affine=False), X2),
    "batch norm, untracked": (lambda n: n.BatchNorm2d(4, track_running_stats=False), X2),
    "batch norm 3d": (lambda n: n.BatchNorm3d(4), X3),
    "batch norm in double": (lambda n: n.BatchNorm1d(4, dtype=_dtype(n)), X1.astype("float64")),
    "instance norm 1d": (lambda n: n.InstanceNorm1d(4), X1),
    "instance norm, no batch": (lambda n: n.InstanceNorm1d(2, affine=True), X1[0, :2]),
    "instance norm 3d": (lambda n: n.InstanceNorm3d(4, track_running_stats=True), X3),
    "layer norm, one axis": (lambda n: n.LayerNorm(6, bias=False), X2),
    "layer norm, plain": (lambda n: n.LayerNorm([4, 9], elementwise_affine=False), X1),
    "rms norm": (lambda n: n.RMSNorm((7, 6)), X2),
    "rms norm, plain": (lambda n: n.RMSNorm(9, 1e-2, False), X1),
    "group norm, rows": (lambda n: n.GroupNorm(4, 4, affine=False), draw(5, 4)),
    "group norm, no bias": (lambda n: n.GroupNorm(1, 4, bias=False), X2),
    "local response": (lambda n: n.LocalResponseNorm(3, 0.5, 0.6, 2.0), X2),
    "max pool 1d": (lambda n: n.MaxPool1d(3, 1, 1, 2), X1),
    "max pool 3d": (lambda n: n.MaxPool3d((2, 3, 2), (1, 2, 2)), X3),
    "avg pool 1d": (lambda n: n.AvgPool1d(3, padding=1), X1),
    "avg pool 1d, last": (lambda n: n.AvgPool1d((2,), ceil_mode=True), X1),
    "avg pool 2d, divided": (lambda n: n.AvgPool2d(2, divisor_override=3), X2),
    "avg pool 3d": (lambda n: n.AvgPool3d(2, (1, 2, 1), ceil_mode=True), X3),
    "lp pool 1d": (lambda n: n.LPPool1d(2, 3), np.abs(X1)),
    "lp pool 2d": (lambda n: n.LPPool2d(3.5, (2, 3), 2), np.abs(X2)),
    "lp pool 3d": (lambda n: n.LPPool3d(2, 2, ceil_mode=True), np.abs(X3)),
    "adaptive avg 1d": (lambda n: n.AdaptiveAvgPool1d(4), X1),
    "adaptive avg 3d": (lambda n: n.AdaptiveAvgPool3d((2, 3, 2)), X3),
    "adaptive max 1d": (lambda n: n.AdaptiveMaxPool1d(4, return_indices=True), X1),
    "adaptive max 2d": (lambda n: n.AdaptiveMaxPool2d((None, 3)), X2),
    "adaptive max 3d": (lambda n: n.AdaptiveMaxPool3d(2, True), X3),
    "embedding, scaled": (lambda n: n.Embedding(5, 3, scale_grad_by_freq=True),
                          np.array([[1, 3], [1, 1]])),
    "embedding, bounded": (lambda n: n.Embedding(5, 3, 0, max_norm=0.7, norm_type=1.0),
                           np.array([1, 3, 1])),
    "relu6": (lambda n: n.ReLU6(), 4 * X1),
    "relu in place": (lambda n: n.ReLU(inplace=True), X1),
    "selu": (lambda n: n.SELU(), X1),
    "elu in place": (lambda n: n.ELU(0.3, True), X1),
    "hardsigmoid": (lambda n: n.Hardsigmoid(), 3 * X1),
    "hardtanh": (lambda n: n.Hardtanh(-0.5, 2.0, inplace=True), X1),
    "threshold": (lambda n: n.Threshold(0.2, -3.0), X1),
    "softshrink": (lambda n: n.Softshrink(0.3), X1),
    "hardshrink": (lambda n: n.Hardshrink(), X1),
    "softplus": (lambda n: n.Softplus(0.5, 2.0), 3 * X1),
    "glu": (lambda n: n.GLU(1), X1),
    "softmin": (lambda n: n.Softmin(1), X1),
    "softmax2d": (lambda n: n.Softmax2d(), X2),
    "prelu": (lambda n: n.PReLU(4, 0.1), X2),
    "bilinear": (lambda n: n.Bilinear(4, 3, 2), draw(5, 2, 4), draw(5, 2, 3)),
    "bilinear, no bias": (lambda n: n.Bilinear(4, 3, 2, bias=False), draw(5, 4), draw(5, 3)),
    "unflatten": (lambda n: n.Unflatten(1, (2, -1)), X2),
    "unfold": (lambda n: n.Unfold((2, 3), (1, 2), (0, 1), 2), X2),
    "fold": (lambda n: n.Fold((5, 6), (2, 3), padding=(0, 1), stride=2), draw(2, 12, 6)),
    "pixel shuffle": (lambda n: n.PixelShuffle(2), X2),
    "pixel unshuffle": (lambda n: n.PixelUnshuffle(3), draw(2, 2, 6, 9)),
    "channel shuffle": (lambda n: n.ChannelShuffle(2), X2),
    "upsample": (lambda n: n.Upsample(scale_factor=(2, 1.5), mode="bicubic"), X2),
    "upsample, size": (lambda n: n.Upsample((5, 9), mode="bilinear", align_corners=True), X2),
    "upsample, area": (lambda n: n.Upsample(4, mode="area"), X1),
    "nearest": (lambda n: n.UpsamplingNearest2d(scale_factor=2), X2),
    "bilinear images": (lambda n: n.UpsamplingBilinear2d(size=9), X2),
    "cosine": (lambda n: n.CosineSimilarity(1, 1e-3), X1, X1 + draw(2, 4, 9) / 2),
    "distance": (lambda n: n.PairwiseDistance(3.0), draw(5, 4), draw(4, 5).T.copy()),
    "distance by maximum": (lambda n: n.PairwiseDistance(float("inf")), draw(5, 4), draw(4)),
    "crop": (lambda n: n.ZeroPad2d((1, -2, -1, 0)), X2),
    "constant pad": (lambda n: n.ConstantPad1d(2, 0.5), draw(4)),
    "reflection pad": (lambda n: n.ReflectionPad2d((1, 2, 0, 3)), X2[0]),
    "replication pad": (lambda n: n.ReplicationPad3d(1), X3),
    "circular pad": (lambda n: n.CircularPad2d((1, 2, 0, 3)), X2),
}  # fmt: skip


def _dtype(library):
    return "float64" if library is jrk.nn else library.Parameter().double().dtype


@pytest.mark.parametrize("name", EVERYWHERE)
def test_layer_equals_pytorch(device, name):
    make, *inputs = EVERYWHERE[name]
    compare_layer(make, *inputs)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_arguments_mean_what_they_mean_in_pytorch(name):
    make, *inputs = ELSEWHERE[name]
    with jrk.device("reference"):
        compare_layer(make, *inputs)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_unpooling_puts_maxima_back(rank):
    torch = pytest.importorskip("torch")
    x = {1: X1, 2: X2, 3: X3}[rank]
    with jrk.device("reference"):
        pool, their_pool = twins(lambda n: getattr(n, f"MaxPool{rank}d")(2, return_indices=True))
        ours, theirs = twins(lambda n: getattr(n, f"MaxUnpool{rank}d")(2))
        assert repr(nn.build(ours.architecture())) == repr(ours) == repr(theirs)
        y, z = pool(jrk.tensor(x)), their_pool(torch.tensor(x))
        close(ours(*y, output_size=x.shape), theirs(*z, output_size=x.shape))
        even = x[(..., *(slice(0, n // 2 * 2) for n in x.shape[2:]))]
        close(ours(*pool(jrk.tensor(even))), theirs(*their_pool(torch.tensor(even))))


DRAWN = {
    "conv": lambda n: n.Conv2d(64, 100, 3, groups=2),
    "transposed": lambda n: n.ConvTranspose1d(64, 100, 5, groups=4),
    "bilinear": lambda n: n.Bilinear(50, 20, 100),
    "embedding": lambda n: n.Embedding(300, 40),
    "bags": lambda n: n.EmbeddingBag(300, 40),
}


@pytest.mark.parametrize("name", DRAWN)
def test_initial_values_are_drawn_as_pytorch_draws_them(name):
    torch = pytest.importorskip("torch")
    jrk.random.seed(6)
    torch.manual_seed(6)
    with jrk.device("reference"):
        ours = DRAWN[name](nn)
        for key, value in DRAWN[name](torch.nn).state_dict().items():
            got, want = ours.state_dict()[key].numpy(), value.numpy()
            assert got.mean() == pytest.approx(0, abs=float(want.std()) / 3)
            assert got.std() == pytest.approx(
                float(want.std()), rel=0.03 if got.size > 5000 else 0.25
            )
            if not name.startswith(("emb", "bags")):
                assert np.abs(got).max() == pytest.approx(float(np.abs(want).max()), rel=0.06)


def test_every_layer_can_be_stored():
    layers = [getattr(nn, name) for name in nn.__all__]
    layers = [x for x in layers if isinstance(x, type) and issubclass(x, nn.Module)]
    missing = {x.__name__ for x in layers} - set(TYPES)
    assert len(layers) > 140
    assert missing <= {"Module"}
