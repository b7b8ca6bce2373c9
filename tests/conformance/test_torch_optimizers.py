"""Our optimisers under PyTorch's own configurations and wrong calls, ``optim_db``."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import TrainingError
from jairika_nb.optim.habits import EXECUTION

torch = pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
pytest.importorskip("expecttest", reason="PyTorch's configurations need the package expecttest")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_optimizers import optim_db

LEFT_OUT = {
    "Adafactor": "not offered: its factored state depends on the rank of each parameter",
    "LBFGS": "evaluates the loss several times in a step, which update(model, grads) cannot",
    "SparseAdam": "for sparse gradients, which do not exist here",
}
# About lists of parameters, which are not handed over here, or about tensors as options.
NOT_COMPARED = ("params argument", "duplicate parameters", "more than one parameter group",
                "with/without names", "complex parameters", "only supports 2D")  # fmt: skip
OFFERED = [info for info in optim_db if info.optim_cls.__name__ not in LEFT_OUT]
STEPS, X, Y = 6, *(np.random.default_rng(k).normal(size=(8, 3)).astype(np.float32) for k in (2, 3))


def configurations() -> list[Any]:
    return [
        pytest.param(info.optim_cls, given.kwargs, id=f"{info.optim_cls.__name__} {given.desc}")
        for info in OFFERED
        for given in info.optim_inputs_func(device="cpu")
    ]


def networks(bias: bool) -> tuple[Any, Any]:
    torch.manual_seed(0)
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4, bias=bias), torch.nn.Tanh(), torch.nn.Linear(4, 3, bias=bias)
    )
    ours = nn.Sequential(nn.Linear(3, 4, bias=bias), nn.Tanh(), nn.Linear(4, 3, bias=bias))
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    return ours, theirs


def plain(options: dict[str, Any]) -> dict[str, Any]:
    return {k: v.item() if isinstance(v, torch.Tensor) else v for k, v in options.items()}


@pytest.mark.parametrize(("kind", "options"), configurations())
def test_configurations_equal_pytorch(monkeypatch, kind, options):
    name = kind.__name__
    # Ours keeps the dtype where PyTorch's Muon rounds to bfloat16.
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda x: x.clone())
    with jrk.device("reference"):
        net, other = networks(bias=name != "Muon")
        mine, theirs = getattr(optim, name)(**plain(options)), kind(other.parameters(), **options)
        for _ in range(STEPS):
            mine.update(net, nn.functional.mse_loss(net(X), Y).backward(net))
            theirs.zero_grad()
            torch.nn.functional.mse_loss(other(torch.tensor(X)), torch.tensor(Y)).backward()
            theirs.step()
        for key, value in other.state_dict().items():
            found = net.state_dict()[key].numpy()
            np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("info", OFFERED, ids=lambda info: info.optim_cls.__name__)
def test_wrong_calls_raise_our_errors(info):
    compared = 0
    for wrong in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
        if any(words in wrong.error_regex for words in NOT_COMPARED):
            continue
        options = dict(wrong.optimizer_error_input.kwargs)
        compared += 1
        with pytest.raises(TrainingError):
            getattr(optim, info.optim_cls.__name__)(**options)
    assert compared


@pytest.mark.parametrize("info", OFFERED, ids=lambda info: info.optim_cls.__name__)
def test_arguments_have_pytorchs_names_order_and_defaults(info):
    ours = inspect.signature(getattr(optim, info.optim_cls.__name__)).parameters
    theirs = inspect.signature(info.optim_cls).parameters
    flags = ("params", *EXECUTION)
    wanted = {n: p.default for n, p in theirs.items() if n not in flags}
    found = {n: p.default for n, p in ours.items() if n in wanted}
    assert found == wanted
    by_place = [n for n, p in ours.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert by_place == [n for n in wanted if n in by_place]


def test_every_optimiser_is_compared_or_left_out_with_a_reason():
    names = {info.optim_cls.__name__ for info in optim_db}
    assert set(LEFT_OUT) <= names
    assert not any(hasattr(optim, name) for name in LEFT_OUT)
    if torch.__version__.startswith("2.13"):
        # Other versions have other optimisers.
        assert all(hasattr(optim, name) for name in names - set(LEFT_OUT))
