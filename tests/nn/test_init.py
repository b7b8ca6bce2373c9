"""Initial values: distributions, patterns, and networks fitted to a batch."""

import math

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.errors import ArchitectureError, DataError, OutOfRange, ShapeError
from jairika_nb.nn import init

SHAPES = [(5, 5), (3, 7), (7, 3), (4, 2, 3), (2, 3, 4, 4)]


@pytest.fixture
def reference():
    jrk.random.seed(11)
    with jrk.device("reference"):
        yield


@pytest.mark.parametrize("shape", SHAPES)
def test_orthogonal_rows_or_columns_are_orthonormal(reference, shape):
    q = init.orthogonal(shape, gain=2.0).numpy().reshape(shape[0], -1).astype(np.float64)
    small = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-5)


def test_orthogonal_on_devices_and_in_dtypes(device):
    q = init.orthogonal((4, 6), dtype=jrk.float16)
    assert (q.dtype, q.device, q.shape) == (jrk.float16, device, (4, 6))
    q = init.orthogonal((8, 8)).numpy().astype(np.float64)
    np.testing.assert_allclose(q.T @ q, np.eye(8), atol=1e-5)
    assert abs(abs(np.linalg.det(q)) - 1) < 1e-5


def test_orthogonal_favours_no_side(reference):
    # The mean of a uniformly drawn orthogonal matrix is zero; without the signs it is not.
    drawn = np.stack([init.orthogonal((2, 2)).numpy() for _ in range(300)])
    assert np.abs(drawn.mean(0)).max() < 4 / math.sqrt(2 * 300)


def test_truncated_normal_has_its_moments(device):
    jrk.random.seed(4)
    x = init.trunc_normal((40_000,), mean=0.5, std=2.0, a=-1.0, b=4.0).numpy().astype(np.float64)
    assert x.min() >= -1
    assert x.max() <= 4

    def density(t):
        return math.exp(-t * t / 2) / math.sqrt(2 * math.pi)

    # Johnson, Kotz and Balakrishnan (1994), chapter 13, section 10.1.
    low, high = (-1 - 0.5) / 2, (4 - 0.5) / 2
    share = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
    first = (density(low) - density(high)) / share
    second = 1 + (low * density(low) - high * density(high)) / share - first**2
    assert x.mean() == pytest.approx(0.5 + 2 * first, abs=4 * 2 / 200)
    assert x.var() == pytest.approx(4 * second, rel=0.03)


def test_truncated_normal_reaches_far_bounds(reference):
    x = init.trunc_normal((10_000,), a=-1e6, b=1e6).numpy()
    assert np.isfinite(x).all()
    assert x.std() == pytest.approx(1, abs=0.03)


def test_sparse_columns_have_their_share_of_zeros(device):
    x = init.sparse((10, 6), 0.35, std=3.0).numpy()
    assert (x == 0).sum(axis=0).tolist() == [4] * 6
    assert len({tuple(column) for column in (x == 0).T}) > 1
    assert np.abs(x).max() > 1


@pytest.mark.parametrize(
    ("name", "shape", "more"),
    [
        ("dirac", (4, 2, 3), {}),
        ("dirac", (6, 3, 3, 4), {"groups": 3}),
        ("dirac", (2, 4, 1, 2, 5), {"groups": 2}),
        ("eye", (3, 5), {}),
        ("ones", (2, 3), {}),
        ("zeros", (2, 3), {}),
        ("constant", (2, 3), {"val": 0.25}),
    ],
)
def test_patterns_are_pytorchs(reference, name, shape, more):
    torch = pytest.importorskip("torch")
    want = getattr(torch.nn.init, f"{name}_")(torch.empty(shape), **more)
    assert np.array_equal(getattr(init, name)(shape, **more).numpy(), want.numpy())


@pytest.mark.parametrize(
    ("name", "more", "bound", "spread"),
    [
        ("kaiming_uniform", {"a": 1.0}, math.sqrt(3 / 36), None),
        ("kaiming_normal", {"mode": "fan_out", "nonlinearity": "relu"}, None, math.sqrt(2 / 72)),
        ("xavier_uniform", {"gain": 2.0}, 2 * math.sqrt(6 / 108), None),
        ("xavier_normal", {}, None, math.sqrt(2 / 108)),
    ],
)
def test_variance_scaling(reference, name, more, bound, spread):
    x = getattr(init, name)((8, 4, 3, 3), **more).numpy()
    if bound is not None:
        assert np.abs(x).max() <= bound
        spread = bound / math.sqrt(3)
    assert x.std() == pytest.approx(spread, rel=0.15)


