"""Activation layers: one row each, made from the function of the same arithmetic.

Arguments and defaults are PyTorch's, with ``axis`` for ``dim``. ``inplace`` is taken where PyTorch
takes it and has no effect: tensors are immutable and the compiler reuses their memory anyway.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.tensors.tensor import Tensor


class Activation(Module):
    """Base of the rows below: a function and its settings, kept as attributes."""

    function: Callable[..., Tensor]
    settings: dict[str, Any]

    def forward(self, x: Tensor) -> Tensor:
        return type(self).function(x, **{name: getattr(self, name) for name in self.settings})

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.settings)


def _initialiser(taken: dict[str, Any], settings: dict[str, Any]) -> Callable[..., None]:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    rows = [inspect.Parameter(key, kind, default=value) for key, value in taken.items()]
    shown = inspect.Signature(rows)

    def __init__(self: Activation, *args: Any, **kwargs: Any) -> None:
        try:
            bound = shown.bind(*args, **kwargs)
        except TypeError as error:
            raise ArchitectureError(f"{type(self).__name__}{shown}: {error}") from None
        bound.apply_defaults()
        for name in settings:
            setattr(self, name, bound.arguments[name])

    whole = shown.replace(parameters=[inspect.Parameter("self", kind), *rows])
    __init__.__signature__ = whole  # type: ignore[attr-defined]
    return __init__


def _row(
    name: str, function: Callable[..., Tensor], text: str, inplace: bool = False, **settings: Any
) -> type[Activation]:
    taken = settings | ({"inplace": False} if inplace else {})
    body = {
        "__doc__": text,
        "__module__": __name__,
        "__init__": _initialiser(taken, settings),
        "function": staticmethod(function),
        "settings": settings,
        "adjustable": tuple(settings),
    }
    return register(type(name, (Activation,), body))


f = functional
ReLU = _row("ReLU", f.relu, "``max(x, 0)``.", inplace=True)
ELU = _row("ELU", f.elu, "``x`` above 0, else ``alpha * (exp(x) - 1)``.", inplace=True, alpha=1.0)
LeakyReLU = _row(
    "LeakyReLU",
    f.leaky_relu,
    "``x`` above 0, else ``negative_slope * x``.",
    inplace=True,
    negative_slope=0.01,
)
GELU = _row("GELU", f.gelu, "``x`` times the normal distribution at ``x``.", approximate="none")
SiLU = _row("SiLU", f.silu, "``x * sigmoid(x)``.", inplace=True)
Tanh = _row("Tanh", f.tanh, "The hyperbolic tangent.")
Sigmoid = _row("Sigmoid", f.sigmoid, "``1 / (1 + exp(-x))``.")
Softmax = _row("Softmax", f.softmax, "``exp(x)`` over its sum along ``axis``.", axis=-1)
LogSoftmax = _row("LogSoftmax", f.log_softmax, "The logarithm of softmax.", axis=-1)
