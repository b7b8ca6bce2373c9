"""Compiled functions answer as the functions themselves would, whatever changes between calls."""

from __future__ import annotations

import types

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.errors import GradientError

CALLS = 5


def row(i, n=4):
    return jrk.tensor(np.arange(n, dtype=np.float32) + i)


def test_later_calls_do_not_run_the_function(device):
    @jrk.compile
    def twice(x):
        return x * 2

    for i in range(CALLS):
        np.testing.assert_array_equal(twice(row(i)).numpy(), 2 * (np.arange(4) + i))
    assert (twice.traces, twice.replays) == (2, CALLS - 2)


def test_a_nan_that_is_filled_in_is_the_same_in_each_run(device):
    @jrk.compile
    def padded(x):
        return nn.functional.pad(x, (1, 0), value=float("nan"))

    for i in range(CALLS):
        np.testing.assert_array_equal(padded(row(i)).numpy(), [np.nan, *(np.arange(4) + i)])
    assert padded.replays == CALLS - 2


def test_a_function_that_notes_its_calls_notes_all_of_them(device):
    runs = []

    @jrk.compile
    def twice(x):
        runs.append(x.shape)
        return x * 2

    for i in range(CALLS):
        assert twice(row(i)).tolist() == [2.0 * (j + i) for j in range(4)]
    assert runs == [(4,)] * CALLS


def test_lists_tuples_and_dicts_are_taken_and_returned(device):
    @jrk.compile
    def mix(pair, named, *, scale):
        a, (b, *_) = pair[0], pair[1]
        return {"sum": a + b, "all": [named["x"] * scale, (a, None, "text")]}

    for i in range(CALLS):
        found = mix([row(i), (row(1), 7)], {"x": row(2 * i)}, scale=3)
        assert found["sum"].tolist() == [2.0 * j + i + 1 for j in range(4)]
        assert found["all"][0].tolist() == [3.0 * (j + 2 * i) for j in range(4)]
        assert found["all"][1][1:] == (None, "text")
    assert mix.replays == CALLS - 2


def test_another_structure_is_traced_anew(device):
    @jrk.compile
    def total(parts):
        values = parts.values() if isinstance(parts, dict) else parts
        return sum(v.sum() for v in values)

    for parts in ([row(0)], [row(0), row(1)], {"a": row(2)}, {"b": row(3)}, (row(4),)) * 3:
        values = parts.values() if isinstance(parts, dict) else parts
        assert total(parts).item() == sum(v.numpy().sum() for v in values)


def test_arrays_become_tensors(device):
    @jrk.compile
    def scaled(x, more):
        return x * 2 + more["y"]

    for i in range(CALLS):
        x = np.full((2, 3), i, np.float32)
        assert scaled(x, {"y": x + 1}).tolist() == (3 * x + 1).tolist()
    assert scaled.replays == CALLS - 2


def test_shapes_dtypes_and_scalars_are_traced_apart(device):
    @jrk.compile
    def scaled(x, factor):
        return x * factor

    for _ in range(3):
        for n in (3, 5):
            for dtype in (np.float32, np.int32):
                for factor in (2, 3, 0.5, True, 1, 1.0):
                    x = np.arange(n).astype(dtype)
                    found = scaled(jrk.tensor(x), factor)
                    want = jrk.tensor(x) * factor
                    assert found.dtype == want.dtype
                    np.testing.assert_array_equal(found.numpy(), want.numpy())


def test_signed_zeros_are_told_apart(device):
    @jrk.compile
    def added(x, zero):
        return x * zero

    for zero in (0.0, -0.0) * 3:
        sign = np.signbit(added(row(1), zero).numpy())
        assert sign.all() == (str(zero) == "-0.0")


def test_assignment_to_an_argument_is_repeated(device):
    @jrk.compile
    def fill(x, v):
        x[1:3] = v
        return x.sum()

    for i in range(CALLS):
        x = row(0)
        assert fill(x, row(i, 2)).item() == 0 + i + i + 1 + 3
        assert x.tolist() == [0.0, i, i + 1, 3.0]


