"""CTC against PyTorch and against all alignments written out; shapes, lengths, long sequences."""

import itertools

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors, nn
from jairika_nb.nn import functional as F

RNG = np.random.default_rng(6)
STEPS, BATCH, CLASSES = 9, 4, 5
X = RNG.normal(size=(STEPS, BATCH, CLASSES)).astype(np.float32)
# Repeated labels, an empty target, one that fills its steps, one that does not fit (3 equal in 4).
TARGETS = np.array([[3, 3, 1], [0, 0, 0], [1, 2, 1], [1, 1, 1]])
INPUTS, LENGTHS = [9, 5, 3, 4], [3, 0, 3, 3]


def both(device_x, targets, inputs, lengths, **options):
    """Our loss and gradient of logits, and PyTorch's."""
    torch = pytest.importorskip("torch")
    x = jrk.tensor(device_x)
    ours = F.ctc_loss(F.log_softmax(x, -1), targets, inputs, lengths, **options)
    y = torch.tensor(device_x, requires_grad=True)
    theirs = torch.nn.functional.ctc_loss(
        y.log_softmax(-1),
        torch.tensor(targets),
        torch.tensor(inputs),
        torch.tensor(lengths),
        **options,
    )
    finite = np.isfinite(theirs.detach().numpy())
    upstream = np.where(finite, np.cos(np.arange(theirs.numel())).reshape(theirs.shape), 0)
    upstream = upstream.astype(np.float32)
    (found,) = jrk.grad(ours, [x], jrk.tensor(upstream))
    if not finite.all():
        return ours.numpy(), theirs.detach().numpy(), None, None
    theirs.backward(torch.tensor(upstream))
    return ours.numpy(), theirs.detach().numpy(), found.numpy(), y.grad.numpy()


def agree(*given, **options):
    ours, theirs, found, wanted = both(*given, **options)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    if wanted is not None:
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_padded_targets_equal_torch(device, reduction):
    agree(X, TARGETS, INPUTS, LENGTHS, zero_infinity=True, reduction=reduction)


def test_odd_arguments_equal_torch():
    with jrk.device("reference"):
        agree(X, TARGETS, INPUTS, LENGTHS, reduction="none")  # one is infinite
        agree(X, TARGETS, [9, 9, 9, 9], LENGTHS, reduction="sum")
        agree(X, np.where(TARGETS == 4, 0, TARGETS), [9] * 4, [2, 0, 3, 1], blank=4)
        agree(X, np.array([3, 3, 1, 2, 4, 1, 1]), [9] * 4, [3, 1, 0, 3])
        agree(X[:, 0], np.array([3, 3, 1]), 9, 3)
        agree(X[:, :2], np.zeros((2, 0), np.int64), [9, 4], [0, 0])


def test_all_alignments_add_up(device):
    x = X[:4, :1].astype(np.float64)
    logs = x - np.log(np.exp(x).sum(-1, keepdims=True))
    total = 0.0
    for path in itertools.product(range(CLASSES), repeat=4):
        if [k for k, _ in itertools.groupby(path) if k] == [2, 2]:
            total += np.exp(sum(logs[t, 0, c] for t, c in enumerate(path)))
    found = F.ctc_loss(jrk.tensor(logs, "float32"), [[2, 2]], [4], [2], reduction="sum")
    assert found.item() == pytest.approx(-np.log(total), rel=1e-5)


def test_gradient_in_double_precision():
    with jrk.device("reference"):
        logs = jrk.tensor(X[:5, :2], "float64")

        def loss(values):
            return F.ctc_loss(values, TARGETS[[0, 2]], [5, 4], [3, 2], reduction="sum")

        found = jrk.grad(loss(logs), [logs])[0].numpy()
        plain, step = logs.numpy(), 1e-6
        for place in np.ndindex(plain.shape):
            ends = []
            for sign in (1, -1):
                moved = plain.copy()
                moved[place] += sign * step
                ends.append(loss(jrk.tensor(moved, "float64")).item())
            assert found[place] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-6)


