"""Wrong arguments and inputs: errors that name the layer, what was given and the rule."""

import json

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.errors import ArchitectureError, OutOfRange, ShapeError

ARGUMENTS = [
    (lambda: nn.Conv2d(3, 4, 0), "Conv2d: kernel_size=0 must be from 1 up"),
    (lambda: nn.Conv2d(3, 4, (3, 3, 3)), r"Conv2d: kernel_size=\(3, 3, 3\) has 3 sizes for 2"),
    (lambda: nn.Conv2d(3, 4, 3, stride=1.5), "Conv2d: stride=1.5 must be an integer or 2 of them"),
    (lambda: nn.Conv2d(3, 4, 3, padding="full"), "padding='full' is unknown; use valid, same"),
    (lambda: nn.Conv2d(3, 4, 3, 2, "same"), "padding='same' keeps sizes and so needs stride 1"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), "in_channels=3 do not split into groups=2"),
    (lambda: nn.Conv1d(True, 4, 3), "Conv1d: in_channels=True must be an integer"),
    (lambda: nn.Conv3d(3, 4, 3, padding_mode="mirror"), "padding_mode='mirror' is unknown"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), "'reflect' is unknown"),
    (lambda: nn.MaxPool2d(2, padding=-1), "MaxPool2d: padding=-1 must be from 0 up"),
    (lambda: nn.AvgPool3d("2"), "AvgPool3d: kernel_size='2' must be an integer"),
    (lambda: nn.AvgPool2d(2, divisor_override=0), "divisor_override=0 divides by zero"),
    (lambda: nn.LPPool1d(0, 2), "LPPool1d: norm_type=0"),
    (lambda: nn.AdaptiveAvgPool2d((2, 0)), "AdaptiveAvgPool2d: output_size=.* from 1 up"),
    (lambda: nn.FractionalMaxPool2d(2), "either output_size or output_ratio"),
    (lambda: nn.FractionalMaxPool2d(2, output_ratio=1.0), "output_ratio=1.0 must be within"),
    (lambda: nn.BatchNorm1d(0), "BatchNorm1d: num_features=0"),
    (lambda: nn.BatchNorm2d(3, eps=0.0), "BatchNorm2d: eps=0.0 must be above 0"),
    (lambda: nn.GroupNorm(2, 3), "num_channels=3 do not split into num_groups=2"),
    (lambda: nn.LayerNorm(()), "LayerNorm: normalized_shape is empty"),
    (lambda: nn.RMSNorm((3, -1)), "RMSNorm: normalized_shape=-1"),
    (lambda: nn.Bilinear(3, 4, "5"), "Bilinear: out_features='5'"),
    (lambda: nn.ZeroPad2d((1, 2, 3)), r"padding=\(1, 2, 3\) must be an integer or 4 of them"),
    (lambda: nn.ConstantPad1d(1, None), "ConstantPad1d: value=None must be a number"),
    (lambda: nn.Unflatten(1, 4), "unflattened_size=4 must be an integer and a tuple"),
    (lambda: nn.Unfold((2, 2, 2)), "Unfold: kernel_size=.* has 3 sizes for 2 axes"),
    (lambda: nn.PixelShuffle(0), "upscale_factor=0"),
    (lambda: nn.ChannelShuffle(1.5), "groups=1.5"),
    (lambda: nn.Upsample(), "either size or scale_factor"),
    (lambda: nn.Upsample(2, mode="cubic"), "mode='cubic' is unknown; use nearest"),
    (lambda: nn.Upsample(scale_factor="2"), "Upsample: scale_factor='2' must be a number"),
    (lambda: nn.Flatten(1.5), "Flatten: start_axis=1.5 must be an integer"),
    (lambda: nn.Embedding(3, 2, padding_idx=True), "padding_idx=True is no row of 3"),
    (lambda: nn.Upsample((2, 0)), "Upsample: size=0 must be an integer from 1 up"),
    (lambda: nn.CosineSimilarity("x"), "CosineSimilarity: axis='x' must be an integer"),
    (lambda: nn.PairwiseDistance(None), "PairwiseDistance: p=None must be a number"),
    (lambda: nn.FractionalMaxPool2d(2, 3, _random_samples=1), "_random_samples must be a tensor"),
    (lambda: nn.ParameterDict(forms=[1]), r"forms must be \[shape, dtype\] by name"),
    (lambda: nn.PReLU(0), "num_parameters=0"),
    (lambda: nn.RReLU(0.5, 0.1), "lower=0.5 exceeds upper=0.1"),
    (lambda: nn.Threshold(1.0), "value"),
    (lambda: nn.ELU("steep"), "ELU: alpha='steep' must be a number"),
    (lambda: nn.Softmax("rows"), "Softmax: axis='rows' must be an integer"),
    (lambda: nn.GELU("erf"), "GELU: approximate='erf' is unknown; use none, tanh"),
    (lambda: nn.Embedding(4, 2, max_norm="1"), "Embedding: max_norm='1' must be a number"),
    (lambda: nn.LocalResponseNorm(2, k=None), "LocalResponseNorm: k=None must be a number"),
    (lambda: nn.CosineSimilarity(dim=1), "CosineSimilarity takes no dim=; .* use axis="),
    (lambda: nn.PairwiseDistance(keepdim=True), "use keepdims="),
    (lambda: nn.GLU(dim=1), "use axis="),
]


