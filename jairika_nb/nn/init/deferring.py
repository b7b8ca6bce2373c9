"""Initial values that nobody will look at: drawn when they are looked at, and not before."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any

from jairika_nb.engine import dtypes, tracing
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node
from jairika_nb.tensors import random
from jairika_nb.tensors.creation import chosen_device, chosen_shape
from jairika_nb.tensors.tensor import Tensor

_deferring: ContextVar[bool] = ContextVar("deferring", default=False)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Inside the block initial values are drawn when they are looked at.

    For networks whose parameters are about to be replaced: what is replaced before anybody looks
    is never drawn. Each draw takes its stream at once, so all that is drawn, now or later, is the
    same with the block and without it. In a function that is being compiled nothing is deferred.

    >>> import jairika_nb as jrk
    >>> from jairika_nb import nn
    >>> kept = nn.Linear(64, 64)
    >>> with nn.init.deferred():
    ...     net = nn.Linear(64, 64)
    >>> net.load_state_dict(kept.state_dict())
    Unused(missing_keys=[], unexpected_keys=[])
    """
    token = _deferring.set(True)
    try:
        yield
    finally:
        _deferring.reset(token)


def deferrable(streams: int) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Mark a draw, which takes so many streams, as one that ``deferred`` may leave for later."""

    def mark(draw: Callable[..., Tensor]) -> Callable[..., Tensor]:
        @wraps(draw)
        def drawn(
            shape: Any, first: float, second: float, dtype: Any = None, device: Any = None
        ) -> Tensor:
            if not _deferring.get() or tracing.active.get() is not None:
                return draw(shape, first, second, dtype=dtype, device=device)
            sizes, place = chosen_shape(shape), chosen_device(device)
            kind = dtypes.dtype_of(dtype or dtypes.float32)
            place.check_dtype(kind)
            start = random.reserve(streams)

            def make() -> Node:
                with random.going_on(start):
                    return draw(sizes, first, second, dtype=kind, device=place).node

            return _undrawn(_Later(make, sizes, kind, place))

        return drawn

    return mark


@dataclass(frozen=True, slots=True)
class _Later:
    """What stands in the place of a node: how to make it, and what is known of it before."""

    make: Callable[[], Node]
    shape: tuple[int, ...]
    dtype: DType
    device: Device


# The place where a tensor keeps its node, past the property that stands before it below.
_place: Any = Tensor.__dict__["node"]
_lock = threading.Lock()  # two threads that look at once must see one node


class _Undrawn(Tensor):
    """A tensor that becomes an ordinary one when its node is asked for."""

    __slots__ = ()

    @property
    def node(self) -> Node:  # type: ignore[override]
        with _lock:
            held = _place.__get__(self)
            if isinstance(held, _Later):
                self.node = held.make()
        return _place.__get__(self)

    @node.setter
    def node(self, node: Node) -> None:
        _place.__set__(self, node)
        self.__class__ = Tensor  # type: ignore[assignment]

    @property
    def shape(self) -> tuple[int, ...]:
        return _place.__get__(self).shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> DType:
        return _place.__get__(self).dtype

    @property
    def device(self) -> Device:
        return _place.__get__(self).device


def _undrawn(later: _Later) -> Tensor:
    made = Tensor.__new__(_Undrawn)
    _place.__set__(made, later)
    return made