def test_gains_are_pytorchs():
    torch = pytest.importorskip("torch")
    kinds = ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
    kinds += [f"conv{t}{n}d" for t in ("", "_transpose") for n in (1, 2, 3)]
    for kind in kinds:
        assert init.calculate_gain(kind) == pytest.approx(torch.nn.init.calculate_gain(kind))
    assert init.gain("leaky_relu", 0.3) == pytest.approx(
        torch.nn.init.calculate_gain("leaky_relu", 0.3)
    )


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: init.orthogonal((3,)), ShapeError, "two axes or more"),
        (lambda: init.sparse((2, 2, 2), 0.5), ShapeError, "two axes, rows and columns"),
        (lambda: init.sparse((2, 2), 1.5), OutOfRange, "sparsity=1.5"),
        (lambda: init.eye((2,)), ShapeError, "two axes"),
        (lambda: init.dirac((2, 2)), ShapeError, "3 to 5 axes"),
        (lambda: init.dirac((3, 2, 2), groups=2), OutOfRange, "do not split into 2 groups"),
        (lambda: init.trunc_normal((2,), a=1, b=0), OutOfRange, "a=1 below b=0"),
        (lambda: init.trunc_normal((2,), std=0), OutOfRange, "std=0"),
        (lambda: init.trunc_normal((2,), mean=9.0), OutOfRange, "more than four std"),
        (lambda: init.gain("swish"), OutOfRange, "'swish' is unknown"),
        (lambda: init.lsuv(nn.Linear(2, 2), jrk.zeros((2, 2)), variance=0), OutOfRange, "above 0"),
        (lambda: init.lsuv(nn.Tanh(), jrk.zeros(2)), ArchitectureError, "no linear or conv"),
        (lambda: init.apply(net(), "magic"), ArchitectureError, "'magic' is none of uniform"),
        (lambda: init.apply(net(), "ones", "9.*"), ArchitectureError, "matches '9"),
        (lambda: init.apply(nn.Tanh(), "ones"), ArchitectureError, "two axes or more"),
        (lambda: init.apply(net(), "orthogonal", "*.bias"), ShapeError, "apply to 0.bias: orth"),
        (lambda: init.apply(net(), lambda shape: 3.0), ShapeError, "0.weight: the method gave fl"),
    ],
)
def test_what_cannot_be_initialised_is_told(reference, call, error, words):
    with pytest.raises(error, match=words):
        call()


def net(dtype=None):
    layers = [nn.Linear(4, 3, dtype=dtype), nn.ReLU(), nn.Linear(3, 4, dtype=dtype)]
    return nn.Sequential(*layers)


def test_parameters_of_a_network_are_drawn_by_name(device):
    model = net(jrk.float16)
    model[2].weight = jrk.zeros((4, 3), dtype=jrk.float16)
    before = {k: v.numpy() for k, v in model.state_dict().items()}
    assert init.apply(model, "orthogonal", gain=3.0) == ["0.weight", "2.weight"]
    assert init.apply(model, "constant", match="*.bias", val=0.5) == ["0.bias", "2.bias"]
    assert init.apply(model, lambda shape: jrk.full(shape, 2.0), "2.weight") == ["2.weight"]
    assert model[0].bias.tolist() == [0.5] * 3
    assert model[2].weight.tolist() == [[2.0] * 3] * 4
    assert {(v.dtype, v.device) for v in model.state_dict().values()} == {(jrk.float16, device)}
    q = model[0].weight.numpy().astype(np.float64)
    np.testing.assert_allclose(q @ q.T, 9 * np.eye(3), atol=0.02)
    with pytest.raises(ShapeError):
        init.apply(model, "eye", ["0.weight", "0.bias"])
    assert not np.array_equal(before["0.weight"], model[0].weight.numpy())


def test_drawing_keeps_ties(reference):
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    assert init.apply(model, "eye") == ["0.weight"]
    assert model[1].weight.tolist() == np.eye(3).tolist()


def outputs(model, x, name):
    return model.eval().capture(x, names=[name])[name].numpy().astype(np.float64)


def test_lsuv_gives_a_dense_layer_of_16_its_moments(device):
    jrk.random.seed(2)
    x = np.random.default_rng(0).normal(3, 2, size=(64, 8)).astype(np.float32)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU())
    reached = init.lsuv(model, x)
    values = outputs(model, x, "0")
    assert values.mean() == pytest.approx(0.02, abs=1e-5)
    assert values.var() == pytest.approx(0.9, abs=1e-5)
    assert reached["0"] == pytest.approx((values.mean(), values.var()), abs=1e-6)
    weight = model[0].weight.numpy().astype(np.float64)
    gram = weight.T @ weight
    np.testing.assert_allclose(gram, gram[0, 0] * np.eye(8), atol=1e-5 * gram[0, 0])


