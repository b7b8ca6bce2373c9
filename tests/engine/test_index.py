"""Index arithmetic against brute force: every loop iteration, with C's rounding of quotients."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jairika_nb.engine import index
from jairika_nb.engine.index import Form, Quotient, Remainder, Var

QUICK = settings(max_examples=150, deadline=None, derandomize=True)


def value_of(form, place):
    """What a kernel computes for a form: C truncates quotients towards zero."""
    total = form.constant
    for atom, coefficient in form.terms:
        total += coefficient * atom_of(atom, place)
    return total


def atom_of(atom, place):
    if isinstance(atom, Var):
        return place[atom]
    inner = value_of(atom.form, place)
    if isinstance(atom, Quotient):
        return math.trunc(inner / atom.by)
    assert isinstance(atom, Remainder)
    return int(math.fmod(inner, atom.by))


def places(variables):
    ranges = [range(v.size) for v in variables]
    return (dict(zip(variables, at, strict=True)) for at in itertools.product(*ranges))


@st.composite
def forms(draw):
    """Linear forms that are nowhere negative, as indices of views are."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    variables = [Var(f"i{d}", n) for d, n in enumerate(sizes)]
    factors = [draw(st.integers(-9, 9)) for _ in variables]
    linear = index.combine(
        [(index.variable(v), f) for v, f in zip(variables, factors, strict=True)]
    )
    return variables, index.shift(linear, draw(st.integers(0, 9)) - linear.bounds[0])


@QUICK
@given(forms(), st.integers(1, 12))
def test_quotient_and_remainder_are_what_python_says(drawn, by):
    variables, form = drawn
    quotient, remainder = index.divide(form, by)
    for place in places(variables):
        whole = value_of(form, place)
        assert (value_of(quotient, place), value_of(remainder, place)) == divmod(whole, by)
        assert quotient.bounds[0] <= whole // by <= quotient.bounds[1]
        assert remainder.bounds[0] <= whole % by <= remainder.bounds[1]


@QUICK
@given(forms(), st.integers(1, 12), st.integers(1, 5), st.integers(-3, 3))
def test_quotients_join_to_the_whole_again(drawn, by, then, factor):
    variables, form = drawn
    quotient, remainder = index.divide(form, by)
    half, rest = index.divide(quotient, then)
    joined = index.combine([(half, then * by), (rest, by), (remainder, 1), (form, factor)])
    for place in places(variables):
        assert value_of(joined, place) == (1 + factor) * value_of(form, place)


@QUICK
@given(st.data())
def test_chains_of_views_find_the_element_that_numpy_finds(data):
    array = np.arange(math.prod(shape := tuple(data.draw(st.lists(st.integers(1, 4), max_size=4)))))
    array = array.reshape(shape)
    steps = []
    for _ in range(data.draw(st.integers(1, 6))):
        array, step = data.draw(st.sampled_from([reshaped, permuted, flipped, every_second]))(
            data.draw, array
        )
        steps.append((step, array.shape))
    variables = [Var(f"i{d}", n) for d, n in enumerate(array.shape)]
    forms = tuple(index.variable(v) if v.size > 1 else index.ZERO for v in variables)
    for step, _ in reversed(steps):
        forms = step(forms)
    found = index.flatten(forms, shape)
    for place in places(variables):
        assert value_of(found, place) == array[tuple(place[v] for v in variables)]


def reshaped(draw, array):
    old, left, new = array.shape, array.size, []
    while left > 1:
        new.append(draw(st.sampled_from([n for n in range(2, left + 1) if left % n == 0])))
        left //= new[-1]
    new = tuple(new)
    return array.reshape(new), lambda at: index.reshaped(at, new, old)


def permuted(draw, array):
    order = draw(st.permutations(range(array.ndim)))
    return array.transpose(order), lambda at: tuple(at[order.index(i)] for i in range(len(order)))


def flipped(draw, array):
    axes = [draw(st.booleans()) for _ in array.shape]
    shape = array.shape
    return np.flip(array, [i for i, yes in enumerate(axes) if yes]), lambda at: tuple(
        index.scale(f, -1, n - 1) if yes else f for f, yes, n in zip(at, axes, shape, strict=True)
    )


def every_second(draw, array):
    starts = [draw(st.integers(0, min(1, n - 1))) for n in array.shape]
    picked = array[tuple(slice(s, None, 2) for s in starts)]
    return picked, lambda at: tuple(index.scale(f, 2, s) for f, s in zip(at, starts, strict=True))


def test_a_form_is_zero_without_terms():
    assert index.combine([(Form(((Var("i", 3), 1),)), 0)]) == index.ZERO


def test_axes_that_a_reshape_keeps_keep_their_forms():
    # Its index may leave the axis where a guard stands before it: it must not reach the next one.
    a, b, outside = (index.variable(Var(name, n)) for name, n in (("a", 4), ("b", 6), ("c", 9)))
    split = index.reshaped((a, b, outside), (4, 6, 7), (2, 2, 6, 1, 7))
    assert split[2:] == (b, index.ZERO, outside)
    assert split[:2] == index.unflatten(a, (2, 2))
