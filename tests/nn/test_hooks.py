"""Hooks and captured outputs: what they see and change, alone and in compiled functions."""

import gc
import weakref

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.errors import ArchitectureError, ArgumentError, ReplayError


@pytest.fixture
def net():
    jrk.random.seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Sequential(nn.Linear(4, 2), nn.ReLU()))


X = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)


def test_hooks_run_in_pytorchs_order_and_with_its_arguments(device):
    torch = pytest.importorskip("torch")

    class Scaled(nn.Module):
        def forward(self, x, factor=1.0):
            return x * factor

    class TorchScaled(torch.nn.Module):
        def forward(self, x, factor=1.0):
            return x * factor

    def run(layer, x):
        seen = []
        layer.register_forward_pre_hook(lambda m, args: seen.append("pre") or (args[0] + 1))
        layer.register_forward_pre_hook(
            lambda m, args, kwargs: seen.append(kwargs) or ((args[0] * 2,), {"factor": 5.0}),
            with_kwargs=True,
        )
        layer.register_forward_pre_hook(lambda m, args: seen.append("first"), prepend=True)
        layer.register_forward_hook(lambda m, args, out: seen.append(len(args)) or out - 1)
        layer.register_forward_hook(
            lambda m, args, kwargs, out: seen.append(kwargs), with_kwargs=True
        )
        handle = layer.register_forward_hook(lambda m, args, out: out * 100)
        handle.remove()
        handle.remove()
        return layer(x, factor=3.0).numpy(), seen

    ours, theirs = run(Scaled(), jrk.tensor(X)), run(TorchScaled(), torch.tensor(X))
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
    assert ours[1] == theirs[1] == ["first", "pre", {"factor": 3.0}, 1, {"factor": 5.0}]


def test_bad_hooks_are_refused(net):
    with pytest.raises(ArgumentError, match="a hook is a function, not a int"):
        net.register_forward_hook(3)
    net.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True)
    with pytest.raises(ArgumentError, match=r"must return None or \(args, kwargs\)"):
        net(X)


def test_a_handle_does_not_keep_its_module():
    layer = nn.Tanh()
    handle, seen = layer.register_forward_hook(lambda *a: None), weakref.ref(layer)
    del layer
    gc.collect()
    assert seen() is None
    handle.remove()


def test_a_compiled_function_notices_hooks(device, net):
    predict = jrk.compile(lambda x: net(x))
    for _ in range(4):
        plain = predict(X).numpy()
    assert predict.replays == 2
    with net[2].register_forward_hook(lambda module, args, output: output * 2 + 1):
        for _ in range(4):
            np.testing.assert_allclose(predict(X).numpy(), plain * 2 + 1, rtol=1e-6)
        assert predict.replays == 4
    for _ in range(3):
        assert np.array_equal(predict(X).numpy(), plain)
    assert predict.replays == 7


def test_a_compiled_function_notices_what_a_hook_reads_and_repeats_what_it_keeps(net):
    kept, setting = {}, {"factor": 2.0}

    def hook(module, args, output):
        kept["hidden"] = output
        return output * setting["factor"]

    with jrk.device("reference"):
        net = nn.Sequential(nn.Linear(3, 2))
        want = net(jrk.tensor(X)).numpy()
        net[0].register_forward_hook(hook)
        predict = jrk.compile(lambda x: net(x))
        for factor in (2.0, 3.0):
            setting["factor"] = factor
            for sign in (1, -1, 1):
                got = predict(X * sign).numpy()
                np.testing.assert_allclose(kept["hidden"].numpy() * factor, got, rtol=1e-6)
            np.testing.assert_allclose(got, want * factor, rtol=1e-6)
        net[0].register_forward_hook(lambda module, args, output: print(output.numpy()))
        with pytest.raises(ReplayError):
            predict(X)


def test_outputs_are_captured_by_name(device, net):
    found = net.capture(X)
    assert list(found) == ["0", "1", "2.0", "2.1", "2", ""]
    assert np.array_equal(found[""].numpy(), net(X).numpy())
    np.testing.assert_allclose(found["1"].numpy(), np.tanh(found["0"].numpy()), rtol=1e-5)
    assert list(net.capture(X, names=["2.*", "0"])) == ["0", "2.0", "2.1"]
    assert list(net.capture(X, names="2")) == ["2"]
    assert not net[0]._forward_hooks


def test_derivatives_by_captured_outputs(net):
    with jrk.device("reference"):
        found = net.to("reference").capture(X, names=["1", ""])
        (slope,) = jrk.grad(found[""].sum(), [found["1"]])
        weight = net[2][0].weight.numpy()
        open_ = (found[""].numpy() > 0).astype(np.float32)
        np.testing.assert_allclose(slope.numpy(), open_ @ weight, rtol=1e-5)


def test_a_shared_module_is_captured_at_every_run(net):
    net = nn.Sequential({"a": net[1], "b": net[1]})
    found = net.capture(X)
    assert list(found) == ["a", "a:2", ""]
    assert list(net.capture(X, names="b")) == ["b", "b:2"]


def test_unknown_names_to_capture_are_told_with_the_nearest(net):
    with pytest.raises(ArchitectureError, match=r"no module '2\.5'; did you mean"):
        net.capture(X, names=["0", "2.5"])
    with pytest.raises(ArchitectureError, match="3 is no name"):
        net.capture(X, names=[3])
    assert not net[0]._forward_hooks


def test_captures_inside_a_compiled_function_replay(net):
    step = jrk.compile(lambda x: net.capture(x, names=["1"])["1"])
    for sign in (1, -1, 2, 3):
        want = np.tanh(net[0](X * sign).numpy())
        np.testing.assert_allclose(step(X * sign).numpy(), want, rtol=1e-5)
    assert step.replays == 2
