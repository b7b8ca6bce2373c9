"""Regions: a composite that goes by a name, so that a planner may put a template in its place.

The body is ordinary graph: derivatives, the reference and every fallback come from it alone. How
fast a region runs may differ from device to device, what it means may not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make


def region(name: str, attrs: tuple, body: Node, *operands: Node) -> Node:
    """``body`` under a name: all that it computes from ``operands`` by the parameters ``attrs``."""
    return make("region", (body, *operands), (name, *attrs))


def _infer(body: Node, *rest: Any) -> tuple[Shape, DType]:
    return body.shape, body.dtype


def _reference(attrs: tuple, body: np.ndarray, *operands: np.ndarray) -> np.ndarray:
    return body


def _vjp(g: Node, y: Node, body: Node, *operands: Node) -> tuple[Node | None, ...]:
    return (g, *(None for _ in operands))


define(Op("region", "region", _infer, _reference, _vjp, cost=0))


def _never(*_: Any) -> Any:
    raise TypeError("made by the planner only")  # pragma: no cover


# Attention by a kernel of its own; attrs: (causal, scale), inputs: queries, keys, values.
define(Op("attention_rows", "routine", _never, _never))
