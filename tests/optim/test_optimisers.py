"""Optimisers against PyTorch's over ten steps, their state, and what they refuse."""

import inspect

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import ArchitectureError, ShapeError, TrainingError

torch = pytest.importorskip("torch")
X = np.random.default_rng(2).normal(size=(8, 3)).astype(np.float32)
Y = np.random.default_rng(3).normal(size=(8, 2)).astype(np.float32)

CONFIGURATIONS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.01, "momentum": 0.5, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "betas": (0.9, 0.5)}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.5, "amsgrad": True, "maximize": True}),
    ("NAdam", {"lr": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "momentum_decay": 0.2, "maximize": True}),
    ("NAdam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1,
               "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.1}),
    ("RAdam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.1, "betas": (0.8, 0.7), "weight_decay": 0.1, "maximize": True,
               "decoupled_weight_decay": True}),
    ("Adamax", {"lr": 0.1}),
    ("Adamax", {"lr": 0.1, "betas": (0.5, 0.6), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.1, "maximize": True}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.9}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.5, "eps": 1e-3, "weight_decay": 0.1, "momentum": 0.5}),
    ("RMSprop", {"lr": 0.01, "centered": True, "maximize": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.3}),
    ("Adagrad", {"lr": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3}),
    ("Adagrad", {"lr": 0.1, "maximize": True}),
    ("Adadelta", {"lr": 1.0}),
    ("Adadelta", {"lr": 0.5, "rho": 0.5, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("Rprop", {"lr": 0.01}),
    ("Rprop", {"lr": 0.01, "etas": (0.3, 1.9), "step_sizes": (1e-3, 0.02), "maximize": True}),
]  # fmt: skip
# One of each kind runs on every device; all arguments on the reference.
ON_DEVICES = [next(row for row in CONFIGURATIONS if row[0] == name)
              for name in ("NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Rprop")
              ] + [("SGD", CONFIGURATIONS[3][1]), ("SGD", CONFIGURATIONS[4][1]),
                   ("Adam", CONFIGURATIONS[9][1]), ("AdamW", CONFIGURATIONS[11][1])]  # fmt: skip


def networks():
    def layers(library):
        return library.Sequential(library.Linear(3, 4), library.Tanh(), library.Linear(4, 2))

    torch.manual_seed(0)
    theirs, ours = layers(torch.nn), layers(nn)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def step(net, optimizer, x=X, y=Y):
    loss = nn.MSELoss()(net(jrk.tensor(x)), y)
    optimizer.update(net, loss.backward(net))
    jrk.eval(*net.parameters(), *optimizer.tensors())


def torch_step(net, optimizer):
    optimizer.zero_grad()
    torch.nn.functional.mse_loss(net(torch.tensor(X)), torch.tensor(Y)).backward()
    optimizer.step()


def same(ours, theirs, tolerance=1e-5):
    for name, value in theirs.state_dict().items():
        found = ours.state_dict()[name].numpy()
        np.testing.assert_allclose(found, value.numpy(), rtol=1e-4, atol=tolerance, err_msg=name)


@pytest.mark.parametrize(("name", "options"), CONFIGURATIONS)
def test_ten_steps_equal_torch(name, options):
    with jrk.device("reference"):
        ten_steps(name, options)


@pytest.mark.parametrize(("name", "options"), ON_DEVICES)
def test_ten_steps_equal_torch_on_devices(device, name, options):
    ten_steps(name, options)


def ten_steps(name, options):
    ours, theirs = networks()
    mine = getattr(optim, name)(**options)
    other = getattr(torch.optim, name)(theirs.parameters(), **options)
    step(ours, mine)
    torch_step(theirs, other)
    same(ours, theirs, 2e-6)
    for number in range(9):
        if number == 4:
            mine.lr = other.param_groups[0]["lr"] = mine.lr / 2
        step(ours, mine)
        torch_step(theirs, other)
    same(ours, theirs)


@pytest.mark.parametrize(("name", "options"), CONFIGURATIONS)
def test_a_saved_state_goes_on_to_the_same_bits(name, options):
    with jrk.device("reference"):
        straight, _ = networks()
        first = getattr(optim, name)(**options)
        for _ in range(3):
            step(straight, first)
        other = nn.build(straight.architecture())
        other.load_state_dict({k: v.numpy() for k, v in straight.state_dict().items()})
        second = getattr(optim, name)()
        flat = first.state_dict()
        second.load_state_dict(
            {k: np.asarray(v) if hasattr(v, "numpy") else v for k, v in flat.items()}
        )
        assert second.lr == first.lr
        for _ in range(3):
            step(straight, first)
            step(other, second)
        for key, value in straight.state_dict().items():
            assert np.array_equal(value.numpy(), other.state_dict()[key].numpy())


def test_state_is_by_parameter_name_and_flat():
    net, optimizer = nn.Linear(3, 2), optim.Adam(lr=0.5)
    step(net, optimizer)
    state = optimizer.state_dict()
    assert state["type"] == "Adam"
    assert (state["lr"], state["beta1"], state["weight.step"]) == (0.5, 0.9, 1)
    assert state["weight.exp_avg"].shape == (2, 3)
    assert state["bias.exp_avg_sq"].shape == (2,)


def test_a_resized_layer_starts_anew_and_the_others_go_on():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    optimizer = optim.Adam()
    step(net, optimizer)
    step(net, optimizer)
    net[0], net[1] = nn.Linear(3, 6), nn.Linear(6, 2)
    step(net, optimizer)
    assert optimizer.steps == {"0.weight": 1, "0.bias": 1, "1.weight": 1, "1.bias": 3}
    assert optimizer.state["0.weight"]["exp_avg"].shape == (6, 3)


def test_only_what_has_gradients_moves():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    before = net[0].weight.numpy()
    grads = nn.MSELoss()(net(X), Y).backward(net)
    optim.SGD(lr=1.0).update(net, {"1.bias": grads["1.bias"]})
    assert np.array_equal(net[0].weight.numpy(), before)


def test_hand_computed_step(device):
    net = nn.Linear(1, 1, bias=False)
    net.load_state_dict({"weight": [[2.0]]})
    optim.SGD(lr=0.1).update(net, {"weight": jrk.tensor([[4.0]])})
    assert net.weight.item() == pytest.approx(1.6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: optim.SGD(lr=-1), "lr=-1"),
        (lambda: optim.SGD(nesterov=True), "nesterov"),
        (lambda: optim.Adam(betas=(1.0, 0.9)), r"betas\[0\]=1.0 must be .* less than 1"),
        (lambda: optim.Adam(betas=0.9), "betas=0.9"),
        (lambda: optim.AdamW(eps="small"), "eps='small'"),
        (lambda: optim.Adam(fused=True), "takes no fused=: a step over all parameters is fused"),
        (lambda: optim.SGD(lr=float("nan")), "lr=nan must be a number from 0 up"),
        (lambda: optim.SGD(lr=float("inf")), "lr=inf"),
        (lambda: optim.SGD(lr=True), "lr=True"),
        (lambda: optim.SGD(nesterov=1), "nesterov=1 must be True or False"),
        (lambda: optim.RMSprop(momentum=-0.5), "momentum=-0.5"),
        (lambda: optim.Adadelta(rho=1.1), "rho=1.1 must be .* at most 1"),
        (lambda: optim.Rprop(etas=(1.2, 0.5)), r"etas\[0\]=1.2 must be .* above 0 and less than 1"),
        (lambda: optim.Rprop(step_sizes=(2, 1)), r"step_sizes=\(2, 1\)"),
        (lambda: optim.NAdam(betas=(0.9, 0.99, 0.999)), "betas=.* must be two numbers"),
        (lambda: setattr(optim.SGD(), "lr", -2), "lr=-2"),
    ],
)
def test_bad_options(make, words):
    with pytest.raises(TrainingError, match=words):
        make()


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.AdamW])
@pytest.mark.parametrize(
    "first",
    [
        lambda net: net.parameters(),
        lambda net: list(net.parameters()),
        lambda net: [{"params": net.parameters()}],
        lambda net: net,
    ],
)
def test_parameters_are_not_taken_as_pytorch_does(kind, first):
    net = nn.Linear(3, 2)
    own = rf"^{kind.__name__}\(lr=...\) takes no parameters: fit, .* hands them over"
    for arguments in ({}, {"lr": 0.1}):
        with pytest.raises(TrainingError, match=own):
            kind(first(net), **arguments)
    with pytest.raises(TrainingError, match=own):
        kind(params=first(net))


