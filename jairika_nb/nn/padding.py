"""Padding layers: more elements around the axes of space.

``padding`` is one number for all sides, or (before, after) for each axis, the last axis first;
negative numbers crop.
"""

from __future__ import annotations

from typing import Any

from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.nn.sizes import check_number
from jairika_nb.tensors.plain import whole
from jairika_nb.tensors.tensor import Tensor

Amounts = int | tuple[int, ...]


class Padding(Module):
    """Base of padding layers."""

    rank: int
    mode: str
    adjustable: tuple[str, ...] = ("padding",)

    def __init__(self, padding: Amounts) -> None:
        self.padding = _amounts(type(self).__name__, padding, self.rank)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (self.rank + 1, self.rank + 2):
            raise ShapeError(
                f"input {input.shape} needs {self.rank + 2} axes (N, C and {self.rank} of space), "
                f"or {self.rank + 1} without the batch"
            )
        return functional.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


def _amounts(layer: str, padding: Any, rank: int) -> tuple[int, ...]:
    several = isinstance(padding, (tuple, list))
    given = tuple(padding) if several else (padding,) * (2 * rank)
    amounts = tuple(map(whole, given))
    if None in amounts or len(given) != 2 * rank:
        raise ArchitectureError(
            f"{layer}: padding={padding!r} must be an integer or {2 * rank} of them, before and "
            "after each axis, the last axis first"
        )
    return amounts  # type: ignore[return-value]


class ConstantPad(Padding):
    """Base of padding with one value; any number of axes may stand before those of space."""

    adjustable: tuple[str, ...] = ("padding", "value")

    def __init__(self, padding: Amounts, value: float) -> None:
        super().__init__(padding)
        check_number(type(self).__name__, "value", value)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim < self.rank:
            raise ShapeError(f"input {input.shape} needs {self.rank} axes or more")
        return functional.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ZeroPad(ConstantPad):
    """Base of padding with zeros."""

    adjustable = ("padding",)

    def __init__(self, padding: Amounts) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


@register
class ZeroPad1d(ZeroPad):
    """x (..., L) with zeros around it.

    >>> import jairika_nb as jrk
    >>> ZeroPad1d((1, 1))(jrk.tensor([[[1.0, 2.0, 3.0]]])).tolist()
    [[[0.0, 1.0, 2.0, 3.0, 0.0]]]
    """

    rank = 1


@register
class ZeroPad2d(ZeroPad):
    """x (..., H, W) with zeros around it; as :class:`ZeroPad1d`."""

    rank = 2


@register
class ZeroPad3d(ZeroPad):
    """x (..., D, H, W) with zeros around it; as :class:`ZeroPad1d`."""

    rank = 3


@register
class ConstantPad1d(ConstantPad):
    """x (..., L) with ``value`` around it.

    >>> import jairika_nb as jrk
    >>> ConstantPad1d((0, 2), 9.0)(jrk.tensor([[[1.0, 2.0, 3.0]]])).tolist()
    [[[1.0, 2.0, 3.0, 9.0, 9.0]]]
    """

    rank = 1


@register
class ConstantPad2d(ConstantPad):
    """x (..., H, W) with ``value`` around it; as :class:`ConstantPad1d`."""

    rank = 2


@register
class ConstantPad3d(ConstantPad):
    """x (..., D, H, W) with ``value`` around it; as :class:`ConstantPad1d`."""

    rank = 3


@register
class ReflectionPad1d(Padding):
    """x (..., L) mirrored at its ends without repeating them.

    >>> import jairika_nb as jrk
    >>> ReflectionPad1d((2, 0))(jrk.tensor([[[1.0, 2.0, 3.0]]])).tolist()
    [[[3.0, 2.0, 1.0, 2.0, 3.0]]]
    """

    rank = 1
    mode = "reflect"


@register
class ReflectionPad2d(Padding):
    """x (..., H, W) mirrored at its ends without repeating them; as :class:`ReflectionPad1d`."""

    rank = 2
    mode = "reflect"


@register
class ReflectionPad3d(Padding):
    """x (..., D, H, W) mirrored at its ends without repeating them; as :class:`ReflectionPad1d`."""

    rank = 3
    mode = "reflect"


@register
class ReplicationPad1d(Padding):
    """x (..., L) with its ends repeated.

    >>> import jairika_nb as jrk
    >>> ReplicationPad1d((2, 0))(jrk.tensor([[[1.0, 2.0, 3.0]]])).tolist()
    [[[1.0, 1.0, 1.0, 2.0, 3.0]]]
    """

    rank = 1
    mode = "replicate"


@register
class ReplicationPad2d(Padding):
    """x (..., H, W) with its ends repeated; as :class:`ReplicationPad1d`."""

    rank = 2
    mode = "replicate"


@register
class ReplicationPad3d(Padding):
    """x (..., D, H, W) with its ends repeated; as :class:`ReplicationPad1d`."""

    rank = 3
    mode = "replicate"


@register
class CircularPad1d(Padding):
    """x (..., L) going on with its other end.

    >>> import jairika_nb as jrk
    >>> CircularPad1d((2, 0))(jrk.tensor([[[1.0, 2.0, 3.0]]])).tolist()
    [[[2.0, 3.0, 1.0, 2.0, 3.0]]]
    """

    rank = 1
    mode = "circular"


@register
class CircularPad2d(Padding):
    """x (..., H, W) going on with its other end; as :class:`CircularPad1d`."""

    rank = 2
    mode = "circular"


@register
class CircularPad3d(Padding):
    """x (..., D, H, W) going on with its other end; as :class:`CircularPad1d`."""

    rank = 3
    mode = "circular"
