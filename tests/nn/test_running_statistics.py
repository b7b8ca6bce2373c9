"""Running statistics learn like parameters: in compiled steps, with optimisers, undone by fit."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import ArchitectureError, ShapeError, TrainingError

X = np.random.default_rng(4).normal(1.0, 2.0, (6, 8, 3)).astype(np.float32)


def network(library):
    return library.Sequential(library.Linear(3, 4), library.BatchNorm1d(4, momentum=None),
                              library.ReLU(), library.BatchNorm1d(4))  # fmt: skip


def test_a_compiled_training_step_moves_them_as_pytorch_does(device):
    torch = pytest.importorskip("torch")
    theirs, ours = network(torch.nn), network(nn)
    ours.load_state_dict(theirs.state_dict())
    optimizer, other = optim.SGD(lr=0.1), torch.optim.SGD(theirs.parameters(), lr=0.1)

    @jrk.compile
    def step(x):
        loss = ours(x).square().mean()
        optimizer.update(ours, loss.backward(ours))
        return loss

    for i in range(len(X)):
        loss = step(jrk.tensor(X[i]))
        other.zero_grad()
        wanted = theirs(torch.tensor(X[i])).square().mean()
        wanted.backward()
        other.step()
        assert loss.item() == pytest.approx(wanted.item(), rel=1e-4)
    assert step.replays >= 3
    for (name, value), want in zip(
        ours.state_dict().items(), theirs.state_dict().values(), strict=True
    ):
        np.testing.assert_allclose(value.numpy(), want.numpy(), rtol=1e-4, atol=1e-5, err_msg=name)
    assert ours[1].num_batches_tracked.item() == len(X)


def test_the_mean_of_all_batches_is_exact_in_double():
    x = X.astype(np.float64)
    with jrk.device("reference"):
        layer = nn.BatchNorm1d(3, momentum=None, dtype="float64")
        for rows in x:
            layer(jrk.tensor(rows))
        means, variances = x.mean(axis=1), x.var(axis=1, ddof=1)
        np.testing.assert_allclose(layer.running_mean.numpy(), means.mean(0), rtol=1e-14)
        np.testing.assert_allclose(layer.running_var.numpy(), variances.mean(0), rtol=1e-14)


@pytest.fixture
def layer():
    with jrk.device("reference"):
        yield nn.BatchNorm1d(3)


def test_an_update_computes_them_with_the_parameters(layer):
    optimizer = optim.SGD(lr=0.1)
    loss = layer(jrk.tensor(X[0])).sum()
    optimizer.update(layer, loss.backward(layer))
    assert all(b.node.value is not None for b in layer.buffers())


def test_evaluation_and_gradients_leave_them_alone(layer):
    before = [b.tolist() for b in layer.buffers()]
    y = layer.eval()(jrk.tensor(X[0]))
    jrk.grad(y.sum(), [layer.weight])
    assert [b.tolist() for b in layer.buffers()] == before


def test_they_stay_where_tracking_is_switched_off(layer):
    layer.track_running_stats = False
    before = [b.tolist() for b in layer.buffers()]
    y = layer(jrk.tensor(X[0])).numpy()
    assert np.abs(y.mean(axis=0)).max() < 1e-6
    assert [b.tolist() for b in layer.buffers()] == before


def test_they_are_new_tensors_at_each_step_so_that_old_ones_can_be_kept(layer):
    before = layer.state_dict()
    values = {name: value.tolist() for name, value in before.items()}
    layer(jrk.tensor(X[0]))
    assert layer.running_mean.tolist() != values["running_mean"]
    assert {name: value.tolist() for name, value in before.items()} == values
    layer.load_state_dict(before)
    assert layer.num_batches_tracked.item() == 0


def test_resetting_forgets_all_batches(layer):
    layer(jrk.tensor(X[0]))
    layer.reset_running_stats()
    assert layer.running_mean.tolist() == [0, 0, 0]
    assert layer.running_var.tolist() == [1, 1, 1]
    assert layer.num_batches_tracked.item() == 0


def test_a_step_that_fails_is_undone(layer):
    values = {name: value.tolist() for name, value in layer.state_dict().items()}
    bad = X[0].copy()
    bad[0, 0] = np.nan
    with pytest.raises(TrainingError, match="nan"):
        jrk.fit(layer, (bad, X[0]), epochs=1, loss=nn.MSELoss(), optimizer=optim.SGD(lr=0.1))
    assert {name: value.tolist() for name, value in layer.state_dict().items()} == values


def test_training_needs_more_than_one_value_a_channel(layer):
    with pytest.raises(ShapeError, match=r"BatchNorm1d\(3.*more than one value a channel.*\(1, 3"):
        layer(jrk.ones((1, 3)))
    assert layer.num_batches_tracked.item() == 0


def test_a_momentum_of_another_kind_is_refused():
    with pytest.raises(ArchitectureError, match="BatchNorm2d: momentum='fast' must be a number"):
        nn.BatchNorm2d(3, momentum="fast")
