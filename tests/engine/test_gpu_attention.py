"""Attention by a GPU's kernels, on CPU drivers: work-groups, local memory, no buffer of scores."""

import gc

import numpy as np
import pytest
from attention_formula import attention, by_formula, check_close, drawn, mask_of, results

import jairika_nb as jrk
from jairika_nb.engine import execute
from jairika_nb.engine.limits import Limits
from jairika_nb.engine.memory import usage
from jairika_nb.engine.ops import attention as operation
from jairika_nb.engine.routines import attention_arguments, spread

KERNELS = ["attention", "reduce_mul_sum", "attention_back"]
# Queries, keys, size, size of values, causal, mask: blocks that are not full, heads of each number
# of columns that a work-group can have, and of more.
CASES = [
    (130, 97, 33, 64, False, "bool"), (70, 150, 130, 20, True, None),
    (150, 70, 20, 132, False, "float"), (17, 250, 1, 5, False, None),
    (80, 66, 80, 72, False, "padding"),
]  # fmt: skip


def test_a_causal_step_on_every_driver(gpu):
    q, k, v, g = drawn(150, 129, 30, 32, (1, 2))
    found, names = results((q, k, v), g, is_causal=True)
    assert names == KERNELS
    check_close(found, by_formula(q, k, v, g, causal=True))


@pytest.mark.parametrize("case", CASES)
def test_values_and_derivatives_are_those_of_the_formula(one_gpu, case):
    *sizes, causal, kind = case
    q, k, v, g = drawn(*sizes)
    mask = mask_of(kind, *sizes[:2]) if kind else None
    given = None if mask is None else jrk.tensor(mask)
    found, names = results((q, k, v), g, attn_mask=given, is_causal=causal)
    assert names == KERNELS
    check_close(found, by_formula(q, k, v, g, causal, mask))
    if kind:
        hidden = np.where(mask, 0, -np.inf) if kind != "float" else mask
        blind = np.broadcast_to((hidden == -np.inf).all(-1), q.shape[:-1])
        assert blind.any() or kind == "padding"
        assert not found[0][blind].any() and not found[1][blind].any()


@pytest.mark.parametrize("keys", [80, 97])
def test_dropout_leaves_out_what_the_formula_does(one_gpu, keys):
    q, k, v, g = drawn(66, keys, 8, 16)
    jrk.random.seed(5)
    found, names = results((q, k, v), g, dropout_p=0.25, is_causal=True)
    assert names == KERNELS
    jrk.random.seed(5)
    kept = jrk.nn.functional.dropout(jrk.ones((2, 3, 66, keys)), 0.25).numpy()
    check_close(found, by_formula(q, k, v, g, causal=True, kept=kept))


@pytest.mark.parametrize("length", [256, 1024])
def test_memory_grows_with_the_length_alone(one_gpu, length):
    q, k, v, g = (jrk.tensor(x).realize() for x in drawn(length, length, 30, 32, (1, 1)))
    gc.collect()
    others = usage.live - sum(x.nbytes for x in (q, k, v, g))
    with jrk.profile() as p:
        y = attention(q, k, v, is_causal=True)
        jrk.eval(y, *jrk.grad(y, [q, k, v], g))
    assert [kernel.name for kernel in p.kernels] == KERNELS
    # Operands and results, and two numbers for each query.
    assert p.peak_bytes - others == 2 * sum(x.nbytes for x in (q, k, v, g)) + 8 * length