def test_lsuv_goes_through_a_network_layer_by_layer(device):
    jrk.random.seed(2)
    x = np.random.default_rng(0).normal(size=(16, 2, 6, 6)).astype(np.float32)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.ReLU(), nn.ConvTranspose2d(4, 3, 2, bias=False), nn.Dropout(0.5),
        nn.Flatten(), nn.Linear(75, 5),
    )  # fmt: skip
    model[1].train(False)
    reached = init.lsuv(model, x, mean=-0.5, variance=2.0)
    assert [m.training for m in model] == [True, False, True, True, True, True]
    assert list(reached) == ["0", "2", "5"]
    for name in reached:
        values = outputs(model, x, name)
        assert values.var() == pytest.approx(2.0, abs=2e-5)
        if name != "2":
            assert values.mean() == pytest.approx(-0.5, abs=2e-5)
    before = {k: v.numpy() for k, v in model.state_dict().items()}
    init.lsuv(model, x, mean=0.0, variance=1.0, orthogonal=False)
    ratio = model[0].weight.numpy() / before["0.weight"]
    np.testing.assert_allclose(ratio, math.sqrt(0.5), rtol=1e-4)


def test_lsuv_with_several_inputs_shared_layers_and_ties(reference):
    a, b = nn.Input("a"), nn.Input("b")
    tower = nn.Linear(3, 4)
    model = nn.Graph([a, b], nn.Linear(4, 4)((tower(a) + tower(b)).tanh()).named("head"))
    rng = np.random.default_rng(1)
    x, y = (rng.normal(size=(20, 3)).astype(np.float32) for _ in range(2))
    first = init.lsuv(model, (x, y))
    assert list(first) == ["linear", "head"]
    assert init.lsuv(model, {"a": x, "b": y}, orthogonal=False)["head"] == pytest.approx(
        first["head"], abs=1e-5
    )
    tied = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    tied[1].weight = tied[0].weight
    assert list(init.lsuv(tied, x)) == ["0"]
    assert tied[1].weight is tied[0].weight


def test_lsuv_leaves_a_network_alone_where_the_batch_says_nothing(reference):
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    before = {k: v.numpy() for k, v in model.state_dict().items()}
    for batch in (jrk.zeros((5, 3)), jrk.full((5, 3), float("nan"))):
        with pytest.raises(DataError, match=r"layer '0' \(5, 4\) have variance"):
            init.lsuv(model, batch)
        assert all(np.array_equal(before[k], v.numpy()) for k, v in model.state_dict().items())
    assert not model[0]._forward_hooks
    assert model.training


SEEDS = np.array([[1, 2, 3, 4], [10, 5, 2, 0.5]], np.float32)


def test_inputs_are_normalised(device):
    layer = nn.Normalization(4).adapt(SEEDS)
    values = layer(SEEDS).numpy()
    assert values.mean() == pytest.approx(0, abs=1e-6)
    assert values.var() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(layer.mean.numpy(), SEEDS.mean(0))
    whole = nn.Normalization().adapt(SEEDS)(SEEDS).numpy()
    np.testing.assert_allclose(whole, (SEEDS - SEEDS.mean()) / SEEDS.std(), rtol=1e-5)


def test_a_single_input_is_left_untouched(reference):
    values = nn.Normalization(4).adapt(SEEDS[:1])(SEEDS[:1]).numpy()
    assert (values.mean(), values.var()) == (2.5, 1.25)


def test_normalisation_of_channels_is_kept_with_the_network(reference):
    x = np.random.default_rng(0).normal(5, 3, size=(6, 3, 4, 4)).astype(np.float32)
    x[:, 1] = 7
    model = nn.Sequential(nn.Normalization((3, 1, 1)), nn.Conv2d(3, 4, 3))
    init.lsuv(model, x)
    values = model[0](x).numpy()
    np.testing.assert_allclose(values.mean((0, 2, 3)), [0, 7, 0], atol=1e-5)
    np.testing.assert_allclose(values.std((0, 2, 3)), [1, 0, 1], atol=1e-5)
    new = nn.build(model.architecture())
    new.load_state_dict(model.state_dict())
    assert np.array_equal(new(x).numpy(), model(x).numpy())
    assert list(model.state_dict()) == ["0.mean", "0.std", "1.weight", "1.bias"]
    with pytest.raises(ShapeError, match=r"\(6, 4, 4, 3\) do not end in the shape \(3, 1, 1\)"):
        model[0](np.moveaxis(x, 1, -1))
    with pytest.raises(DataError, match="NaN"):
        model[0].adapt(x * np.nan)
    with pytest.raises(ArchitectureError, match="shape=0"):
        nn.Normalization(0)
