"""Dicts of tensors, as optimisers have them: a replay looks at many at once, and at each."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

import jairika_nb as jrk

CALLS = 5


def row(i, n):
    return jrk.tensor(np.arange(n, dtype=np.float32) + i)


def states(order="ab", kind=dict):
    """Tensors by part and name, as an optimiser has them."""
    return {n: kind((k, row(int(n), 2) + (k == "b")) for k in order) for n in "123"}


def test_dicts_of_tensors_are_looked_at_together_and_each_change_is_seen(device):
    def total(state):
        return sum(part["a"] * 2 + sum(part.values()) for part in state.values())

    step = jrk.compile(total)
    with jrk.device(device):
        for _ in range(CALLS):
            assert step(states()).tolist() == total(states()).tolist()
        others = {
            "order": states("ba")["2"],
            "more": states("abc")["2"],
            "shape": {k: row(0, 2).reshape(1, 2) for k in "ab"},
            "kind": states(kind=OrderedDict)["2"],
            "one is no tensor": {**states()["2"], "b": 3.0},
        }
        for what, other in others.items():
            changed = {**states(), "2": other}
            assert step(changed).tolist() == total(changed).tolist(), what
            assert step.replays == CALLS - 2, what
        step(states())
        assert step.replays == CALLS - 1


def test_what_stands_where_dicts_were_is_not_gone_through(device):
    class Odd:
        def __iter__(self):
            raise RuntimeError("gone through")

        values = staticmethod(lambda: [row(0, 2)])

    step = jrk.compile(lambda state: sum(sum(part.values()) for part in state.values()))
    with jrk.device(device):
        for _ in range(CALLS):
            step(states())
        found = step({**states(), "2": Odd()})
        assert found.tolist() == (2 * row(1, 2) + 1 + 2 * row(3, 2) + 1 + row(0, 2)).tolist()
