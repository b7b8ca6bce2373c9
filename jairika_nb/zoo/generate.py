"""Text that goes on: tokens drawn one after the other from what a network expects."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from jairika_nb.errors import ArgumentError, OutOfRange, ShapeError
from jairika_nb.nn.modes import mode
from jairika_nb.nn.module import Module
from jairika_nb.nn.placing import on_device_of
from jairika_nb.tensors.compiling import compile
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.plain import number, whole
from jairika_nb.tensors.scattering import take
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.zoo.char_rnn import CharRNN
from jairika_nb.zoo.gpt import GPT

# From all tokens so far, (N, T), to the scores of the next, (N, vocabulary).
Reader = Callable[[np.ndarray], Tensor]


def generate(
    net: Module,
    tokens: Any,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int | None = None,
    stop: int | None = None,
) -> np.ndarray:
    """``tokens`` and ``length`` more that a GPT or a CharRNN expects to follow.

    tokens (T,) or (N, T) of integers, at least one -> int32 (T + length,) or (N, T + length).
    Scores are divided by ``temperature``, 0 takes the best; ``top_k`` draws among so many best.
    Equal seeds draw equal texts. Text ends early where every row has drawn ``stop``, which then
    fills a row's rest. A GPT sees its last ``n_positions`` tokens. The network's mode is kept.

    >>> from jairika_nb import zoo
    >>> net = zoo.CharRNN(vocab_size=5, hidden_size=4)
    >>> len(generate(net, [1, 2], length=3, seed=0))
    5
    """
    given = np.asarray(tokens.numpy() if isinstance(tokens, Tensor) else tokens)
    _check(given, length, temperature, top_k, seed, stop)
    rows, random = np.atleast_2d(given).astype(np.int32), np.random.default_rng(seed)
    done = np.zeros(len(rows), bool)
    with mode(net, False), on_device_of(net):
        read = _reader(net)
        for _ in range(operator.index(length)):
            drawn = _draw(read(rows).numpy(), temperature, top_k, random)
            drawn = np.where(done, stop, drawn) if stop is not None else drawn
            rows = np.concatenate([rows, drawn[:, None].astype(np.int32)], axis=1)
            done |= drawn == stop
            if done.all():
                break
    return rows if given.ndim == 2 else rows[0]


def _check(
    given: np.ndarray,
    length: int,
    temperature: float,
    top_k: int | None,
    seed: int | None,
    stop: int | None,
) -> None:
    if given.ndim not in (1, 2) or given.dtype.kind not in "iu" or not given.size:
        raise ShapeError(
            f"generate: tokens {given.shape} {given.dtype} must be integers (T,) or (N, T), at "
            "least one a row to begin with"
        )
    counts = {"length": (length, 0), "top_k": (top_k, 1), "seed": (seed, 0), "stop": (stop, 0)}
    for name, (value, least) in counts.items():
        found = whole(value)
        if (value is not None or name == "length") and (found is None or found < least):
            raise OutOfRange(f"generate: {name}={value!r} must be an integer from {least} up")
    heat = number(temperature)
    if heat is None or not heat >= 0:
        raise OutOfRange(f"generate: {temperature=} must be a number from 0 up")


def _draw(
    scores: np.ndarray, temperature: float, top_k: int | None, random: np.random.Generator
) -> np.ndarray:
    """One token a row, by the largest of scores with Gumbel noise (Gumbel 1954)."""
    scores = scores.astype(np.float64)
    if top_k is not None and top_k < scores.shape[1]:
        least = np.partition(scores, -top_k, axis=1)[:, -top_k, None]
        scores = np.where(scores >= least, scores, -np.inf)
    if temperature:
        scores = scores / temperature + random.gumbel(size=scores.shape)
    return scores.argmax(axis=1)


def _reader(net: Module) -> Reader:
    if isinstance(net, GPT):
        return _remembering(net)
    if isinstance(net, CharRNN):
        return _steps(net)
    raise ArgumentError(f"generate: {type(net).__name__} is no GPT or CharRNN")


def _remembering(net: GPT) -> Reader:
    """Only what is new, beside the keys and values of all before it, while all have a position."""
    past: Any = None
    window = _windows(net)

    @compile
    def scores(tokens: Tensor, at: Tensor, last: Tensor, past: Any) -> tuple[Tensor, Any]:
        features, past = net.following(tokens, at, past)
        return net.scores(take(features, last, axis=1)[:, 0]), past

    def read(rows: np.ndarray) -> Tensor:
        nonlocal past
        count = rows.shape[1]
        if count > net.n_positions:
            return window(rows)
        begin = 0 if past is None else count - 1
        new = rows if past is None else rows[:, -1:]
        padded, last = _filled(new, net.n_positions), count - 1 - begin
        past = net.nothing(len(rows)) if past is None else past
        found, past = scores(tensor(padded), _number(begin), _number(last), past)
        return found

    return read


def _windows(net: GPT) -> Reader:
    """The last tokens that have a position, all anew: each moves by one every time."""

    @compile
    def scores(window: Tensor, last: Tensor) -> Tensor:
        return net.scores(take(net.features(window), last, axis=1)[:, 0])

    def read(rows: np.ndarray) -> Tensor:
        seen = rows[:, -net.n_positions :]
        return scores(tensor(_filled(seen, net.n_positions)), _number(seen.shape[1] - 1))

    return read


def _filled(tokens: np.ndarray, most: int) -> np.ndarray:
    """Rows filled up behind their end, where nothing looks, to one of few sizes."""
    count = tokens.shape[1]
    size = 1 if count == 1 else min(most, max(32, 1 << (count - 1).bit_length()))
    return np.pad(tokens, ((0, 0), (0, size - count)))


def _number(value: int) -> Tensor:
    return tensor(np.array([value], np.int32))


def _steps(net: CharRNN) -> Reader:
    """Only what is new, from the states that the rest left behind."""
    states: Any = None

    @compile
    def step(tokens: Tensor, states: Any) -> tuple[Tensor, Any]:
        scores, states = net.run(tokens, states)
        return scores[:, -1], states

    def read(rows: np.ndarray) -> Tensor:
        nonlocal states
        new = rows if states is None else rows[:, -1:]
        scores, states = step(tensor(new), states)
        return scores

    return read