def test_habits_from_pytorch_are_answered():
    with pytest.raises(AttributeError, match=r"no attribute 'step'; use opt.update\(model"):
        optim.SGD().step()
    with pytest.raises(AttributeError, match=r"no attribute 'speed'$"):
        _ = optim.SGD().speed


def test_optimisers_of_ones_own_tell_what_they_take():
    class Slow(optim.Adam):
        pass

    assert next(iter(inspect.signature(Slow).parameters)) == "lr"
    assert Slow(0.25).lr == 0.25


def test_gradients_that_do_not_belong():
    net = nn.Linear(3, 2)
    for wrong in (list(net.parameters()), net):
        with pytest.raises(TrainingError, match=r"by name, as loss.backward.*not as"):
            optim.SGD().update(net, wrong)
        with pytest.raises(TrainingError, match=r"by name"):
            optim.clip_grad_value(wrong, 1.0)
    with pytest.raises(ArchitectureError, match=r"gradients for extra.*it has weight, bias"):
        optim.SGD().update(net, {"extra": jrk.zeros((1,))})
    with pytest.raises(ShapeError, match=r"weight has shape \(3, 2\), the parameter \(2, 3\)"):
        optim.SGD().update(net, {"weight": jrk.zeros((3, 2))})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "SGD"}, "a state of SGD does not fit Adam"),
        ({"weight.velocity": np.zeros(1), "rate": 3}, "unexpected: weight.velocity, rate"),
        ({"other.exp_avg": np.zeros(1)}, "missing: other.step"),
    ],
)
def test_states_that_do_not_fit(change, words):
    net, optimizer = nn.Linear(3, 2), optim.Adam()
    step(net, optimizer)
    with pytest.raises(ArchitectureError, match=words):
        optim.Adam().load_state_dict(optimizer.state_dict() | change)