def test_heads_are_read_and_written_where_they_lie(one_gpu):
    rng = np.random.default_rng(2)
    rows = jrk.tensor(rng.standard_normal((2, 64, 3 * 4 * 32)).astype(np.float32))
    weight = jrk.tensor(rng.standard_normal((4 * 32, 16)).astype(np.float32))
    parts = rows.reshape((2, 64, 3, 4, 32))
    y = attention(*(parts[:, :, i].permute((0, 2, 1, 3)) for i in range(3)), is_causal=True)
    z = y.permute((0, 2, 1, 3)).reshape((2 * 64, 4 * 32)) @ weight
    (slope,) = jrk.grad(z, [rows], jrk.ones(z.shape))
    with jrk.profile() as p:
        jrk.eval(z, slope)
    names = [kernel.name for kernel in p.kernels]
    assert names.count("attention") == names.count("attention_back") == 1
    # Products either way, the mean, and the sum of what comes back to the three parts.
    assert len([n for n in names if not n.startswith(("gemm", "attention"))]) <= 2, names
    q, k, v = (np.ascontiguousarray(x) for x in parts.numpy().transpose(2, 0, 3, 1, 4))
    g = np.broadcast_to(weight.numpy().sum(axis=1).reshape((4, 1, 32)), q.shape)
    whole, *slopes = by_formula(q, k, v, g, causal=True)
    joined = whole.swapaxes(1, 2).reshape((128, 128)) @ weight.numpy()
    expected = np.stack(slopes, axis=2).transpose(0, 3, 2, 1, 4).reshape(rows.shape)
    check_close((z.numpy(), slope.numpy()), (joined, expected), 2e-4)


def test_no_work_item_depends_on_the_order_of_others(one_gpu, monkeypatch):
    operands = drawn(97, 150, 32, 32, (2,))
    first, _ = results(operands[:3], operands[3], is_causal=True)
    again, _ = results(operands[:3], operands[3], is_causal=True)

    def turned(name, template=attention_arguments.template):
        return template(name).replace("get_local_id(0)", "(127 - get_local_id(0))")

    # Drivers go through a group's work-items from first to last between barriers.
    monkeypatch.setattr(attention_arguments, "template", turned)
    monkeypatch.setattr(spread, "template", turned)
    execute.forget_plans(one_gpu)
    backwards, _ = results(operands[:3], operands[3], is_causal=True)
    for a, b, c in zip(first, again, backwards, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize("short", [Limits(8, 16384, 1024), Limits(8, 65536, 64)])
def test_the_formula_where_a_work_group_has_too_little(one_gpu, monkeypatch, short):
    monkeypatch.setattr(operation, "limits", lambda device: short)
    q, k, v, _ = (jrk.tensor(x) for x in drawn(65, 64, 8, 8, (1,)))
    assert "attention" not in [source.name for source in attention(q, k, v).kernels()]


def test_second_derivatives_pass_the_kernels(one_gpu):
    torch = pytest.importorskip("torch")
    operands = drawn(64, 65, 8, 16, (1,))

    def second(*given, scaled, grad, **more):
        *sources, g = given
        slopes = grad(scaled(*sources), sources, g, **more)
        return grad(sum((s * s).sum() for s in slopes), sources)

    def grad(y, sources, g=None, **more):
        return jrk.grad(y, sources) if g is None else jrk.grad(y, sources, g)

    found = second(*map(jrk.tensor, operands), scaled=attention, grad=grad)
    theirs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in operands]
    expected = second(
        *theirs, scaled=torch.nn.functional.scaled_dot_product_attention,
        grad=torch.autograd.grad, create_graph=True,
    )  # fmt: skip
    check_close([x.numpy() for x in found], [x.numpy() for x in expected], 1e-4)


def test_narrow_floats_are_computed_in_single(one_gpu):
    q, k, v, g = (x.astype(np.float16) for x in drawn(64, 80, 8, 16))
    found, names = results((q, k, v), g)
    assert names.count("attention") == names.count("attention_back") == 1
    assert {x.dtype for x in found} == {np.dtype(np.float16)}
    check_close(found, by_formula(*(x.astype(np.float64) for x in (q, k, v, g))), 4e-3)


def test_values_that_are_no_numbers_stay_where_they_are(one_gpu):
    q, k, v, g = drawn(66, 75, 8, 8)
    q[0, 0, 3, 2] = np.nan
    (y, dq, dk, _), _ = results((q, k, v), g)
    assert np.isnan(y[0, 0, 3]).all() and np.isnan(dq[0, 0, 3]).all()
    assert np.isnan(dk[0, 0]).all()
    for x in (y, dq):
        assert np.isfinite(np.delete(x[0, 0], 3, axis=0)).all() and np.isfinite(x[1]).all()
    assert np.isfinite(dk[1]).all()
