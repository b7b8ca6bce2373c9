"""Losses as modules against PyTorch: values, input gradients, reductions, odd arguments."""

import inspect

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors, nn

torch = pytest.importorskip("torch")
RNG = np.random.default_rng(4)


def draw(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def chances(*shape):
    return RNG.uniform(0.05, 0.95, shape).astype(np.float32)


A, B, P, Q, ROW = draw(5, 3), draw(5, 3), chances(5, 3), chances(5, 3), chances(3)
SIGNS = np.array([1, -1, 1, -1, -1], np.float32)
LABELS, PIXELS = np.array([0, 2, 1, 1, -100]), RNG.integers(0, 3, (2, 4, 2))
LOGS = np.log(P / P.sum(1, keepdims=True))
SETS = np.array([[0, 2, -1], [1, -1, 0], [-1, 1, 1], [2, 1, 0], [1, 1, -1]])
# Arrays that are inputs come first; what follows "|" is a target without derivative.
CASES = [
    ("MSELoss", {}, [A], [B]),
    ("L1Loss", {}, [A], [B]),
    ("SmoothL1Loss", {"beta": 0.3}, [A], [B]),
    ("SmoothL1Loss", {"beta": 0.0}, [A], [B]),
    ("HuberLoss", {"delta": 0.4}, [A], [B]),
    ("CrossEntropyLoss", {}, [A], [LABELS]),
    ("CrossEntropyLoss", {"weight": ROW, "label_smoothing": 0.2, "ignore_index": 2}, [A],
     [np.array([0, 2, 1, 1, 0])]),
    ("CrossEntropyLoss", {"weight": ROW, "label_smoothing": 0.1}, [A], [Q]),
    ("CrossEntropyLoss", {"weight": ROW}, [draw(2, 3, 4, 2)], [PIXELS]),
    ("NLLLoss", {}, [LOGS], [LABELS]),
    ("NLLLoss", {"weight": ROW, "ignore_index": 1}, [LOGS], [np.array([0, 2, 1, 1, 0])]),
    ("NLLLoss", {}, [draw(2, 3, 4, 2)], [PIXELS]),
    ("BCELoss", {}, [P], [Q]),
    ("BCELoss", {"weight": ROW}, [P], [np.round(Q)]),
    ("BCEWithLogitsLoss", {"weight": ROW, "pos_weight": ROW * 4}, [A * 9], [Q]),
    ("KLDivLoss", {}, [LOGS], [Q]),
    ("KLDivLoss", {"log_target": True}, [LOGS], [np.log(Q)]),
    ("PoissonNLLLoss", {}, [A], [Q * 5]),
    ("PoissonNLLLoss", {"log_input": False, "full": True, "eps": 1e-3}, [P], [Q * 5]),
    ("GaussianNLLLoss", {}, [A], [B, P]),
    ("GaussianNLLLoss", {"full": True, "eps": 0.4}, [A], [B, P[:, :1]]),
    ("CosineEmbeddingLoss", {"margin": 0.2}, [A, B], [SIGNS]),
    ("HingeEmbeddingLoss", {"margin": 0.5}, [A[:, 0]], [SIGNS]),
    ("MarginRankingLoss", {"margin": 0.3}, [A[:, 0], B[:, 0]], [SIGNS]),
    ("SoftMarginLoss", {}, [A[:, 0]], [SIGNS]),
    ("MultiMarginLoss", {}, [A], [np.array([0, 2, 1, 1, 0])]),
    ("MultiMarginLoss", {"p": 2, "margin": 0.4, "weight": ROW}, [A], [np.array([0, 2, 1, 1, 0])]),
    ("MultiMarginLoss", {"margin": 2.0}, [A[0]], [np.array(1)]),
    ("MultiLabelMarginLoss", {}, [A], [SETS]),
    ("MultiLabelMarginLoss", {}, [A[0]], [SETS[0]]),
    ("MultiLabelSoftMarginLoss", {"weight": ROW}, [A], [np.round(Q)]),
    ("TripletMarginLoss", {}, [A, B, P], []),
    ("TripletMarginLoss", {"margin": 0.4, "p": 3.0, "swap": True, "eps": 1e-3}, [A, B, P], []),
    ("TripletMarginWithDistanceLoss", {"swap": True, "margin": 2.0}, [A, B, P], []),
]  # fmt: skip
NAMES = [f"{name} {sorted(options)} {x[0].shape}" for name, options, x, _ in CASES]
ON_DEVICES = ("MultiMarginLoss", "MultiLabelMarginLoss", "CosineEmbeddingLoss", "NLLLoss")


def made(library, name, options, reduction):
    is_torch = library is torch.nn
    given = {k: torch.tensor(v) if is_torch and isinstance(v, np.ndarray) else v
             for k, v in options.items()}  # fmt: skip
    return getattr(library, name)(**given, reduction=reduction)


def agree(name, options, inputs, targets, reduction):
    ours = [jrk.tensor(x) for x in inputs]
    theirs = [torch.tensor(x, requires_grad=True) for x in inputs]
    loss = made(nn, name, options, reduction)(*ours, *targets)
    wanted = made(torch.nn, name, options, reduction)(*theirs, *map(torch.tensor, targets))
    np.testing.assert_allclose(loss.numpy(), wanted.detach(), rtol=1e-5, atol=1e-6)
    upstream = np.cos(np.arange(loss.size, dtype=np.float32)).reshape(loss.shape)
    found = jrk.grad(loss, ours, jrk.tensor(upstream))
    again = torch.autograd.grad(wanted, theirs, torch.tensor(upstream))
    for g, w in zip(found, again, strict=True):
        np.testing.assert_allclose(g.numpy(), w, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_loss_equals_torch(case, reduction):
    with jrk.device("reference"):
        agree(*case, reduction)


@pytest.mark.parametrize("case", [next(c for c in CASES if c[0] == n) for n in ON_DEVICES])
def test_loss_equals_torch_on_devices(device, case):
    agree(*case, "mean")


def test_batchmean_divides_by_the_batch():
    with jrk.device("reference"):
        agree("KLDivLoss", {}, [LOGS], [Q], "batchmean")


def test_arguments_are_torchs():
    for name, value in vars(nn).items():
        if not (isinstance(value, type) and issubclass(value, nn.losses.Loss)):
            continue
        if name == "FocalLoss":
            continue
        theirs = list(inspect.signature(getattr(torch.nn, name)).parameters)
        kept = [p for p in theirs if p not in ("size_average", "reduce")]
        assert list(inspect.signature(value).parameters) == kept, name


def test_arrays_become_tensors_of_the_prediction(device):
    prediction = jrk.tensor(A)
    for loss in (nn.L1Loss(), nn.BCEWithLogitsLoss()):
        found = loss(prediction, np.round(Q).astype(np.float64))
        assert found.dtype == prediction.dtype
        whole = loss(prediction, np.round(Q).astype(np.int64))
        assert found.item() == pytest.approx(whole.item())


def test_weighted_values_equal_torch():
    with jrk.device("reference"):
        for name in ("mse_loss", "l1_loss", "huber_loss"):
            for reduction in ("mean", "sum", "none"):
                options = {"reduction": reduction}
                ours = getattr(nn.functional, name)(A, B, weight=Q, **options)
                a, b, q = map(torch.tensor, (A, B, Q))
                wanted = getattr(torch.nn.functional, name)(a, b, weight=q, **options)
                np.testing.assert_allclose(ours.numpy(), wanted, rtol=1e-5)


def test_any_distance_will_do(device):
    ours = nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: (x - y).abs().max(-1))
    theirs = torch.nn.TripletMarginWithDistanceLoss(
        distance_function=lambda x, y: (x - y).abs().amax(-1)
    )
    wanted = theirs(*map(torch.tensor, (A, B, P))).item()
    assert ours(*map(jrk.tensor, (A, B, P))).item() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES} | {"CTCLoss", "FocalLoss"}))