def test_assignment_to_a_tensor_outside_goes_on(device):
    state = row(0)

    @jrk.compile
    def step(x):
        state[0] = state[0] + x.sum()
        return state * 1

    for i in range(CALLS):
        assert step(jrk.tensor([1.0, 2.0])).tolist()[0] == 3 * (i + 1)
    assert state.tolist() == [3.0 * CALLS, 1.0, 2.0, 3.0]


def test_variables_outside_are_assigned(device):
    total = jrk.tensor(0.0)
    calls = 0

    @jrk.compile
    def step(x):
        nonlocal total, calls
        total = total + x.sum()
        calls = 7
        return total

    for i in range(CALLS):
        step(row(0))
        assert total.item() == 6 * (i + 1)
    assert calls == 7 and step.replays >= CALLS - 3


def test_attributes_lists_and_dicts_outside_are_assigned(device):
    class Holder:
        def __init__(self):
            self.value, self.rows, self.named = row(0), [row(0), row(1)], {"a": row(2)}

    holder = Holder()

    @jrk.compile
    def step(x):
        holder.value = holder.value + x
        holder.rows[1] = holder.rows[0] + holder.rows[1]
        holder.named["a"], holder.named["b"] = holder.value, [x * 2]

    for i in range(CALLS):
        step(row(1))
        assert holder.value.tolist() == [j + (i + 1) * (j + 1) for j in range(4)]
        assert holder.rows[1].tolist() == [j + 1 + j * (i + 1) for j in range(4)]
        assert holder.named["a"] is holder.value
        assert holder.named["b"][0].tolist() == [2.0 * (j + 1) for j in range(4)]
    assert step.replays == CALLS - 3


def test_tensors_and_scalars_outside_may_change(device):
    weight, scale, shift = row(1), 2.0, np.float32([1, 1, 1, 1])

    @jrk.compile
    def f(x):
        return x * weight * scale + shift

    def plain(x):
        return x * weight.numpy() * scale + shift

    x = row(3)
    for i in range(CALLS):
        np.testing.assert_array_equal(f(x).numpy(), plain(x.numpy()))
        weight = row(i)
        np.testing.assert_array_equal(f(x).numpy(), plain(x.numpy()))
        scale = float(i)
        np.testing.assert_array_equal(f(x).numpy(), plain(x.numpy()))
        shift[0] += 1
        np.testing.assert_array_equal(f(x).numpy(), plain(x.numpy()))
        weight[0] = 9.0
        np.testing.assert_array_equal(f(x).numpy(), plain(x.numpy()))


LEVEL = 1.0
OPTIONS = types.SimpleNamespace(power=2, inner={"shift": [1.0, 2.0]})


def helper(x):
    return x * LEVEL


def test_globals_functions_and_nested_options_may_change(device, monkeypatch):
    @jrk.compile
    def f(x):
        return helper(x) ** OPTIONS.power + OPTIONS.inner["shift"][1]

    def check():
        for _ in range(3):
            want = (row(1).numpy() * LEVEL) ** OPTIONS.power + OPTIONS.inner["shift"][1]
            np.testing.assert_allclose(f(row(1)).numpy(), want, rtol=1e-6)

    check()
    monkeypatch.setitem(globals(), "LEVEL", 3.0)
    check()
    monkeypatch.setattr(OPTIONS, "power", 3)
    check()
    monkeypatch.setitem(OPTIONS.inner, "shift", [0.0, 5.0])
    check()
    monkeypatch.setitem(globals(), "helper", lambda x: x - LEVEL)
    assert f(row(1)).tolist() == [(j + 1 - 3.0) ** 3 + 5 for j in range(4)]


