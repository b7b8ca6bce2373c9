"""What functions of tensors take: the standard's names of axes, whole numbers, tensors first."""

from __future__ import annotations

import difflib
import functools
import inspect
import operator
import reprlib
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from jairika_nb.errors import ArgumentError, JairikaError
from jairika_nb.tensors.tensor import Tensor, node_of

ANNOTATIONS = ("Tensor", "Tensor | None", Tensor)
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
    """The function with arrays made tensors where it takes those, and wrong arguments answered.

    Made tensors are the first argument and those annotated as ``Tensor``, or ``Tensor | None``.

    >>> import numpy as np
    >>> on_tensors(lambda x, axis=0: x.shape)(np.ones((2, 3)), axis=1)
    (2, 3)
    """
    taken = inspect.signature(function)
    rows = taken.parameters.values()
    tensors = [(i, p.name) for i, p in enumerate(rows) if not i or p.annotation in ANNOTATIONS]
    named = {p.name for p in rows if p.kind is not p.POSITIONAL_ONLY}
    places = [p.name for p in rows if p.kind is not p.KEYWORD_ONLY]
    several = any(p.kind is p.VAR_POSITIONAL for p in rows)

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs and not named.issuperset(kwargs):
            _drop_empty(kwargs, named)
        if kwargs and not named.issuperset(kwargs):
            _refuse_name(function.__name__, next(n for n in kwargs if n not in named), named)
        if len(args) > len(places) and not several:
            _refuse_place(function.__name__, args[len(places) :], named - {*places})
        try:
            for i, name in tensors:
                if i < len(args):
                    if not isinstance(args[i], Tensor):
                        made = _as_tensor(args[i], args[:i])
                        args = (*args[:i], made, *args[i + 1 :])  # type: ignore[assignment]
                elif name in kwargs and not isinstance(kwargs[name], Tensor):
                    kwargs[name] = _as_tensor(kwargs[name], args)
            return function(*args, **kwargs)
        except JairikaError:
            raise
        except (AttributeError, TypeError, ValueError) as error:
            explain(function.__name__, taken, args, kwargs, error)
            raise

    return checked


def _drop_empty(kwargs: dict[str, Any], named: set[str]) -> None:
    # NumPy's own functions, np.mean(x) for instance, hand on what they were not given.
    for name in ("out", "dtype"):
        if name not in named and kwargs.get(name, name) is None:
            del kwargs[name]


def answering(function: Callable[P, R]) -> Callable[P, R]:
    """The function with failures over arguments of a wrong kind answered in words.

    >>> answering(lambda count: count + 1)("five")
    Traceback (most recent call last):
        ...
    jairika_nb.errors.ArgumentError: <lambda>: count='five' is a str, with which this cannot be \
done (can only concatenate str (not "int") to str); it takes <lambda>(count)
    """
    taken = inspect.signature(function)

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except JairikaError:
            raise
        except (AttributeError, TypeError, ValueError) as error:
            explain(function.__name__, taken, args, kwargs, error)
            raise

    return checked


def _as_tensor(value: Any, before: tuple[Any, ...]) -> Any:
    """A tensor where the ones before it are; None stays, as what is left out."""
    if before and value is None:
        return None
    like = before[0].device if before and isinstance(before[0], Tensor) else None
    return Tensor(node_of(value, like))


def explain(
    name: str, taken: inspect.Signature, args: tuple, kwargs: dict[str, Any], error: Exception
) -> None:
    """Raise ArgumentError where a failed call had an argument of a kind that nothing takes there.

    Looking only after the failure keeps calls that are right as quick as they can be.
    """
    try:
        given = taken.bind(*args, **kwargs).arguments
    except TypeError:
        return  # Python's own words tell what is missing
    for argument, value in given.items():
        if _is_odd(value, taken.parameters[argument].default):
            form = str(taken.replace(return_annotation=taken.empty)).replace("'", "")
            raise ArgumentError(
                f"{name}: {argument}={reprlib.repr(value)} is a {type(value).__name__}, with which "
                f"this cannot be done ({error}); it takes {name}{form}"
            ) from error


def _is_odd(value: Any, default: Any) -> bool:
    if value is None:
        return default is not None
    if isinstance(value, str):
        return not isinstance(default, str)
    if isinstance(value, list | tuple):
        return any(_is_odd(v, inspect.Parameter.empty) for v in value)
    usual = (Tensor, np.ndarray, np.generic, int, float, slice, type(...))
    return not (isinstance(value, usual) or callable(value) or hasattr(value, "__array__"))


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
