"""What functions of tensors take: the standard's names of axes, whole numbers, tensors first."""

from __future__ import annotations

import difflib
import functools
import inspect
import operator
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

from jairika_nb.errors import ArgumentError
from jairika_nb.tensors.tensor import Tensor, node_of

P = ParamSpec("P")
R = TypeVar("R")
# PyTorch's and NumPy's names, and what they are called here.
STANDARD = {
    "dim": "axis=",
    "dims": "axis=",
    "keepdim": "keepdims=",
    "start_dim": "start_axis=",
    "end_dim": "end_axis=",
    "dim0": "axis0=",
    "dim1": "axis1=",
    "unbiased": "correction=",
    "ddof": "correction=",
    "input": "the first argument, without a name",
    "other": "the second argument, without a name",
    "out": "the result that is returned",
}


def on_tensors(function: Callable[P, R]) -> Callable[P, R]:
    """The function with its first argument made a tensor, and wrong other ones answered clearly.

    >>> import numpy as np
    >>> on_tensors(lambda x, axis=0: x.shape)(np.ones((2, 3)), axis=1)
    (2, 3)
    """
    rows = inspect.signature(function).parameters.values()
    named = {p.name for p in rows if p.kind is not p.POSITIONAL_ONLY}
    places = [p.name for p in rows if p.kind is not p.KEYWORD_ONLY]
    several = any(p.kind is p.VAR_POSITIONAL for p in rows)

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs and not named.issuperset(kwargs):
            _refuse_name(function.__name__, next(n for n in kwargs if n not in named), named)
        if len(args) > len(places) and not several:
            _refuse_place(function.__name__, args[len(places) :], named - {*places})
        if args and not isinstance(args[0], Tensor):
            args = (Tensor(node_of(args[0])), *args[1:])  # type: ignore[assignment]
        return function(*args, **kwargs)

    return checked


def _refuse_name(function: str, name: str, known: set[str]) -> None:
    instead = STANDARD.get(name)
    if instead is None or (instead.endswith("=") and instead[:-1] not in known):
        near = difflib.get_close_matches(name, known, 1)
        instead = f"{near[0]}=" if near else " ".join(f"{n}=" for n in sorted(known)) or "none"
    raise ArgumentError(
        f"{function} takes no {name}=; arguments have the array standard's names here: use "
        f"{instead}"
    )


def _refuse_place(function: str, extra: tuple[Any, ...], known: set[str]) -> None:
    shown = ", ".join(repr(v)[:30] for v in extra)
    by_name = " ".join(f"{n}=" for n in sorted(known)) or "none"
    raise ArgumentError(f"{function} takes no place for {shown}; give it by name: {by_name}")


def all_tensors(name: str, given: Any) -> list[Tensor]:
    """Several arrays as tensors, at least one; ArgumentError for anything else."""
    if isinstance(given, Tensor) or not isinstance(given, Iterable):
        raise ArgumentError(f"{name}: give a list or tuple of tensors, not {type(given).__name__}")
    first = [v for v in given if isinstance(v, Tensor)][:1]
    device = first[0].device if first else None
    rows = [v if isinstance(v, Tensor) else Tensor(node_of(v, device)) for v in given]
    if not rows:
        raise ArgumentError(f"{name}: no tensors given; it needs at least one")
    return rows


def whole_numbers(name: str, what: str, given: Any) -> tuple[int, ...]:
    """``given``, one integer or several, as a tuple; ArgumentError for anything else."""
    several = given if isinstance(given, Iterable) else (given,)
    try:
        return tuple([operator.index(n) for n in several])
    except TypeError:
        raise ArgumentError(
            f"{name}: {what}={given!r} must be an integer or a tuple of integers"
        ) from None