@pytest.mark.parametrize(("make", "words"), ARGUMENTS, ids=[words for _, words in ARGUMENTS])
def test_arguments(make, words):
    with pytest.raises(ArchitectureError, match=words):
        make()


# Layers, a shape that does not fit, and what the error says of it.
SHAPES = [
    (nn.Conv2d(3, 4, 3), (2, 5, 8, 8), "5 input channels"),
    (nn.Conv2d(3, 4, 3), (8, 8), "needs 4 axes"),
    (nn.Conv1d(3, 4, 9), (2, 3, 5), "9"),
    (nn.Conv2d(3, 4, 5, padding=6, padding_mode="reflect"), (2, 3, 5, 5), "at most 4"),
    (nn.ConvTranspose2d(3, 4, 3), (2, 5, 8, 8), "5 input channels"),
    (nn.MaxPool2d(9), (2, 3, 8, 8), r"\(9, 9\)"),
    (nn.AvgPool1d(2), (3,), "needs 3 axes"),
    (nn.LPPool2d(2, 2), (3, 4), "needs 4 axes"),
    (nn.AdaptiveMaxPool2d(2), (3, 4), "needs 4 axes"),
    (nn.FractionalMaxPool2d(3, 4), (1, 1, 5, 5), "windows"),
    (nn.BatchNorm2d(3), (2, 3, 8), "must have 4 axes"),
    (nn.BatchNorm1d(3), (2, 4), "3 channels on axis 1"),
    (nn.InstanceNorm1d(3, affine=True), (2, 4, 5), "3 channels on axis 1"),
    (nn.GroupNorm(1, 3), (2, 4, 5), "3 channels on axis 1"),
    (nn.LayerNorm((3, 4)), (2, 4, 3), r"normalized_shape \(3, 4\)"),
    (nn.RMSNorm(4), (2, 3), r"normalized_shape \(4,\)"),
    (nn.LocalResponseNorm(2), (2, 3), "3 axes"),
    (nn.Dropout1d(), (2,), "needs 3 axes"),
    (nn.ReflectionPad2d(1), (3, 4), "needs 4 axes"),
    (nn.ReflectionPad1d(5), (2, 3, 4), "5"),
    (nn.ZeroPad2d(-3), (1, 1, 4, 4), "crops more"),
    (nn.PixelShuffle(2), (1, 3, 4, 4), "do not split by 2"),
    (nn.PixelUnshuffle(3), (1, 3, 4, 4), "do not split by 3"),
    (nn.ChannelShuffle(2), (1, 3, 4), "2 groups"),
    (nn.Unfold(3), (2, 3), "needs 4 axes"),
    (nn.Fold((4, 4), 2), (1, 4, 8), r"\(N, C \* 4, 9\)"),
    (nn.Unflatten(1, (2, 3)), (2, 5), r"\(2, 5\)"),
    (nn.PReLU(3), (2, 4), "4 channels"),
    (nn.GLU(), (2, 3), "halved"),
    (nn.Softmax2d(), (2, 3), "needs 4 axes"),
    (nn.Upsample(scale_factor=2, mode="bilinear"), (1, 2, 3), "bilinear"),
]


