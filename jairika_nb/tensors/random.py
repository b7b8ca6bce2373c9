"""Random numbers by counters: Philox 4x32-10, the same on every device for the same seed.

Each call takes the next stream; element ``i`` of it depends only on seed, call and ``i``.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from jairika_nb.engine import dtypes, tracing
from jairika_nb.engine.device import Device
from jairika_nb.engine.graph import Node
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import sort, sources
from jairika_nb.errors import OutOfRange
from jairika_nb.tensors.arguments import answering
from jairika_nb.tensors.creation import chosen_device, chosen_shape
from jairika_nb.tensors.tensor import Tensor

__all__ = [
    "bernoulli",
    "normal",
    "permutation",
    "randint",
    "restore",
    "seed",
    "state",
    "uniform",
]
Where = str | Device | None
_lock = threading.Lock()


class _Stream:
    """Where draws go on: the seed, and the number of calls so far."""

    def __init__(self, seed: int, calls: int) -> None:
        self.seed, self.calls = seed, calls


_shared = _Stream(secrets.randbits(63), 0)
_own: ContextVar[_Stream | None] = ContextVar("own_stream", default=None)


def _current() -> _Stream:
    return _own.get() or _shared


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Inside the block draws go on from here in a stream of their own, which nobody else moves.

    All others go on with another seed, so that no number is drawn twice. A thread that is to keep
    the stream runs in a copy of this context (``contextvars.copy_context``).
    """
    before = _current()
    with _lock:
        own = _Stream(before.seed, before.calls)
        before.seed = (before.seed * 0x9E3779B97F4A7C15 + before.calls + 1) % 2**64
    token = _own.set(own)
    try:
        yield
    finally:
        _own.reset(token)


@contextlib.contextmanager
def going_on(start: tuple[int, int]) -> Iterator[None]:
    """Inside the block draws go on from what ``reserve`` gave, whoever else draws or traces."""
    own, trace = _own.set(_Stream(*start)), tracing.active.set(None)
    try:
        yield
    finally:
        tracing.active.reset(trace)
        _own.reset(own)


@answering
def seed(n: int) -> None:
    """Start all streams anew from ``n``; runs with equal seeds draw equal numbers.

    >>> import jairika_nb as jrk
    >>> jrk.random.seed(7); a = jrk.random.uniform((3,)).tolist()
    >>> jrk.random.seed(7); a == jrk.random.uniform((3,)).tolist()
    True
    """
    tracing.refuse("jrk.random.seed")
    stream = _current()
    with _lock:
        stream.seed, stream.calls = int(n) & 0xFFFFFFFFFFFFFFFF, 0


def reserve(count: int) -> tuple[int, int]:
    """The seed and the number of the first of ``count`` streams, which are then used up."""
    own = _current()
    with _lock:
        first, own.calls = own.calls, own.calls + count
        return own.seed, first


def stream(start: tuple[int, int], which: int | tuple[int, int, int]) -> tuple[int, int, int]:
    """Key and number of the ``which``-th stream after ``start``; a key is returned as it is."""
    return which if isinstance(which, tuple) else sources.stream_key(start[0], start[1] + which)


def number(draws: list[Node]) -> tuple[int, int]:
    """Give the draws of a trace their streams; the seed and the number of the first."""
    start = reserve(len(draws))
    for k, node in enumerate(draws):
        node.attrs = stream(start, k)
    return start


def state() -> tuple[int, int]:
    """Seed and number of calls so far: all there is to save and restore."""
    own = _current()
    return own.seed, own.calls


@answering
def restore(saved: tuple[int, int]) -> None:
    """Go on from a :func:`state`."""
    tracing.refuse("jrk.random.restore")
    own = _current()
    with _lock:
        own.seed, own.calls = int(saved[0]), int(saved[1])


def words(shape: Any, device: Where) -> Node:
    """32-bit words of the stream next in turn, one an element."""
    trace = tracing.active.get()
    if trace is not None:
        # Numbered when the trace is over, because each replay draws from the streams next in turn.
        trace.draws.append(sources.random_words(chosen_shape(shape), 0, 0, chosen_device(device)))
        return trace.draws[-1]
    seed, call = reserve(1)
    return sources.random_words(chosen_shape(shape), seed, call, chosen_device(device))


# The bits of a significand: so many of a word make a number below 1 that needs no rounding.
_BITS = {dtypes.float16: 11, dtypes.bfloat16: 8}


def _unit(shape: Any, device: Where, bits: int = 24) -> Node:
    """Multiples of 2**-bits in [0, 1), float32, from the upper bits of words."""
    upper = e.apply("bitwise_right_shift", words(shape, device), 32 - bits)
    return e.mul(e.cast(upper, dtypes.float32), 2.0**-bits)


def uniform(
    shape: int | tuple[int, ...] = (),
    low: float = 0.0,
    high: float = 1.0,
    *,
    dtype: Any = None,
    device: Where = None,
) -> Tensor:
    """Independent draws from [low, high)."""
    wanted = dtypes.dtype_of(dtype or dtypes.float32)
    unit = _unit(shape, device, _BITS.get(wanted, 24))
    scaled = unit if (low, high) == (0.0, 1.0) else e.add(e.mul(unit, high - low), low)
    return Tensor(e.cast(scaled, wanted))


def normal(
    shape: int | tuple[int, ...] = (),
    mean: float = 0.0,
    std: float = 1.0,
    *,
    dtype: Any = None,
    device: Where = None,
) -> Tensor:
    """Independent draws from a normal distribution, by Box and Muller (1958)."""
    radius = e.call("sqrt", e.mul(e.call("log", e.apply("sub", 1.0, _unit(shape, device))), -2.0))
    angle = e.mul(_unit(shape, device), 2 * math.pi)
    draws = e.add(e.mul(e.mul(radius, e.call("cos", angle)), std), mean)
    return Tensor(e.cast(draws, dtypes.dtype_of(dtype or dtypes.float32)))


@answering
def bernoulli(p: float, shape: int | tuple[int, ...] = (), *, device: Where = None) -> Tensor:
    """Independent bools, true with probability ``p``."""
    if not 0 <= p <= 1:
        raise OutOfRange(f"bernoulli: the probability {p} is outside [0, 1]")
    return Tensor(e.apply("less", _unit(shape, device), float(p)))


@answering
def randint(
    low: int,
    high: int,
    shape: int | tuple[int, ...] = (),
    *,
    dtype: Any = None,
    device: Where = None,
) -> Tensor:
    """Independent integers from low to high - 1, int32 unless asked otherwise.

    Each is a 32-bit word modulo the range, so the bias is at most range / 2**32.
    """
    span = high - low
    if not 0 < span <= 2**31:
        raise OutOfRange(f"randint: the range [{low}, {high}) must hold 1 to 2**31 integers")
    word = e.apply("remainder", words(shape, device), span)
    drawn = e.cast(word, dtypes.dtype_of(dtype or dtypes.int32))
    return Tensor(e.add(drawn, low))


def permutation(n: int, *, device: Where = None) -> Tensor:
    """The integers 0 ... n-1 in random order, int32: the order that sorts n random words."""
    return Tensor(sort.argsort(words((n,), device), 0, descending=False))


def __dir__() -> list[str]:
    return __all__
