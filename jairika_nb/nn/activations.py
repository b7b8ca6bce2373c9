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
from jairika_nb.nn.sizes import check_among, check_axis, check_number
from jairika_nb.tensors.tensor import Tensor


class Activation(Module):
    """Base of the rows below: a function and its settings, kept as attributes."""

    function: Callable[..., Tensor]
    settings: tuple[str, ...]
    text = "{name}={value}"
    inplace = False

    def forward(self, input: Tensor) -> Tensor:
        return type(self).function(input, **{name: getattr(self, name) for name in self.settings})

    def extra_repr(self) -> str:
        rows = {name: getattr(self, name) for name in self.settings}
        shown = [self.text.format(name=name, value=repr(rows[name])) for name in rows]
        return ", ".join(shown + ["inplace=True"] * self.inplace)


def _check_approximation(layer: str, name: str, value: Any) -> None:
    check_among(layer, name, value, ("none", "tanh"))


# How settings are checked that are no plain numbers.
CHECKS: dict[str, Callable[[str, str, Any], None]] = {
    "axis": check_axis,
    "approximate": _check_approximation,
    "inplace": lambda *given: None,
}


def _initialiser(taken: dict[str, Any]) -> Callable[..., None]:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    rows = [inspect.Parameter(key, kind, default=value) for key, value in taken.items()]
    shown = inspect.Signature(rows)

    def __init__(self: Activation, *args: Any, **kwargs: Any) -> None:
        try:
            bound = shown.bind(*args, **kwargs)
        except TypeError as error:
            raise ArchitectureError(f"{type(self).__name__}{shown}: {error}") from None
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            CHECKS.get(name, check_number)(type(self).__name__, name, value)
            setattr(self, name, value)

    whole = shown.replace(parameters=[inspect.Parameter("self", kind), *rows])
    __init__.__signature__ = whole  # type: ignore[attr-defined]
    return __init__


def _row(
    name: str,
    function: Callable[..., Tensor],
    text: str,
    inplace: bool = False,
    values_only: bool = False,
    **settings: Any,
) -> type[Activation]:
    """A layer of a function; a setting that is REQUIRED has no default."""
    taken = settings | ({"inplace": False} if inplace else {})
    body = {
        "__doc__": text,
        "__module__": __name__,
        "__init__": _initialiser(taken),
        "function": staticmethod(function),
        "settings": tuple(settings),
        "adjustable": tuple(settings),
    }
    if values_only:
        body["text"] = "{value}"
    return register(type(name, (Activation,), body))


REQUIRED = inspect.Parameter.empty
f = functional
ReLU = _row("ReLU", f.relu, "``max(x, 0)``.", inplace=True)
ReLU6 = _row("ReLU6", f.relu6, "``x`` limited to [0, 6].", inplace=True)
ELU = _row("ELU", f.elu, "``x`` above 0, else ``alpha * (exp(x) - 1)``.", inplace=True, alpha=1.0)
SELU = _row("SELU", f.selu, "ELU scaled to keep mean 0 and variance 1.", inplace=True)
CELU = _row(
    "CELU", f.celu, "``x`` above 0, else ``alpha * (exp(x / alpha) - 1)``.", inplace=True, alpha=1.0
)
LeakyReLU = _row(
    "LeakyReLU",
    f.leaky_relu,
    "``x`` above 0, else ``negative_slope * x``.",
    inplace=True,
    negative_slope=0.01,
)
Threshold = _row(
    "Threshold",
    f.threshold,
    "``x`` above ``threshold``, else ``value``.",
    inplace=True,
    threshold=REQUIRED,
    value=REQUIRED,
)
Hardtanh = _row(
    "Hardtanh",
    f.hardtanh,
    "``x`` limited to [min_val, max_val].",
    inplace=True,
    min_val=-1.0,
    max_val=1.0,
)
GELU = _row("GELU", f.gelu, "``x`` times the normal distribution at ``x``.", approximate="none")
SiLU = _row("SiLU", f.silu, "``x * sigmoid(x)``.", inplace=True)
Mish = _row("Mish", f.mish, "``x * tanh(log(1 + exp(x)))``.", inplace=True)
Tanh = _row("Tanh", f.tanh, "The hyperbolic tangent.")
Sigmoid = _row("Sigmoid", f.sigmoid, "``1 / (1 + exp(-x))``.")
LogSigmoid = _row("LogSigmoid", f.logsigmoid, "The logarithm of the sigmoid.")
Hardsigmoid = _row("Hardsigmoid", f.hardsigmoid, "``(x + 3) / 6`` limited to [0, 1].", inplace=True)
Hardswish = _row("Hardswish", f.hardswish, "``x * hardsigmoid(x)``.", inplace=True)
Softplus = _row(
    "Softplus", f.softplus, "``log(1 + exp(beta x)) / beta``.", beta=1.0, threshold=20.0
)
Softsign = _row("Softsign", f.softsign, "``x / (1 + |x|)``.")
Tanhshrink = _row("Tanhshrink", f.tanhshrink, "``x - tanh(x)``.")
Hardshrink = _row(
    "Hardshrink", f.hardshrink, "0 within ``lambd`` of 0, else ``x``.", values_only=True, lambd=0.5
)
Softshrink = _row(
    "Softshrink",
    f.softshrink,
    "0 within ``lambd`` of 0, else ``x`` moved towards 0 by ``lambd``.",
    values_only=True,
    lambd=0.5,
)
GLU = _row("GLU", f.glu, "The first half along ``axis`` times the sigmoid of the second.", axis=-1)
Softmax = _row("Softmax", f.softmax, "``exp(x)`` over its sum along ``axis``.", axis=-1)
LogSoftmax = _row("LogSoftmax", f.log_softmax, "The logarithm of softmax.", axis=-1)
Softmin = _row("Softmin", f.softmin, "Softmax of ``-x`` along ``axis``.", axis=-1)