@pytest.mark.parametrize(("layer", "shape", "words"), SHAPES, ids=lambda v: str(v))
def test_shapes_that_do_not_fit_name_the_layer_and_launch_nothing(layer, shape, words):
    net = nn.Sequential(nn.Identity(), layer)
    with jrk.profile() as profile, pytest.raises(ShapeError, match=words) as caught:
        net(jrk.zeros(shape))
    text = str(caught.value)
    assert text.startswith(f"layer '1', {type(layer).__name__}(")
    assert str(shape) in text
    assert "\n" not in text
    assert profile.launches == 0


def test_a_size_that_no_transposed_convolution_can_have():
    layer = nn.ConvTranspose2d(3, 4, 3, stride=2)
    x = jrk.zeros((1, 3, 5, 5))
    assert layer(x, output_size=(12, 11)).shape == (1, 4, 12, 11)
    assert layer(x, output_size=(1, 4, 11, 12)).shape == (1, 4, 11, 12)
    for size in ((13, 11), (10, 11), (11,)):
        with pytest.raises(ShapeError, match=r"ConvTranspose2d.*from \[11, 11\] to \[12, 12\]"):
            layer(x, output_size=size)


def test_an_unpooling_of_other_indices():
    with pytest.raises(ShapeError, match=r"MaxUnpool2d.*must be alike"):
        nn.MaxUnpool2d(2)(jrk.zeros((1, 1, 2, 2)), jrk.zeros((1, 1, 2, 3), dtype="int64"))


def test_two_inputs_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"Bilinear.*\(2, 3\) and \(2, 5\)"):
        nn.Bilinear(3, 4, 2)(jrk.zeros((2, 3)), jrk.zeros((2, 5)))
    with pytest.raises(ShapeError, match="CosineSimilarity"):
        nn.CosineSimilarity()(jrk.zeros((2, 3)), jrk.zeros((2, 5)))
    with pytest.raises(OutOfRange, match="axis 2"):
        nn.CosineSimilarity(2)(jrk.zeros((2, 3)), jrk.zeros((2, 3)))


def test_counts_that_numpy_made_are_whole_numbers():
    words = np.array([3, 9, 4])
    net = nn.Sequential(
        nn.Embedding(words.max() + 1, np.int32(4)),
        nn.Linear(np.int64(4), 2),
        nn.Dropout(np.float32(0.25)),
        nn.AdaptiveAvgPool1d(np.int64(1)),
    )
    again = nn.build(json.loads(json.dumps(net.architecture())))
    assert repr(again) == repr(net)
    assert net(jrk.tensor(words)).shape == (3, 1)
    two = np.int64(2)
    for layer in (
        nn.ZeroPad2d(two), nn.ReflectionPad2d((two, two, 1, 1)), nn.Unflatten(two, (two, -1)),
        nn.Normalization(two), nn.Normalization((two, 3)), nn.Embedding(3, 4, padding_idx=two),
    ):  # fmt: skip
        assert repr(nn.build(json.loads(json.dumps(layer.architecture())))) == repr(layer)
    with pytest.raises(ArchitectureError, match="in_features"):
        nn.Linear(np.bool_(True), 2)


@pytest.mark.parametrize("name", ["requires_grad", "grad", "data"])
def test_what_pytorch_assigns_to_parameters_is_told(name):
    layer = nn.Linear(3, 2)
    before = layer.weight
    with pytest.raises(AttributeError, match=f"no attribute {name!r}") as told:
        setattr(layer.weight, name, None)
    ways = {"requires_grad": "net.freeze", "grad": "loss.backward", "data": "layer.weight = jrk"}
    assert ways[name] in str(told.value)
    assert not hasattr(layer.weight, name)
    assert layer.weight is before


def test_a_module_has_no_switch_of_derivatives():
    layer = nn.Linear(3, 2)
    with pytest.raises(AttributeError, match=r"no attribute 'requires_grad'; use net\.freeze"):
        layer.requires_grad = False
    assert layer.frozen_names() == []
