"""Kernels run after what they need, and early where that frees memory; arenas are shared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jairika_nb as jrk
from jairika_nb.engine import memory
from jairika_nb.engine.ordering import RELIEF, Work, depth_first, ordered

BIG = 4 * RELIEF


@st.composite
def graphs(draw):
    """Kernels that each need some of those before."""
    works = {}
    for root in range(draw(st.integers(1, 12))):
        needs = draw(st.lists(st.sampled_from(range(root)), unique=True)) if root else []
        size = draw(st.sampled_from([8, BIG, 3 * BIG]))
        works[root] = Work(needs, {root: size}, [*needs])
    return works


def peak(works, order):
    """The most bytes alive, told from the order alone."""
    last = {v: i for i, root in enumerate(order) for v in [*works[root].reads, root]}
    live = most = 0
    for i, root in enumerate(order):
        live += sum(works[root].makes.values())
        most = max(most, live)
        live -= sum(works[v].makes.get(v, 0) for v, at in last.items() if at == i)
    return most


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_each_comes_once_and_after_what_it_needs(works):
    some = [root for root in works if root % 2]
    for order in (ordered(works), depth_first(works), ordered(works, some)):
        assert sorted(order) == sorted(works)
        place = {root: i for i, root in enumerate(order)}
        assert all(place[n] < place[root] for root, work in works.items() for n in work.needs)


def test_what_frees_nothing_much_stays_where_it_was():
    works = {n: Work([n - 1] if n else [], {n: 100}, [n - 1] if n else []) for n in range(9)}
    works |= {20 + n: Work([n], {}, [n]) for n in range(9)}
    assert ordered(works) == depth_first(works)


def test_gradients_of_weights_do_not_wait_for_those_of_all_inputs():
    """A chain forwards and back; step n of the way back also makes a gradient that is wanted."""
    depth = 10
    works = {n: Work([n - 1] if n else [], {n: BIG}, [n - 1] if n else []) for n in range(depth)}
    for n in range(depth):  # 100 + n: the cotangent of activation depth - 1 - n
        before = [100 + n - 1] if n else [depth - 1]
        works[100 + n] = Work(before, {100 + n: BIG}, before)
        inputs = [*before, depth - 1 - n]
        works[50 - n] = Work(inputs, {}, inputs)  # of the weights: numbered to come last
    assert peak(works, ordered(works)) <= (depth + 3) * BIG
    assert peak(works, depth_first(works)) >= (2 * depth - 2) * BIG


OPENCL = [d.id for d in jrk.devices() if not d.is_reference]


@pytest.mark.parametrize("name", OPENCL)
def test_a_deep_network_needs_its_activations_and_little_more(name):
    depth, batch, width = 8, 1024, 512
    each = 4 * batch * width
    rng = np.random.default_rng(0)
    with jrk.device(name):
        weights = [
            jrk.tensor(rng.standard_normal((width, width), np.float32)) for _ in range(depth)
        ]
        x = jrk.tensor(rng.standard_normal((batch, width), np.float32))

        @jrk.compile
        def gradients(x, *weights):
            y = x
            for w in weights:
                y = jrk.tanh(y @ w * 0.04)
            return jrk.grad((y * y).sum(), list(weights))

        for _ in range(3):
            found = gradients(x, *weights)
        live = memory.usage.live
        with jrk.profile() as p:
            found = gradients(x, *weights)
        assert len(found) == depth
        blocks = memory.room(jrk.devices()[OPENCL.index(name)]).blocks.live
        assert blocks <= (depth + 4) * each
        assert p.peak_bytes - live <= depth * 4 * width * width + 4096


@pytest.mark.parametrize("name", OPENCL)
def test_functions_that_run_in_turn_share_their_temporary_memory(name):
    with jrk.device(name) as device:
        rng = np.random.default_rng(0)
        arrays = [rng.standard_normal((n, n), np.float32) for n in (300, 420, 300)]
        tensors = [jrk.tensor(a) for a in arrays]
        functions = [jrk.compile(lambda x: (x @ x).softmax(axis=-1) @ x) for _ in range(3)]

        def expected(a):
            b = a.astype(float) @ a
            e = np.exp(b - b.max(-1, keepdims=True))
            return e / e.sum(-1, keepdims=True) @ a

        wanted = [expected(a) for a in arrays]
        memory.room(device).release()
        before = memory.room(device).blocks.live
        for _ in range(4):
            found = [f(x) for f, x in zip(functions, tensors, strict=True)]
            for got, want in zip(found, wanted, strict=True):
                np.testing.assert_allclose(got.numpy(), want, rtol=1e-3, atol=1e-3)
        sizes = {block.nbytes for f in functions for r in f._recordings for part in r.parts
                 for block in (part.step.arena.blocks if part.step.arena else ())}  # fmt: skip
        assert len(sizes) == 1
        assert memory.room(device).blocks.live - before <= max(sizes)


def test_what_is_packed_for_one_kernel_is_made_right_before_it():
    """Packing takes more memory than it frees, but the two together free much."""
    works = {0: Work([], {0: BIG}, []), 1: Work([0], {1: 2 * BIG}, [0]), 2: Work([1], {2: 8}, [1])}
    works |= {3: Work([0], {3: BIG}, [0]), 4: Work([3], {4: BIG}, [3]), 5: Work([4], {5: 8}, [4])}
    works[2] = Work([1, 4], {2: 8}, [1, 4])
    order = ordered(works, [1])
    assert order.index(2) == order.index(1) + 1
    # Two read it: it is a kernel like any other.
    works[5] = Work([4, 1], {5: 8}, [4, 1])
    assert sorted(ordered(works, [1])) == sorted(works)