@pytest.mark.parametrize("state", [None, {}, {"state": {}, "param_groups": []}, [1]])
def test_what_is_no_state_is_told(state):
    with pytest.raises(ArchitectureError, match=r"no state of an optimiser.*what Adam\(\.\.\.\)"):
        optim.Adam().load_state_dict(state)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"lr": float("nan")}, "lr=nan"),
     ({"groups[0]:match": "*", "groups[0]:speed": 1}, "sets speed"),
     ({"beta1": "0.9"}, r"betas\[0\]='0.9'"),
     ({"weight.step": -1}, "weight.step=-1 must be an integer from 0 up")],
)  # fmt: skip
def test_a_state_with_wrong_values_changes_nothing(change, words):
    net, optimizer = nn.Linear(3, 2), optim.Adam(lr=0.25)
    step(net, optimizer)
    other = optim.Adam()
    with pytest.raises(TrainingError, match=words):
        other.load_state_dict(optimizer.state_dict() | change)
    assert (other.lr, other.state, other.steps) == (0.001, {}, {})


def test_lion_follows_algorithm_2_of_its_paper(device):
    rng = np.random.default_rng(1)
    p, mean = rng.normal(size=(3, 4)), np.zeros((3, 4))
    net = nn.Linear(4, 3, bias=False)
    net.load_state_dict({"weight": p})
    opt = optim.Lion(lr=0.1, betas=(0.8, 0.95), weight_decay=0.3)
    for g in rng.normal(size=(10, 3, 4)):
        opt.update(net, {"weight": jrk.tensor(g.astype(np.float32))})
        update = np.sign(0.8 * mean + 0.2 * g)
        p = p - 0.1 * (update + 0.3 * p)
        mean = 0.95 * mean + 0.05 * g
    np.testing.assert_allclose(net.weight.numpy(), p, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", [{}, {"t0": 4, "lambd": 0.1, "weight_decay": 0.1}])
def test_asgd_equals_torch_while_the_rate_stands(device, options):
    ours, theirs = networks()
    mine = optim.ASGD(lr=0.1, **options)
    other = torch.optim.ASGD(theirs.parameters(), lr=0.1, **options)
    for _ in range(10):
        step(ours, mine)
        torch_step(theirs, other)
    same(ours, theirs)
    average = other.state[theirs[0].weight]["ax"]
    np.testing.assert_allclose(mine.state["0.weight"]["ax"].numpy(), average, rtol=1e-4, atol=1e-6)
