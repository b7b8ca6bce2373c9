"""How many kernels run, and how many bytes they move: exact, and the same on every machine."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import device as devices
from jairika_nb.engine.ordering import Work, depth_first
from jairika_nb.errors import KernelError

OPENCL = [d.id for d in devices.devices() if not d.is_reference]


@pytest.fixture(params=OPENCL)
def opencl(request):
    with devices.using(request.param) as chosen:
        yield chosen


def launches(*tensors):
    with jrk.profile() as p:
        jrk.eval(*tensors)
    return p


def data(*shape):
    return jrk.tensor(np.random.default_rng(1).random(shape, np.float32) + 0.5)


def test_an_elementwise_chain_is_one_launch(opencl):
    x, y = data(20, 30), data(20, 30)
    p = launches((x + y).exp() - x)
    assert p.launches == 1
    assert p.kernels[0].bytes == 3 * 20 * 30 * 4


def test_views_and_broadcasts_cost_no_launch(opencl):
    x, b = data(20, 30), data(20)
    assert launches((x.T + b)[::2].reshape(-1) * 2).launches == 1


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_is_one_launch(opencl, name):
    assert launches(getattr(data(100, 70), name)(axis=1)).launches == 1


@pytest.mark.parametrize("transposed", [False, True])
def test_a_product_with_bias_and_gelu_is_one_launch(opencl, transposed):
    x, w, b = data(64, 96), data(*((80, 96) if transposed else (96, 80))), data(80)
    p = launches((x @ (w.T if transposed else w) + b).gelu())
    assert p.launches == 1
    assert p.kernels[0].bytes == 4 * (64 * 96 + 96 * 80 + 80 + 64 * 80)


def test_a_product_computes_cheap_work_on_its_right_operand_on_the_way(opencl):
    x, w = data(64, 96), data(96, 80)
    assert launches(x @ (w * 2).relu()).launches == 1


def test_small_kernels_that_follow_one_run_at_its_end(opencl):
    x, y = data(50, 60), data(50, 60)
    total = (x * y).sum()
    assert launches(x * total, y.T / total).launches == 1


def test_large_kernels_that_follow_one_run_side_by_side(opencl):
    x, y = data(100, 160), data(100, 160)
    total = (x * y).sum()
    p = launches(x * total, y.T / total)
    assert p.launches == 2
    assert "_and_" in p.kernels[-1].name


def test_the_last_work_item_reads_what_all_others_wrote(opencl):
    values = np.random.default_rng(1).standard_normal((512, 300)).astype(np.float32)
    x = jrk.tensor(values)
    for _ in range(50):
        loss = -(x.log_softmax(1)[:, 3]).mean()
        p = launches(loss)
        expected = values - np.log(np.exp(values.astype(np.float64)).sum(1, keepdims=True))
        assert abs(loss.item() + expected[:, 3].mean()) < 1e-5
    assert p.launches == 1


def test_many_updates_of_different_shapes_are_one_launch_and_one_function(opencl):
    shapes = [(7, 5), (300,), (64, 65), (1,), (2, 3, 4)]
    pairs = [(data(*s), data(*s)) for s in shapes]
    p = launches(*[a * 0.9 + b for a, b in pairs])
    assert p.launches == 1
    (kernel,) = p.kernels
    assert kernel.source.count("noinline") <= 2  # flat ones and the one of a single element
    for a, b in pairs:
        assert np.array_equal((a * 0.9 + b).numpy(), (a.numpy() * np.float32(0.9) + b.numpy()))


def test_an_adam_step_of_one_parameter_is_one_launch(opencl):
    p, m, v, g = (data(40, 50) for _ in range(4))
    m2 = m * 0.9 + g * 0.1
    v2 = v * 0.999 + g * g * 0.001
    p2 = p - 0.01 * m2 / (v2.sqrt() + 1e-8)
    assert launches(p2, m2, v2).launches == 1


def test_equal_subgraphs_run_once(opencl):
    x = data(30, 30)
    assert launches(x.exp().sum(axis=0), x.exp().sum(axis=0)).launches == 1


def test_scalars_that_change_do_not_compile_again(opencl):
    x = data(31, 29)
    launches(x * 0.731 + 3.7)
    assert launches(x * 0.732 + 3.8).compiles == 0


def test_a_realized_tensor_runs_nothing_again(opencl):
    x = (data(9, 9) * 3).realize()
    assert launches(x, x.reshape(81)).launches == 0


def test_a_shape_mistake_names_both_shapes_and_launches_nothing(opencl):
    x, y = data(3, 4), data(5, 6)
    with jrk.profile() as p:
        with pytest.raises(jrk.errors.ShapeError, match=r"\(3, 4\).*\(5, 6\)"):
            x + y
        with pytest.raises(jrk.errors.ShapeError, match=r"\(3, 4\) @ \(5, 6\)"):
            x @ y
    assert p.launches == 0


def test_memory_of_a_loop_is_flat_after_two_steps(opencl):
    from jairika_nb.engine.memory import usage

    w, x = data(64, 64), data(64, 64)
    peaks = []
    for _ in range(20):
        usage.reset()
        loss = ((x @ w) ** 2).mean()
        (g,) = jrk.grad(loss, [w])
        w = (w - 0.001 * g).detach()
        jrk.eval(loss, w)
        peaks.append(usage.peak)
    assert len(set(peaks[2:])) == 1


def _layer_norm(x, weight, bias):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred * (centred.square().mean(axis=-1, keepdims=True) + 1e-5).rsqrt() * weight + bias


def _rows(opencl):
    x, g = data(200, 300), data(200, 300)
    labels = jrk.tensor(np.arange(200, dtype=np.int32))
    return x, g, labels


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "layer_norm", "cross_entropy"])
def test_the_derivative_of_a_row_function_is_one_launch(opencl, name):
    x, g, labels = _rows(opencl)
    weight, bias = data(300), data(300)
    functions = {
        "softmax": lambda: x.softmax(-1),
        "log_softmax": lambda: x.log_softmax(-1),
        "layer_norm": lambda: _layer_norm(x, weight, bias),
        "cross_entropy": lambda: jrk.nn.functional.cross_entropy(x, labels),
    }
    y = functions[name]()
    upstream = None if name == "cross_entropy" else g
    p = launches(jrk.grad(y, [x], upstream)[0])
    assert p.launches == 1
    assert launches(functions[name]()).launches == 1


def test_a_loss_and_its_derivative_share_one_launch_and_one_reading(opencl):
    x, _, labels = _rows(opencl)
    loss = jrk.nn.functional.cross_entropy(x, labels)
    (slope,) = jrk.grad(loss, [x])
    p = launches(loss, slope)
    assert p.launches == 1
    assert sum(k.bytes for k in p.kernels) < 2.1 * x.nbytes
    values = x.numpy().astype(np.float64)
    chances = np.exp(values) / np.exp(values).sum(1, keepdims=True)
    hits = np.eye(200, 300)
    np.testing.assert_allclose(slope.numpy(), (chances - hits) / 200, atol=1e-7)
    assert abs(loss.item() + np.log(chances[np.arange(200), np.arange(200)]).mean()) < 1e-5


def test_a_sum_of_few_elements_is_done_by_those_who_need_it(opencl):
    x, few = data(300, 400), data(500)
    p = launches(x / few.sum() + few.max())
    assert p.launches == 1
    expected = x.numpy() / few.numpy().sum() + few.numpy().max()
    np.testing.assert_allclose((x / few.sum() + few.max()).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_a_small_sum_of_a_reduced_row_does_both_itself(opencl):
    x, large = data(500), data(300, 400)
    centred = (x - x.mean()).abs().max()
    y = large * x.var() + centred
    values = x.numpy().astype(np.float64)
    expected = large.numpy() * values.var() + np.abs(values - values.mean()).max()
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-5, atol=1e-6)
    few = x[:7]
    assert (
        abs(((few.max(keepdims=True) + 1) ** 2).sum().item() - (few.numpy().max() + 1) ** 2) < 1e-5
    )


def test_a_number_that_is_wanted_itself_is_there_before_a_routine_reads_it(device):
    x = jrk.tensor(1.25)
    x[()] = 3
    found = jrk.isin(x, jrk.tensor(2))
    (slope,) = jrk.grad((x * x).mean(), [x])
    jrk.eval(x, found, slope)
    assert (x.item(), found.item(), slope.item()) == (3.0, False, 6.0)


def test_planes_are_long_lines_to_elementwise_kernels(opencl):
    if opencl.kind == "gpu":
        pytest.skip("the CPU schedule's")
    x, c = data(4, 3, 8, 6), data(3, 1, 1)
    y = (x * c + 1).relu()
    assert "vload16" in str(y.kernels()[0])
    np.testing.assert_allclose(y.numpy(), np.maximum(x.numpy() * c.numpy() + 1, 0), rtol=1e-6)


def test_sums_of_channels_run_along_what_is_read(opencl):
    if opencl.kind == "gpu":
        pytest.skip("the CPU schedule's")
    x = data(4, 64, 48)
    mean = x.mean(axis=(0, 2), keepdims=True)
    var = (x - mean).square().mean(axis=(0, 2), keepdims=True)
    p = launches(mean, var)
    assert p.launches == 1 and "vload16(0, in0" in p.kernels[0].source
    np.testing.assert_allclose(var.numpy(), x.numpy().var(axis=(0, 2), keepdims=True), rtol=1e-5)


def test_an_outer_product_of_several_axes_is_computed_once(device):
    """Read line by line as another shape, which the product itself cannot have."""
    x = jrk.tensor(np.arange(-40, 80, dtype=np.float32).reshape(3, 40, 1) / 16)
    low, up = jrk.min(jrk.roll(x, 4, axis=0), axis=(0,)), jrk.sin(jrk.roll(x, 4, axis=0))
    got = jrk.einsum("...ij,...kj->...ik", low, up).numpy()
    rolled = np.roll(x.numpy(), 4, axis=0)
    want = np.einsum("ij,bkj->bik", rolled.min(0), np.sin(rolled))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_kernels_that_wait_for_each_other_are_refused():
    works = {0: Work([1], {}, []), 1: Work([2], {}, []), 2: Work([0], {}, []), 3: Work([], {}, [])}
    with pytest.raises(KernelError, match="waits for itself"):
        depth_first(works)
    works[2] = Work([3, 3], {}, [])
    assert depth_first(works) == [3, 2, 1, 0]