def test_results_never_share_memory_with_earlier_ones(device):
    @jrk.compile
    def f(x):
        return x + 1, (x * 2).sum()

    found = [f(row(i)) for i in range(20)]
    for i, (a, b) in enumerate(found):
        assert a.tolist() == [j + i + 1.0 for j in range(4)]
        assert b.item() == 2.0 * (6 + 4 * i)


def test_an_argument_that_is_returned_is_the_very_object(device):
    @jrk.compile
    def f(x, y):
        return x, y.reshape(2, 2)

    for i in range(CALLS):
        x, y = row(i), row(i + 1)
        same, view = f(x, y)
        assert same is x
        y[0] = 100.0
        assert view.tolist() == [[i + 1, i + 2], [i + 3, i + 4]]


def test_two_arguments_that_are_one_tensor_are_traced_apart(device):
    @jrk.compile
    def slope(x, y):
        return jrk.grad((x * x * y).sum(), [x])[0]

    for i in range(CALLS):
        x, y = row(i), row(2)
        np.testing.assert_allclose(slope(x, y).numpy(), 2 * x.numpy() * y.numpy())
        np.testing.assert_allclose(slope(x, x).numpy(), 3 * x.numpy() ** 2)


def test_lazy_arguments_are_computed_first(device):
    @jrk.compile
    def f(x):
        return x.exp()

    x = row(0) * 0.1
    for _ in range(CALLS):
        want = np.exp(x.numpy())
        x = f(x) * 0.1
        np.testing.assert_allclose(x.numpy(), want * np.float32(0.1), rtol=1e-6)


def test_draws_are_those_of_the_function_itself(device):
    def noisy(x):
        return nn.functional.dropout(x, 0.5, True) + jrk.random.normal((4,))

    compiled = jrk.compile(noisy)

    def sequence(f):
        jrk.random.seed(5)
        rows = []
        for i in range(6):
            rows.append(f(row(1)).tolist())
            if i == 3:
                rows.append(jrk.random.uniform((2,)).tolist())
        return rows

    plain = sequence(noisy)
    np.testing.assert_allclose(np.concatenate(sequence(compiled)), np.concatenate(plain), 1e-6)
    np.testing.assert_allclose(np.concatenate(sequence(compiled)), np.concatenate(plain), 1e-6)
    assert len({tuple(r) for r in plain}) == len(plain)


def test_an_exception_inside_leaves_everything_usable(device):
    state = row(0)

    @jrk.compile
    def f(x, good):
        state[0] = x.sum()
        if not good:
            raise KeyError("inside")
        return state + x

    for i in range(CALLS):
        with pytest.raises(KeyError, match="inside"):
            f(row(i + 1), False)
        assert state.tolist() == [6.0 + 4 * (i + 1), 1.0, 2.0, 3.0]
        assert f(row(i), True).tolist()[0] == 6.0 + 4 * i + i


def test_keywords_and_defaults_find_their_places(device):
    @jrk.compile
    def f(a, b=2.0, *, c=None, **more):
        return a * b + (0 if c is None else c) + more.get("d", 0)

    for _ in range(3):
        assert f(row(0)).tolist() == [0, 2, 4, 6]
        assert f(a=row(0), b=row(1)).tolist() == [0, 2, 6, 12]
        assert f(row(0), c=row(1)).tolist() == [1, 4, 7, 10]
        assert f(row(0), d=row(2), c=row(0)).tolist() == [2, 6, 10, 14]


def test_compiled_functions_call_each_other(device):
    scale = 2.0

    @jrk.compile
    def inner(x):
        return x * scale

    @jrk.compile
    def outer(x):
        return inner(x) + inner(x + 1)

    for scale in (2.0, 2.0, 2.0, 3.0, 3.0, 3.0):
        assert outer(row(0)).tolist() == [scale * (2 * j + 1) for j in range(4)]
        assert inner(row(0)).tolist() == [scale * j for j in range(4)]
    assert outer.replays == 2


