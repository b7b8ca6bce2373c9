"""What a replay could not repeat is refused with a clear error, and the session goes on."""

from __future__ import annotations

import array
import os
import random
import time
from random import random as draw

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.errors import ArgumentError, ReplayError


def row():
    return jrk.tensor([1.0, 2.0, 3.0])


READS = {
    "item": lambda x: x + x.sum().item(),
    "numpy": lambda x: x + jrk.tensor(x.numpy()),
    "print": lambda x: print(x) or x,
    "format": lambda x: f"{x}" and x,
    "bool": lambda x: x if x.sum() > 3 else -x,
    "float": lambda x: x * float(x.sum()),
    "int": lambda x: x * int(x.sum()),
    "tolist": lambda x: x * x.tolist()[0],
    "array": lambda x: x + np.asarray(x),
    "index": lambda x: x * [1, 2, 3, 4, 5, 6, 7][x.sum().astype("int32")],
    "seed": lambda x: jrk.random.seed(1) or x,
}


@pytest.mark.parametrize("name", READS)
def test_reading_values_inside_is_refused(device, name, capsys):
    f = jrk.compile(READS[name])
    for _ in range(3):
        with pytest.raises(ReplayError, match="compiled for replay"):
            f(row())
    assert (row() * 2).tolist() == [2.0, 4.0, 6.0]


def test_realizing_inside_is_allowed_and_changes_nothing(device):
    @jrk.compile
    def f(x):
        y = (x * 2).realize()
        jrk.eval(y, x)
        return y + 1

    assert [f(row()).tolist() for _ in range(4)] == [[3.0, 5.0, 7.0]] * 4


LOCAL = random.Random(1)
GENERATOR = np.random.default_rng(1)
NUMBERS = iter(range(1000))
CHANGING = {
    "random module": lambda x: x * random.random(),
    "random function": lambda x: x * draw(),
    "a generator of random": lambda x: x * LOCAL.random(),
    "NumPy's random": lambda x: x * np.random.rand(),
    "a generator of NumPy": lambda x: x * GENERATOR.random(),
    "a clock": lambda x: x * time.time(),
    "an iterator": lambda x: x * next(NUMBERS),
    "the environment": lambda x: x * float(os.environ.get("SCALE", "1")),
    "a variable of the environment": lambda x: x * float(os.getenv("SCALE", "1")),
    "globals": lambda x: x * globals()["__name__"].count("a"),
}


@pytest.mark.parametrize("name", CHANGING)
def test_what_answers_anew_each_time_is_refused(device, name):
    f = jrk.compile(CHANGING[name])
    for _ in range(2):
        with pytest.raises(ReplayError):
            f(row())


def test_an_import_of_a_clock_inside_is_refused(device):
    @jrk.compile
    def f(x):
        import time

        return x * time.time()

    with pytest.raises(ReplayError, match="time"):
        f(row())


def test_what_shows_itself_only_in_the_second_run_is_refused(device):
    import sys

    @jrk.compile
    def f(x):
        return x * getattr(sys, "a_setting_nobody_watches", 1.0)

    def g(x):
        return x * getattr(sys, "a_setting_nobody_watches", 1.0)

    assert f(row()).tolist() == [1.0, 2.0, 3.0]
    sys.a_setting_nobody_watches = 2.0
    try:
        with pytest.raises(ReplayError, match="second run"):
            f(row())
        assert f(row()).tolist() == g(row()).tolist()
    finally:
        del sys.a_setting_nobody_watches


def test_arrays_of_other_libraries_are_watched_or_refused(device):
    numbers = array.array("d", [2.0])

    @jrk.compile
    def f(x):
        return x * numbers[0]

    for i in range(4):
        numbers[0] = float(i)
        for _ in range(3):
            assert f(row()).tolist() == [i * 1.0, i * 2.0, i * 3.0]


def test_a_tensor_of_another_library_is_refused(device):
    torch = pytest.importorskip("torch")
    weights = torch.ones(3)

    @jrk.compile
    def f(x):
        return x * jrk.tensor(weights.numpy())

    with pytest.raises(ReplayError, match="weights"):
        f(row())


def test_an_array_changed_inside_is_refused(device):
    counts = np.zeros(3)

    @jrk.compile
    def f(x):
        counts[0] += 1
        return x

    with pytest.raises(ReplayError, match="counts"):
        f(row())


def test_a_result_that_cannot_be_made_again_is_refused(device):
    class Pair:
        def __init__(self, a):
            self.a = a

    @jrk.compile
    def f(x):
        return Pair(x * 2)

    with pytest.raises(ReplayError, match="Pair"):
        f(row())


def test_a_generator_as_result_is_refused(device):
    @jrk.compile
    def f(x):
        return (x * i for i in range(3))

    with pytest.raises(ReplayError, match="generator"):
        f(row())


def test_only_functions_can_be_compiled():
    with pytest.raises(ArgumentError, match="int is no function"):
        jrk.compile(3)


def test_errors_of_shapes_come_as_without_compiling(device):
    @jrk.compile
    def f(x, y):
        return x @ y

    for _ in range(3):
        with pytest.raises(jrk.errors.ShapeError):
            f(jrk.ones((2, 3)), jrk.ones((2, 3)))
        assert f(jrk.ones((2, 3)), jrk.ones((3, 1))).tolist() == [[3.0], [3.0]]


def test_a_function_traced_again_and_again_warns(device):
    @jrk.compile
    def f(x, n):
        return x * n

    with pytest.warns(UserWarning, match="traced again"):
        for n in range(40):
            f(row(), n)


class Augmented:
    """Draws on the host only where asked to; its constructor always does."""

    def __init__(self):
        self.rng = np.random.default_rng(1)
        self.weight = jrk.tensor(np.random.rand(3).astype(np.float32))
        self.started = time.time()

    def noisy(self, x):
        return x * float(self.rng.random())

    def plain(self, x):
        return x + self.weight


def test_what_changes_is_refused_only_where_it_is_used(device):
    holder = Augmented()
    plain = jrk.compile(lambda x: holder.plain(x))
    for _ in range(4):
        holder.rng.random()
        np.testing.assert_array_equal(plain(row()).numpy(), holder.plain(row()).numpy())
    assert plain.replays == 2
    with pytest.raises(ReplayError, match="rng"):
        jrk.compile(lambda x: holder.noisy(x))(row())


@pytest.mark.parametrize(
    "read",
    [
        lambda path: open(path).read(),  # noqa: SIM115
        lambda path: path.read_text(),
        lambda path: np.loadtxt(path),
    ],
    ids=["open", "Path.read_text", "np.loadtxt"],
)
def test_what_a_file_says_is_not_repeated(device, tmp_path, read):
    path = tmp_path / "factor.txt"
    path.write_text("2")
    scaled = jrk.compile(lambda x: x * float(read(path)))
    with pytest.raises(ReplayError, match=r"loadtxt|open|read_text"):
        for _ in range(3):
            scaled(jrk.ones((2,)))
