"""What people who come from PyTorch give to optimisers or look for, and what to do here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jairika_nb.errors import TrainingError
from jairika_nb.nn.parts import Parts
from jairika_nb.tensors.tensor import Tensor

# How PyTorch's optimisers run, which is no question here.
EXECUTION = ("foreach", "fused", "capturable", "differentiable")
ATTRIBUTES = {
    "step": "opt.update(model, loss.backward(model))",
    "zero_grad": "nothing: gradients are returned by loss.backward(model), none are kept",
    "param_groups": "opt.lr and the other options, or opt.groups",
    "add_param_group": 'groups=[{"match": "*.bias", "lr": 0.01}] when making it',
    "defaults": "opt.state_dict(), or the options themselves",
}


def refuse(kind: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Raise TrainingError for arguments that only PyTorch's optimisers take."""
    if _are_parameters(args[0] if args else kwargs.get("params")):
        raise TrainingError(
            f"{kind}(lr=...) takes no parameters: fit, or {kind}(...).update(model, grads), hands "
            "them over; leave out the first argument"
        )
    told = [name for name in EXECUTION if name in kwargs]
    if told:
        raise TrainingError(
            f"{kind} takes no {told[0]}=: a step over all parameters is fused and compiled here "
            "anyway; leave it out"
        )


def missing(kind: str, name: str) -> str:
    """Why an optimiser has no such attribute, with a way out where one is known."""
    way = ATTRIBUTES.get(name)
    return f"{kind} has no attribute {name!r}" + (f"; use {way}" if way else "")


def _are_parameters(value: Any) -> bool:
    many = list(value.values()) if isinstance(value, dict) else value
    if isinstance(many, list | tuple):
        return any(isinstance(part, Tensor | dict) for part in many)
    return isinstance(value, Tensor | Parts | Iterator)
