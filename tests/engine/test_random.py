"""Philox against its authors' known answers, and the distributions."""

from __future__ import annotations

import numpy as np

import jairika_nb as jrk
from jairika_nb.engine.ops.sources import philox, random_reference


def test_philox_gives_the_known_answers():
    # Known-answer vectors of Random123 1.09 (kat_vectors: philox4x32, 10 rounds).
    ones = 0xFFFFFFFF
    rows = [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((ones,) * 4, (ones, ones), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0),
         (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ]  # fmt: skip
    for counter, key, want in rows:
        got = philox(np.array([counter], np.uint32), key)[0]
        assert tuple(int(w) for w in got) == want


def test_every_device_draws_the_same_words(device):
    jrk.random.seed(123456789012)
    for shape in [(5,), (3, 50), (2, 3, 17)]:
        state = jrk.random.state()
        got = jrk.random.randint(0, 2**31 - 1, shape).numpy()
        key = (state[0] & 0xFFFFFFFF, state[0] >> 32, state[1])
        np.testing.assert_array_equal(got, random_reference(shape, key) % (2**31 - 1))


def test_uniform_and_normal_have_their_moments(device):
    jrk.random.seed(3)
    u = jrk.random.uniform((200, 100)).numpy()
    n = jrk.random.normal((200, 100), mean=2, std=3).numpy()
    assert u.min() >= 0 and u.max() < 1
    assert abs(u.mean() - 0.5) < 0.01 and abs(u.var() - 1 / 12) < 0.002
    assert abs(n.mean() - 2) < 0.1 and abs(n.std() - 3) < 0.1


def test_calls_differ_and_seeds_repeat(device):
    jrk.random.seed(5)
    a, b = jrk.random.uniform((64,)).numpy(), jrk.random.uniform((64,)).numpy()
    assert not np.array_equal(a, b)
    jrk.random.seed(5)
    np.testing.assert_array_equal(jrk.random.uniform((64,)).numpy(), a)


def test_permutation_holds_every_number_once(device):
    jrk.random.seed(6)
    assert sorted(jrk.random.permutation(100).tolist()) == list(range(100))


def test_bernoulli_hits_its_probability(device):
    jrk.random.seed(7)
    assert abs(jrk.random.bernoulli(0.3, (20000,)).numpy().mean() - 0.3) < 0.02
