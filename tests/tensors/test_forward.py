"""Forward derivatives against finite differences, reverse ones and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.errors import GradientError, ShapeError

RNG = np.random.default_rng(3)
X, T = RNG.normal(size=(4, 5)), RNG.normal(size=(4, 5))
W, V = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))
FUNCTIONS = {
    "layer": lambda x, w: (x @ w).tanh(),
    "softmax": lambda x, w: x.softmax(-1) @ w.exp(),
    "norm": lambda x, w: (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True) @ w,
    "views": lambda x, w: x.T[::-1, 1:].reshape(5, 3) * w + jrk.roll(w, 1, axis=0),
    "picks": lambda x, w: x[:, jrk.tensor([4, 0, 0, 2])].cumsum(axis=1) * w[1, 1],
    "extremes": lambda x, w: x.max(axis=1) + jrk.sort(w, axis=0)[:4, 0] + jrk.prod(x, axis=1),
    "solve": lambda x, w: jrk.linalg.solve(x @ x.T + 4 * jrk.eye(4, dtype="float64"), x @ w),
    "mixed": lambda x, w: (x.astype("float32") * 2).astype("float64").sum() + w.sum(),
}


def _both(device):
    return [jrk.tensor(a, device=device) for a in (X, W)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_tangents_equal_finite_differences(device, name):
    function, step = FUNCTIONS[name], 1e-3 if name == "mixed" else 1e-6
    value, tangent = jrk.jvp(function, _both(device), [T, V])
    ahead, behind = (
        function(*(jrk.tensor(a + s * d, device=device) for a, d in ((X, T), (W, V)))).numpy()
        for s in (step, -step)
    )
    np.testing.assert_array_equal(value.numpy(), function(*_both(device)).numpy())
    loose = 1e-2 if name == "mixed" else 1e-7
    np.testing.assert_allclose(
        tangent.numpy(), (ahead - behind) / (2 * step), atol=loose, rtol=1e-6
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_forward_and_reverse_agree(device, name):
    function = FUNCTIONS[name]
    x, w = _both(device)
    y, tangent = jrk.jvp(function, [x, w], [T, V])
    upstream = RNG.normal(size=y.shape)
    dx, dw = jrk.grad(function(x, w), [x, w], upstream)
    forward = (tangent.numpy() * upstream).sum()
    reverse = (dx.numpy() * T).sum() + (dw.numpy() * V).sum()
    assert abs(forward - reverse) < 1e-6 * max(1, abs(reverse))


def test_forward_over_reverse_gives_hessian_times_vector_as_pytorch(device):
    torch = pytest.importorskip("torch")

    def slope(x):
        return jrk.grad((x.tanh() * x.exp()).sum(), [x])[0]

    _, ours = jrk.jvp(slope, [jrk.tensor(X, device=device)], [T])
    theirs = torch.func.jvp(
        torch.func.grad(lambda x: (x.tanh() * x.exp()).sum()),
        (torch.tensor(X),),
        (torch.tensor(T),),
    )[1]
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10, atol=1e-12)


def test_several_outputs_and_what_does_not_change(device):
    x = jrk.tensor(X, device=device)
    values, tangents = jrk.jvp(
        lambda x: [x * 2, x.detach(), jrk.ones((2,), device=device)], [x], [T]
    )
    np.testing.assert_array_equal(tangents[0].numpy(), T * 2)
    assert not tangents[1].numpy().any() and not tangents[2].numpy().any()
    assert [t.shape for t in tangents] == [v.shape for v in values]


def test_one_tensor_in_two_places_changes_in_both(device):
    x = jrk.tensor([3.0], device=device)
    _, tangent = jrk.jvp(lambda a, b: a * b, [x, x], [[1.0], [1.0]])
    assert tangent.item() == 6.0


def test_wrong_directions_say_what_is_wrong():
    x = jrk.tensor([1.0, 2.0])
    with pytest.raises(GradientError, match="1 primals but 2 tangents"):
        jrk.jvp(jrk.exp, [x], [x, x])
    with pytest.raises(ShapeError, match=r"tangent of shape \(3,\) for a primal \(2,\)"):
        jrk.jvp(jrk.exp, [x], [[1.0, 2.0, 3.0]])
