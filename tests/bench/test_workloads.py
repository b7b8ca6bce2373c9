"""Every library computes the same thing in each workload, so that times can be compared."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.bench import (
    WORKLOADS,
    Workload,
    check,
    installed,
    measure,
    measure_together,
    rounds,
)
from jairika_nb.bench.asking import Process
from jairika_nb.bench.contender import MAKERS
from jairika_nb.bench.judging import distance
from jairika_nb.bench.roofline import Roofline
from jairika_nb.errors import DeviceError, WordError

# Elements of what is large: the same functions on less.
SMALL = {"chain": (64,), "softmax": (8, 64), "layernorm": (8, 64), "matmul": (32, 32)}


def made_by(library, workload, **more):
    pytest.importorskip(rounds.LIBRARIES[library])
    module, options = MAKERS[library]
    return importlib.import_module(f"jairika_nb.bench.{module}").ready(workload, **options, **more)


def small(name):
    """The workload with fewer numbers."""
    full, shape = WORKLOADS[name], SMALL.get(name)

    def drawn():
        rng = np.random.default_rng(0)
        if shape is None:
            return {k: a[:16, :16].copy() for k, a in full.inputs().items()}
        more = {"a": shape, "b": shape} if name == "matmul" else {"x": shape}
        more |= {"weight": shape[1:], "bias": shape[1:]} if name == "layernorm" else {}
        return {key: rng.standard_normal(size, np.float32) for key, size in more.items()}

    return Workload(name, full.title, full.kind, drawn, full.flops, full.bytes)


@pytest.mark.parametrize("library", ["jairika_nb", "pytorch", "jax", "numpy"])
@pytest.mark.parametrize("name", [*SMALL, "adam"])
def test_operations_agree_with_numpy_in_float64(library, name):
    made = made_by(library, small(name))
    if made is None:
        pytest.skip(f"{name} is not written for {library}")
    expected = made_by("numpy", small(name), dtype=np.float64).results()
    made.step(), made.step()  # results are those of the first state all the same
    assert distance(made.results(), expected) < 2e-6


# Layers, width, heads, length, vocabulary; inputs and states.
SIZES = {"MLP": (12, 8, 10), "GPT": (1, 32, 2, 8, 16), "LSTM": (6, 16)}
INPUTS = {"mlp": (4, 12), "cnn": (2, 1, 28, 28), "gpt": (2, 8), "lstm": (2, 5, 6)}


@pytest.mark.parametrize("library", ["jairika_nb", "jax", "pytorch"])
@pytest.mark.parametrize("name", list(INPUTS))
def test_gradients_agree_with_pytorch_in_float64(library, name, monkeypatch):
    torch = pytest.importorskip("torch")
    full, rng = WORKLOADS[name], np.random.default_rng(0)
    for module in ("networks", "with_jax") if library == "jax" else ("networks",):
        target = pytest.importorskip(f"jairika_nb.bench.{module}")
        for key, value in SIZES.items():
            monkeypatch.setattr(target, key, value, raising=False)
    if name == "gpt":
        x, y = rng.integers(0, 16, (2, *INPUTS[name])).astype(np.int32)
    else:
        x = rng.standard_normal(INPUTS[name], np.float32)
        y = rng.integers(0, 10, len(x)).astype(np.int32)
    workload = Workload(name, "", "training", lambda: {"x": x, "y": y}, full.flops, full.bytes)
    expected = made_by("pytorch", workload, dtype=torch.float64).results()
    with jrk.device("reference"):
        made = made_by(library, workload)
        for _ in range(2):
            made.step()
            assert distance(made.results(), expected) < 2e-5


def test_a_step_of_training_lowers_the_loss():
    made = made_by("jairika_nb", WORKLOADS["mlp"])
    losses = [made.step() for _ in range(6)]
    assert losses[0] == pytest.approx(math.log(10), rel=0.3) and losses[-1] < losses[0]
    assert made.memory()["launches"] <= 12


def test_what_a_step_cannot_do_without():
    # Dense layers of 784-256-128-10: no gradient of the images is needed.
    forward = 2 * 128 * (784 * 256 + 256 * 128 + 128 * 10)
    assert WORKLOADS["mlp"].flops == 3 * forward - 2 * 128 * 784 * 256
    assert WORKLOADS["mlp"].bytes == 32 * (784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10)
    assert Roofline({0: 1e12}, peak=2**31).floor(WORKLOADS["matmul"]) == 1.0
    # 0.56 G multiplications an image, forwards (K. He et al. 2016 have 1.8 G at 224 x 224).
    assert WORKLOADS["resnet18"].flops == pytest.approx(32 * 3 * 2 * 0.556e9, rel=0.01)


def test_rounds_go_from_process_to_process():
    found = measure("softmax", ["jairika_nb", "numpy"], rounds=2, device="reference")
    assert [each.library for each in found] == ["jairika_nb", "numpy"]
    for each in found:
        assert not each.failed and len(each.seconds) == 2 * WORKLOADS["softmax"].steps
        assert each.error < 1e-6 and 0 < each.least <= each.median
    ours, numpy = found
    assert ours.cold > 0 and math.isnan(numpy.cold)


def test_errors_are_those_of_the_first_state_in_each_library():
    pytest.importorskip("torch")
    libraries = ["jairika_nb", *(each for each in ("pytorch", "jax") if each in installed())]
    for outcomes in measure_together(["mlp", "adam"], libraries, rounds=1):
        assert [each.library for each in outcomes] == libraries
        for each in outcomes:
            assert not each.failed and each.error < 1e-5, each


def test_tinygrad_computes_the_same():
    """In its own process only: it leaves workers behind, and lifts the limit of recursion."""
    pytest.importorskip("tinygrad")
    for name in SMALL:
        (found,) = measure(name, ["tinygrad"], rounds=1)
        if "no usable devices" in found.failed:
            pytest.skip("tinygrad finds no compiler")
        assert not found.failed and found.error < 2e-5


def test_a_library_that_cannot_is_left_out_and_one_that_fails_says_so(monkeypatch, tmp_path):
    assert measure("mlp", ["numpy"], rounds=1) == []
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('it broke on the way')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = measure("softmax", ["jairika_nb"], rounds=1)
    assert "it broke on the way" in found[0].failed and not found[0].seconds


def test_a_device_that_is_not_here_is_told_at_once():
    with pytest.raises(DeviceError, match="no working device 'opencl:99'"):
        measure("softmax", ["jairika_nb"], rounds=1, device="opencl:99")


def test_unknown_names_are_told():
    with pytest.raises(WordError, match="no workload; there are mlp"):
        check(["transformer"], [])
    with pytest.raises(WordError, match="no library; there are jairika_nb"):
        measure("mlp", ["keras"])
    assert installed()[0] == "jairika_nb"


def test_pytorch_computes_on_the_kind_of_device_that_ours_does(monkeypatch, tmp_path):
    with_torch = pytest.importorskip("jairika_nb.bench.with_torch")
    assert with_torch.place() == "cpu"
    monkeypatch.setenv(with_torch.KIND, "gpu")
    for name in ("cuda", "xpu", "mps"):
        monkeypatch.setattr(f"torch.{name}.is_available", lambda: False)
    with pytest.raises(RuntimeError, match="no accelerator"):
        with_torch.place()
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert with_torch.place() == "cuda"
    assert Process("numpy", "reference", str(tmp_path)).environment[with_torch.KIND] == "reference"