def test_targets_and_lengths_on_the_device(device):
    logs = F.log_softmax(jrk.tensor(X), -1)
    given = [jrk.tensor(np.array(v, np.int32)) for v in (TARGETS, INPUTS, LENGTHS)]
    loss = nn.CTCLoss(zero_infinity=True)
    wanted = loss(logs, TARGETS, INPUTS, LENGTHS).item()
    assert loss(logs, *given).item() == pytest.approx(wanted)
    # In one axis, cut by lengths that the host knows.
    flat = jrk.tensor(np.array([3, 3, 1, 1, 2, 1, 1, 1, 1], np.int32))
    assert loss(logs, flat, INPUTS, LENGTHS).item() == pytest.approx(wanted)
    with pytest.raises(errors.ArgumentError, match="must be on the host"):
        loss(logs, flat, INPUTS, given[2])
    for label in (-1, 0, CLASSES):
        wrong = jrk.tensor(np.where(TARGETS == 3, label, TARGETS).astype(np.int32))
        found = nn.CTCLoss(reduction="none")(logs, wrong, INPUTS, LENGTHS).numpy()
        assert np.isnan(found).tolist() == [True, False, False, False]


def test_half_precision_is_computed_in_single():
    with jrk.device("reference"):
        logs = F.log_softmax(jrk.tensor(X), -1).astype("float16")
        found = F.ctc_loss(logs, TARGETS, INPUTS, LENGTHS, zero_infinity=True)
        wide = F.ctc_loss(logs.astype("float32"), TARGETS, INPUTS, LENGTHS, zero_infinity=True)
        assert found.dtype == jrk.float16
        assert found.item() == pytest.approx(wide.item(), rel=2e-3)


def test_long_sequences_take_few_launches_and_stay_finite(device):
    steps, length = 400, 60
    x = jrk.tensor(np.random.default_rng(0).normal(size=(steps, 2, 8)).astype(np.float32))
    targets = np.random.default_rng(1).integers(1, 8, (2, length))
    with jrk.profile() as p:
        loss = F.ctc_loss(F.log_softmax(x, -1), targets, [steps] * 2, [length] * 2)
        (g,) = jrk.grad(loss, [x])
        jrk.eval(loss, g)
    # On a CPU independent neighbours are one launch.
    assert p.launches <= (24 if device.kind == "gpu" else 12)
    assert np.isfinite(loss.item())
    # Each step's gradient is a softmax less a distribution.
    np.testing.assert_allclose(g.numpy().sum(-1), 0, atol=1e-6)


def test_a_compiled_step_replays_it(device):
    net = nn.Linear(3, CLASSES)
    loss = nn.CTCLoss()
    x = RNG.normal(size=(STEPS, 2, 3)).astype(np.float32)

    @jrk.compile
    def step(x):
        return loss(F.log_softmax(net(x), -1), TARGETS[[0, 2]], [9, 9], [3, 3])

    found = [step(jrk.tensor(x * k)).item() for k in (1, 2, 3, 4)]
    again = F.log_softmax(net(jrk.tensor(x * 4)), -1)
    assert found[3] == pytest.approx(loss(again, TARGETS[[0, 2]], [9, 9], [3, 3]).item(), rel=1e-5)


LOGS = np.zeros((4, 2, 3), np.float32)
BAD = {
    "blank": (errors.DataError, ([[1, 0], [1, 1]], [4, 4], [2, 2]), {}, "not the blank, 0"),
    "class": (errors.DataError, ([[1, 3], [1, 1]], [4, 4], [2, 2]), {}, "must be 0 to 2"),
    "steps": (errors.OutOfRange, ([[1], [1]], [4, 5], [1, 1]), {}, "must be from 0 to 4"),
    "length": (errors.OutOfRange, ([[1], [1]], [4, 4], [1, 2]), {}, "must be from 0 to 1"),
    "rows": (errors.ShapeError, ([[1]], [4, 4], [1, 1]), {}, r"they must be \(2, L\)"),
    "lengths": (errors.ShapeError, ([[1], [1]], [4], [1, 1]), {}, r"must be \(2,\)"),
    "sum": (errors.ShapeError, ([1, 1, 1], [4, 4], [1, 1]), {}, "target_lengths say 2"),
    "floats": (errors.DTypeError, ([[1.0], [1]], [4, 4], [1, 1]), {}, "must be integers"),
    "number": (errors.OutOfRange, ([[1], [1]], [4, 4], [1, 1]), {"blank": 3}, "blank=3"),
    "reduction": (errors.OutOfRange, ([[1], [1]], [4, 4], [1, 1]), {"reduction": "x"}, "'x'"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_calls(name):
    error, given, options, words = BAD[name]
    with jrk.device("reference"), pytest.raises(error, match=words):
        F.ctc_loss(LOGS, *given, **options)


def test_second_derivatives_say_that_there_are_none():
    with jrk.device("reference"):
        x = jrk.tensor(LOGS)
        (g,) = jrk.grad(F.ctc_loss(x, [[1], [2]], [4, 4], [1, 1]), [x])
        with pytest.raises(errors.GradientError, match="ctc_running_back"):
            jrk.grad(g.square().sum(), [x])
