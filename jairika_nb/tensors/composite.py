"""Composites that a device may have a faster way for, kept as what they are made of."""

from __future__ import annotations

from jairika_nb.engine.ops.region import region
from jairika_nb.tensors.tensor import Tensor


def composite(name: str, attrs: tuple, body: Tensor, *operands: Tensor) -> Tensor:
    """``body``, which is computed from ``operands``, under a name that planners may know.

    Derivatives and the reference are the body's; ``attrs`` are the parameters of a template.
    """
    return Tensor(region(name, attrs, body.node, *(o.node for o in operands)))