def test_losses_are_data(name):
    options = next((o for n, o, *_ in CASES if n == name and "weight" not in o), {})
    loss = getattr(nn, name)(**options)
    again = nn.build(loss.architecture())
    assert type(again) is type(loss)
    assert repr(again) == repr(loss)


BAD = {
    "reduction": (errors.OutOfRange, lambda: nn.L1Loss("median"), "'median' is unknown"),
    "batchmean": (errors.OutOfRange, lambda: nn.L1Loss("batchmean"), "'batchmean' is unknown"),
    "old": (errors.ArgumentError, lambda: nn.MSELoss(size_average=False), 'use reduction="mean"'),
    "shape": (errors.ShapeError, lambda: nn.BCELoss()(P, Q[0]), r"\(5, 3\) and targets \(3,\)"),
    "label": (errors.DataError, lambda: nn.NLLLoss()(LOGS, np.full(5, 3)), "must be 0 to 2"),
    "margin label": (
        errors.DataError, lambda: nn.MultiMarginLoss()(A, np.full(5, -1)), "must be 0 to 2"),
    "set": (errors.DataError, lambda: nn.MultiLabelMarginLoss()(A, SETS + 1), "then -1"),
    "set shape": (errors.ShapeError, lambda: nn.MultiLabelMarginLoss()(A, SETS[0]), "fill up"),
    "set dtype": (errors.DTypeError, lambda: nn.MultiLabelMarginLoss()(A, B), "integers"),
    "float label": (errors.DTypeError, lambda: nn.MultiMarginLoss()(A, SIGNS), "integers"),
    "label shape": (errors.ShapeError, lambda: nn.NLLLoss()(LOGS, LABELS[:2]), r"shape \(5,\)"),
    "sign": (errors.DataError, lambda: nn.HingeEmbeddingLoss()(A[:, 0], [0, 1, 1, 1, 1]), "2 \\*"),
    "cosine": (errors.DataError, lambda: nn.CosineEmbeddingLoss()(A, B, [0] * 5), "neither 1"),
    "p": (errors.OutOfRange, lambda: nn.MultiMarginLoss(p=3)(A, LABELS), "p=3 must be 1 or 2"),
    "rank": (errors.ShapeError, lambda: nn.MultiMarginLoss()(A[None], LABELS), "classes"),
    "weight": (errors.ShapeError, lambda: nn.NLLLoss(weight=[1.0])(LOGS, LABELS), "3 classes"),
    "distance": (
        errors.ArgumentError,
        lambda: nn.functional.triplet_margin_with_distance_loss(A, B, P, distance_function=2),
        "must be a function",
    ),
    "gamma": (errors.OutOfRange, lambda: nn.FocalLoss(gamma=-1)(A, LABELS), "gamma=-1"),
    "alpha": (
        errors.OutOfRange, lambda: nn.functional.sigmoid_focal_loss(A, Q, alpha=2), "alpha=2"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_wrong_calls(name):
    error, call, words = BAD[name]
    with jrk.device("reference"), pytest.raises(error, match=words):
        call()


def test_wrong_labels_on_the_device_make_the_loss_nan(device):
    scores = jrk.tensor(A)
    for loss in (nn.MultiMarginLoss(), nn.NLLLoss(), nn.FocalLoss()):
        assert np.isnan(loss(scores, jrk.tensor([0, 1, 2, 3, 0])).item())
    assert np.isnan(nn.MultiLabelMarginLoss()(scores, jrk.tensor(SETS + 1)).item())


def test_fit_looks_at_labels_before_they_move():
    for loss in (nn.MultiMarginLoss(), nn.FocalLoss(), nn.NLLLoss()):
        with jrk.device("reference"), pytest.raises(errors.DataError, match="must be 0 to 2"):
            labels = np.array([0, 1, 2, 3, 0])
            jrk.fit(nn.Linear(3, 3), (A, labels), epochs=1, loss=loss, progress=False)
