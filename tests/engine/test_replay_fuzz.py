"""Random functions with state, changed at random between calls: compiled ones answer alike."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.errors import GradientError

CALLS = 14


class World:
    """What a function can reach: tensors, lists, dicts, numbers, and the object itself."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)

        def values(*shape):
            return jrk.tensor(rng.random(shape, np.float32) + 0.5)

        self.a, self.b = values(3, 4), values(4)
        self.rows = [values(4), values(3, 4)]
        self.named = {"x": values(3, 1), "y": values(4)}
        self.scale, self.flag, self.steps = 1.5, True, 0

    def state(self):
        tensors = [self.a, self.b, *self.rows, *self.named.values()]
        return [t.numpy() for t in tensors], [*self.named], self.scale, self.flag, self.steps


STATEMENTS = {
    "product": lambda w, x: (x * w.a).tanh(),
    "row": lambda w, x: x + w.rows[0] * w.scale,
    "branch": lambda w, x: x.exp().log1p() if w.flag else x - w.b,
    "total": lambda w, x: x / (x.abs().sum(axis=1, keepdims=True) + 1),
    "matrix": lambda w, x: (x @ w.rows[1].T @ w.a) * 0.1,
    "dict": lambda w, x: x * sum(w.named.values()),
    "slope": lambda w, x: jrk.grad((x * x * w.a).sum(), [w.a])[0],
    "noise": lambda w, x: x + jrk.random.uniform((3, 4)),
    "count": lambda w, x: setattr(w, "steps", (w.steps + 1) % 2) or x * (w.steps + 1),
    "assign": lambda w, x: setattr(w, "b", (x.mean(axis=0) + w.b) * 0.5) or x,
    "in place": lambda w, x: w.a.__setitem__((1, slice(1, 3)), x[0, 1:3].tanh()) or x + w.a,
    "swap": lambda w, x: w.rows.__setitem__(0, w.b * 0.9) or x,
    "new key": lambda w, x: w.named.__setitem__("z", x.mean(axis=0)) or x,
    "same key": lambda w, x: w.named.__setitem__("y", w.named["x"].sum() * w.b * 0.1) or x,
    "sharing": lambda w, x: setattr(w, "b", w.rows[0]) or x + w.b,
    "aliases": lambda w, x: w.rows.__setitem__(0, w.named["y"]) or x,
}
CHANGES = {
    "nothing": lambda w, r: None,
    "again nothing": lambda w, r: None,
    "scale": lambda w, r: setattr(w, "scale", r.choice([0.5, 1.5, 2.0])),
    "flag": lambda w, r: setattr(w, "flag", not w.flag),
    "tensor": lambda w, r: setattr(w, "b", jrk.tensor(np.full(4, r.random(), np.float32))),
    "lazy": lambda w, r: setattr(w, "b", w.b * 0.5 + 0.1),
    "element": lambda w, r: w.a.__setitem__((0, 0), r.random()),
    "alias": lambda w, r: w.rows.__setitem__(0, w.b),
    "key": lambda w, r: w.named.pop("z", None),
    "list": lambda w, r: setattr(w, "rows", [*w.rows]),
}


def programme(seed):
    chosen = random.Random(seed).sample(sorted(STATEMENTS), 6)

    def run(world, x, factor):
        for name in chosen:
            x = STATEMENTS[name](world, x)
        return x * factor, {"sum": x.sum()}

    return chosen, run


@pytest.mark.parametrize("seed", range(16))
def test_random_functions_answer_as_without_compiling(device, seed):
    chosen, plain = programme(seed)
    compiled = jrk.compile(plain)
    worlds = World(seed), World(seed)
    for call in range(CALLS):
        rng = random.Random(1000 * seed + call)
        change = rng.choice(sorted(CHANGES)) if call > 3 else "nothing"
        x = np.float32(rng.random()) + np.arange(12, dtype=np.float32).reshape(3, 4) / 12
        factor = rng.choice([2, 2, 2, 0.5])
        answers = []
        for world, function in zip(worlds, (plain, compiled), strict=True):
            jrk.random.seed(seed * 100 + call)
            CHANGES[change](world, random.Random(call))
            try:
                y, more = function(world, jrk.tensor(x), factor)
            except GradientError:
                # State that was made from what is derived for: a replay refuses, never is wrong.
                assert function is compiled and "slope" in chosen
                return
            answers.append((y.numpy(), more["sum"].numpy(), world.state(), jrk.random.state()))
        assert_alike(answers, f"seed {seed}, call {call}, {chosen}, {change}")


def assert_alike(answers, where):
    (y, total, state, draws), (y2, total2, state2, draws2) = answers
    np.testing.assert_allclose(y, y2, rtol=1e-4, atol=1e-5, err_msg=where)
    np.testing.assert_allclose(total, total2, rtol=1e-4, atol=1e-4, err_msg=where)
    assert state[1:] == state2[1:] and draws == draws2, where
    for a, b in zip(state[0], state2[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=where)


def test_copies_of_compiled_functions_are_functions_of_their_own(device):
    f = jrk.compile(lambda x: x + 1)
    g = copy.copy(f)
    for _ in range(3):
        assert f(jrk.tensor([1.0])).item() == g(jrk.tensor([1.0])).item() == 2.0