def test_methods_serve_each_instance(device):
    class Counter:
        def __init__(self, start):
            self.total = jrk.tensor(start)

        @jrk.compile
        def add(self, x):
            self.total = self.total + x.sum()
            return self.total

    a, b = Counter(0.0), Counter(100.0)
    for i in range(CALLS):
        assert a.add(row(0)).item() == 6.0 * (i + 1)
        assert b.add(row(1)).item() == 100 + 10.0 * (i + 1)
    assert (a.total.item(), b.total.item()) == (6.0 * CALLS, 100 + 10.0 * CALLS)


def test_a_result_may_go_back_in(device):
    @jrk.compile
    def f(h, x):
        return (h + x) * 0.5

    h, want = row(0), row(0).numpy()
    for i in range(20):
        h, want = f(h, row(i)), (want + row(i).numpy()) * np.float32(0.5)
    np.testing.assert_allclose(h.numpy(), want, rtol=1e-6)


def test_a_derivative_through_a_replay_raises_instead_of_giving_zeros(device):
    w = row(1)

    @jrk.compile
    def f(x):
        return (x * w).sum()

    for _ in range(CALLS):
        x = row(2)
        y = f(x) * 2
        for source in (x, w):
            with pytest.raises(GradientError, match="the graph ends"):
                jrk.grad(y, [source])
        v = row(3)
        assert jrk.grad(y * v.sum(), [v])[0].tolist() == [2 * 40.0] * 4


def test_a_derivative_with_respect_to_what_made_an_argument_raises(device):
    a = row(1)

    @jrk.compile
    def f(x):
        return jrk.grad((x * x).sum(), [a])[0]

    with pytest.raises(GradientError, match="the graph ends"):
        f(a * 2)


def test_a_change_of_the_default_device_is_seen(device):
    @jrk.compile
    def f():
        return jrk.ones(3) * 2

    for _ in range(3):
        assert f().device is device
        with jrk.device("reference"):
            assert f().device.is_reference


def test_no_results_and_plain_results(device):
    @jrk.compile
    def f(x):
        return None, 3, "a", x.shape

    for _ in range(3):
        assert f(row(0)) == (None, 3, "a", (4,))


def test_a_function_without_tensors_is_allowed(device):
    @jrk.compile
    def f(n):
        return n + 1

    assert [f(i) for i in (1, 1, 1, 2)] == [2, 2, 2, 3]


def test_an_index_out_of_range_in_a_replay_is_told_and_nothing_else_is_lost(device):
    @jrk.compile
    def pick(x, i):
        return x[i] * 2

    good, bad = jrk.tensor([1, 0]), jrk.tensor([1, 9])
    for _ in range(3):
        found = pick(row(0), good)
        assert found.tolist() == [2.0, 0.0]
    for _ in range(2):
        with pytest.raises(jrk.errors.OutOfRange, match="index 9"):
            pick(row(0), bad)
        assert found.tolist() == [2.0, 0.0]
    assert pick(row(0), good).tolist() == [2.0, 0.0]


def test_a_derivative_from_one_result_to_another_raises(device):
    @jrk.compile
    def f(x):
        y = x * 2
        return y, (y * y).sum(), x.sum()

    for _ in range(CALLS):
        y, total, other = f(row(1))
        with pytest.raises(GradientError, match="the graph ends"):
            jrk.grad(total, [y])
        assert jrk.grad(other, [y])[0].tolist() == [0.0] * 4


def test_a_buffer_that_comes_back_is_found_bound_and_others_are_bound_anew(device):
    double = jrk.compile(lambda x: x * 2)
    first, second = jrk.tensor([1.0, 2.0]), jrk.tensor([5.0, 6.0])
    for _ in range(3):
        assert double(first).tolist() == [2.0, 4.0]
        assert double(second).tolist() == [10.0, 12.0]
        assert double(second).tolist() == [10.0, 12.0]
    for i in range(4):
        assert double(jrk.tensor([float(i), 1.0])).tolist() == [2.0 * i, 2.0]
