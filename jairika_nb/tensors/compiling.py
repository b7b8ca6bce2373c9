"""``jrk.compile``: a function is traced once, and then its kernels are launched again.

A replay is right or raises, never stale: before each one everything that the function can see is
looked through, and where something differs from what was recorded the function runs again. The
second run with equal guards is traced too and held against the first, so that what cannot be seen
shows itself.
"""

from __future__ import annotations

import functools
import inspect
import threading
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar

import numpy as np

from jairika_nb.engine import device as devices
from jairika_nb.engine import run, tracing
from jairika_nb.engine.head_start import Begun
from jairika_nb.errors import ArgumentError, ReplayError
from jairika_nb.tensors import random
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.effects import Observer
from jairika_nb.tensors.head_start import HeadStart
from jairika_nb.tensors.reading import following
from jairika_nb.tensors.recorder import finish, record, settle
from jairika_nb.tensors.recording import Recording
from jairika_nb.tensors.watching import Watch

# So many recordings are kept for each function, for as many shapes, modes or scalars.
MOST_RECORDINGS = 16
# A function that was recorded so often in a row gets a warning.
MANY_TRACES = 32
CONTAINERS = (list, tuple, dict)
F = TypeVar("F", bound=Callable[..., Any])


def compile(function: F) -> F:
    """``function`` with its kernels recorded at the first calls and only launched at later ones.

    Arguments may be tensors, lists, tuples and dicts of them, modules, optimisers, NumPy arrays
    (which become tensors) and Python scalars. A change of shapes, dtypes, structure, scalars,
    modes or of anything else that the function reads makes it run again, which is slower but
    right. Assignments inside (``x[i] = v``, ``opt.update(net, grads)``) are repeated; so are
    random draws, with the numbers that the function would draw itself.

    Raises ReplayError where a replay could not be right: a value is read on the host
    (``.item()``, ``.numpy()``, ``print``, ``if`` on a tensor), or the function reads a clock,
    host random numbers or an iterator. Prints and other output happen only while it is recorded.
    Derivatives are taken inside: the results have no graph behind them.

    >>> import jairika_nb as jrk
    >>> @jrk.compile
    ... def square_sum(x):
    ...     return (x * x).sum()
    >>> [square_sum(jrk.tensor([1.0, float(i)])).item() for i in range(4)]
    [1.0, 2.0, 5.0, 10.0]
    """
    if not callable(function):
        raise ArgumentError(f"compile: {type(function).__name__} is no function; pass one")
    if isinstance(function, Compiled):
        return function
    return Compiled(function)  # type: ignore[return-value]


class Compiled:
    """A function that is recorded and replayed; see :func:`compile`.

    ``traces`` counts how often the function itself ran, ``replays`` how often it did not have to.
    """

    unwatched = ("_recordings", "_lock", "traces", "replays", "_in_a_row")
    __name__: str

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function = function
        self.traces = self.replays = self._in_a_row = 0
        self._recordings: list[Recording] = []
        self._lock = threading.RLock()

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __getattr__(self, name: str) -> Any:
        # A compiled network still has parameters, a state and modes.
        if name == "function" or name.startswith("__"):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(self.function, name)

    def __repr__(self) -> str:
        name = getattr(self.function, "__qualname__", repr(self.function))
        return f"<compiled {name}: {self.traces} traces, {self.replays} replays>"

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if tracing.active.get() is not None:
            # Inside another compiled function this one is part of what that one records.
            return self.function(*args, **kwargs)
        with self._lock:
            begun = self._begun(args, kwargs)
            args = tuple([_as_tensors(a) for a in args])
            kwargs = {name: _as_tensors(a) for name, a in kwargs.items()}
            for i, recording in enumerate(self._recordings):
                values = recording.watch.holds(args, kwargs)
                if values is None or recording.device is not devices.default():
                    begun = None
                    continue
                found = recording.matches(values)
                if found is None:
                    begun = None
                    continue
                if i:
                    self._recordings.insert(0, self._recordings.pop(i))
                if not recording.is_verified:
                    return self._trace(args, kwargs, recording)
                self.replays += 1
                self._in_a_row = 0
                return recording.replay(values, *found, begun)
            return self._trace(args, kwargs, None)

    def _begun(self, args: tuple, kwargs: dict[str, Any]) -> Begun | None:
        """What runs already of the recording that most likely matches."""
        latest = self._recordings[0] if self._recordings else None
        if latest is None or latest.head_start is None or latest.device is not devices.default():
            return None
        return latest.head_start.begin(args, kwargs)

    def _trace(self, args: tuple, kwargs: dict[str, Any], known: Recording | None) -> Any:
        """Run the function itself, record what it does, and compute that."""
        self.traces += 1
        self._in_a_row += 1
        watch = Watch(self.function, args, kwargs)
        inputs = [watch.values[i].node for i in watch.tensors]
        run.evaluate(inputs)
        trace = tracing.Trace({id(node): node for node in inputs})
        with ExitStack() as held:
            # What the function assigns is not computed yet: other threads wait for it.
            used = {n.device for n in inputs} | {devices.default()}
            for device in sorted(used, key=lambda d: d.id):
                held.enter_context(device.lock)
            try:
                result = self._run(watch, trace, args, kwargs)
                effects = Observer(watch, inputs).observe(result)
                recording = record(watch, inputs, trace, effects)
                if known is not None:
                    self._verify(known, recording)
                numbers = [n.node.value.array for n in trace.numbers]
                values = (known or recording).compute(
                    [n.value for n in inputs], numbers, trace.start
                )
                finish(recording, inputs, values)
            finally:
                settle(trace)
        watch.forget()
        del inputs, values, effects
        if known is None:
            recording.reserve()
            self._keep(recording)
        return result

    def _run(self, watch: Watch, trace: tracing.Trace, args: tuple, kwargs: dict[str, Any]) -> Any:
        token = tracing.active.set(trace)
        try:
            with following() as ran:
                result = self.function(*args, **kwargs)
        finally:
            tracing.active.reset(token)
            trace.start = random.number(trace.draws)
        watch.refuse(ran)
        return result

    def _verify(self, known: Recording, again: Recording) -> None:
        if known.form() != again.form():
            self._recordings.remove(known)
            raise ReplayError(
                f"{self.__name__} did something else in its second run with the same arguments: it "
                "reads values that change and cannot be watched; pass them as arguments, or leave "
                "the function uncompiled"
            )
        known.is_verified, known.head_start = True, HeadStart(known)

    def _keep(self, recording: Recording) -> None:
        recording.device = devices.default()
        self._recordings.insert(0, recording)
        del self._recordings[MOST_RECORDINGS:]
        if self._in_a_row == MANY_TRACES:
            warnings.warn(
                f"{self.__name__} is traced again at every call, because something that it reads "
                "differs each time; pass what changes as a tensor",
                stacklevel=4,
            )


def _as_tensors(value: Any) -> Any:
    """NumPy arrays as tensors, also inside lists, tuples and dicts."""
    if isinstance(value, np.ndarray):
        return tensor(value)
    if type(value) in CONTAINERS and _has_arrays(value):
        if isinstance(value, dict):
            return {k: _as_tensors(v) for k, v in value.items()}
        return type(value)(_as_tensors(v) for v in value)
    return value


def _has_arrays(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value
    kinds = {*map(type, parts)}
    if any(issubclass(kind, np.ndarray) for kind in kinds):
        return True
    return not kinds.isdisjoint(CONTAINERS) and any(
        type(p) in CONTAINERS and _has_arrays(p) for p in parts
    )
