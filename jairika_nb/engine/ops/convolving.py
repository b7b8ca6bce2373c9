"""What the operations have in common that convolutions become on a CPU."""

from __future__ import annotations

from typing import Any

from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Infer, Node, Op, Shape, define, make
from jairika_nb.engine.ops import views


def define_routine(name: str, infer: Infer | None = None) -> None:
    """An operation that only the planner makes; its shape is the first attribute, or inferred."""
    define(Op(name, "routine", infer or _given, _never))


def sum_of_parts(y: Node) -> Node:
    """The sum along the first axis, without it."""
    return views.reshape(y if y.shape[0] == 1 else make("sum", (y,), (0,)), y.shape[1:])


def _given(x: Node, other: Node, attrs: tuple) -> tuple[Shape, DType]:
    return attrs[0], x.dtype


def _never(*_: Any) -> Any:
    raise TypeError("made by the planner only")  # pragma: no cover
