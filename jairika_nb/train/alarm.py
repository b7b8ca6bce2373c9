"""Finds where a loss stopped being a number."""

from __future__ import annotations

from typing import Any

from jairika_nb.nn.module import Module, observer
from jairika_nb.nn.placing import on_device_of
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.train.forward import leaves
from jairika_nb.train.snapshot import Snapshot, not_finite
from jairika_nb.train.step import Step


def blame(before: Snapshot, inputs: tuple[Any, ...], named: dict[str, Any]) -> str:
    """What first was not finite in a step, repeated from ``before`` with the same inputs.

    In the order of the data flow: an input, a parameter, a layer's output, else the loss itself.
    """
    for name, value in (*enumerate(inputs), *named.items()):
        if any(not_finite(t) for t in leaves(value)):
            return f"input {name} of the batch holds NaN or infinity"
    name = before.spoiled()
    if name:
        return f"parameter {name} went first: its gradient in the step before was not finite"
    name = _first_layer(before.step, inputs, named)
    return f"the output of layer {name} went first" if name else "the loss itself went first"


def _first_layer(step: Step, inputs: tuple[Any, ...], named: dict[str, Any]) -> str:
    seen: list[tuple[Module, Any]] = []
    token = observer.set(lambda module, output: seen.append((module, output)))
    try:
        with on_device_of(step.model):
            step.predict(inputs, named)
    finally:
        observer.reset(token)
    names = {id(module): name for name, module in step.model.named_modules()}
    for module, output in seen:
        if isinstance(output, Tensor) and not_finite(output):
            return f"{names[id(module)]!r}, {type(module).__name__}({module.extra_repr()})"
    return ""
