"""Arguments that name axes: the standard's names are taken, PyTorch's are answered with them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from jairika_nb.errors import ArgumentError

P = ParamSpec("P")
R = TypeVar("R")
STANDARD = {
    "dim": "axis",
    "dims": "axis",
    "keepdim": "keepdims",
    "start_dim": "start_axis",
    "end_dim": "end_axis",
    "dim0": "axis0",
    "dim1": "axis1",
    "unbiased": "correction",
    "input": "the first argument, without a name",
}


def axis_names(function: Callable[P, R]) -> Callable[P, R]:
    """The function, with a hint for who gives it PyTorch's names.

    >>> axis_names(lambda x, axis=0: x)(1, axis=1)
    1
    """

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs and not STANDARD.keys().isdisjoint(kwargs):
            name = next(n for n in kwargs if n in STANDARD)
            raise ArgumentError(
                f"{function.__name__} takes no {name}=; axes have the array standard's names "
                f"here: use {STANDARD[name]}{'=' if STANDARD[name].isidentifier() else ''}"
            )
        return function(*args, **kwargs)

    return checked
