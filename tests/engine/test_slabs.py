"""Slabs: no two cuts overlap, what goes back is used again, empty slabs go to the driver."""

from __future__ import annotations

import gc
import math
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jairika_nb as jrk
from jairika_nb.engine import memory, paging
from jairika_nb.engine.slabs import FIRST, LARGEST, LEAST, MOST, Slabs, rounded
from jairika_nb.errors import OutOfMemory

MIB = 1 << 20


class Memory:
    """Stands for a driver's: tells which part was asked for."""

    def get_sub_region(self, start, nbytes):
        return start, nbytes


def slabs_within(limit=1 << 40):
    made = []

    def make(nbytes):
        if sum(made) + nbytes > limit:
            return None
        made.append(nbytes)
        return Memory()

    return Slabs(make), made


def assert_whole(slabs, held):
    """Every byte of every slab is in one cut or one gap."""
    slabs._close_gaps()
    for slab in slabs.slabs:
        parts = slab.gaps + [(c.start, c.end) for c in held if c.slab is slab]
        ends = [0]
        for start, end in sorted(parts):
            assert start == ends[-1] < end
            ends.append(end)
        assert ends[-1] == slab.nbytes


SIZES = st.integers(LEAST, MOST - 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(SIZES, st.integers(-20, -1), st.just(0)), max_size=60))
def test_cuts_never_overlap_and_nothing_is_lost(steps):
    slabs, made = slabs_within(1 << 26)
    held = []
    for step in steps:
        if step > 0:
            cut = slabs.take(step)
            if cut is not None:
                assert cut.end - cut.start == rounded(step) >= step
                assert cut.cl == (cut.start, rounded(step))
                held.append(cut)
        elif step < 0 and held:
            held.pop(step % len(held)).give_back()
        elif step == 0:
            slabs.release()
        assert len({(id(c.slab), c.start) for c in held}) == len(held)
    assert_whole(slabs, held)
    assert slabs.nbytes == sum(slab.nbytes for slab in slabs.slabs) <= sum(made)
    assert slabs.used == sum(c.end - c.start for c in held)
    for cut in held:
        cut.give_back()
    slabs.release()
    assert slabs.nbytes == 0 and not slabs.slabs


@given(SIZES)
def test_a_cut_is_at_most_a_sixteenth_larger_than_asked_for(nbytes):
    size = rounded(nbytes)
    assert nbytes <= size <= nbytes * 17 / 16 + 1 and size % 4096 == 0


def test_a_cut_that_went_back_is_the_next_of_its_size():
    slabs, made = slabs_within()
    first = slabs.take(100_000)
    second = slabs.take(100_000)
    first.give_back()
    assert slabs.take(99_000) is first
    second.give_back()
    assert slabs.take(200_000) not in (first, second)
    assert made == [FIRST]


def test_neighbours_that_went_back_make_room_for_a_larger_one():
    slabs, made = slabs_within(FIRST)
    cuts = [slabs.take(MIB) for _ in range(4)]
    assert slabs.take(LEAST) is None
    cuts[1].give_back()
    assert slabs.take(2 * MIB) is None
    cuts[2].give_back()
    assert slabs.take_kept(2 * MIB).start == MIB
    assert made == [FIRST]


def test_slabs_grow_with_what_there_is():
    slabs, made = slabs_within()
    held = [slabs.take(MIB) for _ in range(200)]
    assert made[:5] == [FIRST, FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert max(made) == LARGEST
    assert sum(made) <= 2 * len(held) * MIB


def test_threads_get_different_cuts():
    slabs, _ = slabs_within()
    found, lock = [], threading.Lock()

    def work(seed):
        rng, own = np.random.default_rng(seed), []
        for _ in range(300):
            own.append(slabs.take(int(rng.integers(LEAST, MIB))))
            if rng.random() < 0.5:
                own.pop(int(rng.integers(len(own)))).give_back()
            if rng.random() < 0.02:
                slabs.release()
        with lock:
            found.extend(own)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_whole(slabs, found)


# On devices


@pytest.fixture
def room(device):
    if device.is_reference or not paging.is_worth(device):
        pytest.skip("CPUs, where the system has large pages")
    gc.collect()
    memory.room(device).release()
    return memory.room(device)


def test_values_of_medium_tensors_stay_apart(room):
    rng = np.random.default_rng(0)
    arrays = [
        rng.standard_normal(int(n)).astype(np.float32) for n in rng.integers(17_000, 900_000, 40)
    ]
    tensors = [jrk.tensor(a) for a in arrays]
    for i in range(0, 40, 2):
        tensors[i] = (tensors[i] * 2).realize()
    for i, (a, t) in enumerate(zip(arrays, tensors, strict=True)):
        assert t.node.value.cut is not None
        np.testing.assert_array_equal(t.numpy(), a * 2 if i % 2 == 0 else a)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_that_a_kernel_keeps_for_itself_stay_apart(device, dtype):
    """Two of them, each as long as what slabs give."""
    x = np.random.default_rng(0).standard_normal(30_000).astype(dtype)
    found = jrk.gelu(jrk.tensor(x), "tanh")
    normal = jrk.nn.functional.layer_norm(found, found.shape)
    jrk.eval(found, normal)
    wide = x.astype(np.float64)
    want = wide / (1 + np.exp(-math.sqrt(8 / math.pi) * (wide + 0.044715 * wide**3)))
    np.testing.assert_allclose(found.numpy(), want, atol=1e-6)
    np.testing.assert_allclose(
        normal.numpy(), (want - want.mean()) / np.sqrt(want.var() + 1e-5), atol=1e-5
    )


def test_medium_tensors_take_few_blocks_and_give_them_back(room):
    before, taken = room.allocations, room.taken
    held = [jrk.tensor(np.zeros(MIB // 4, np.float32)) for _ in range(64)]
    assert room.allocations - before <= 6
    assert room.active - taken >= 64 * MIB
    del held
    room.release()
    assert room.taken == taken


def test_a_slab_that_is_pinned_lends_its_gaps_where_memory_is_short(room):
    limit = jrk.memory_limit(device=room.device)
    try:
        jrk.memory_limit(room.taken + 160 * MIB, device=room.device)
        held = [jrk.tensor(np.zeros(MIB // 4, np.float32)) for _ in range(60)]
        pinned = held[::4]
        del held
        more = []
        with pytest.raises(OutOfMemory, match="beside"):
            while True:
                more.append(jrk.tensor(np.zeros(MIB // 2, np.float32)))
        assert (len(more) * 2 + len(pinned)) * MIB >= 125 * MIB
    finally:
        jrk.memory_limit(limit, device=room.device)
