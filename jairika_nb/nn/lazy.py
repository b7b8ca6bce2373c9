"""Layers that find the size of their input at the first call, and then are ordinary layers.

Until then they have no parameters. A network should see an example before it is compiled, loaded
into or trained by name: ``net(x)`` or ``net.summary(x)`` is enough.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from jairika_nb.engine import tracing
from jairika_nb.errors import ArchitectureError, ReplayError, ShapeError
from jairika_nb.nn import batch_normalization as norm
from jairika_nb.nn import convolution, layers, transposed
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.nn.parts import KINDS


class Lazy(Module):
    """Base of the rows below: a layer to become, and which of its arguments is missing."""

    becomes: type[Any]
    missing: str
    axis: int  # of the input, whose size is the missing argument
    ranks: tuple[int, ...]  # how many axes an input may have; none for any number

    def forward(self, input: Any, *args: Any, **kwargs: Any) -> Any:
        if tracing.active.get() is not None:
            raise ReplayError(
                f"{type(self).__name__} finds its sizes at the first call, which a replay cannot "
                "repeat: call the network once before it is compiled"
            )
        self._become(input.shape)
        return self.forward(input, *args, **kwargs)

    def _become(self, shape: tuple[int, ...]) -> None:
        if not shape or (self.ranks and len(shape) not in self.ranks):
            wanted = " or ".join(map(str, self.ranks)) or "1 or more"
            raise ShapeError(f"input {shape} must have {wanted} axes")
        arguments = {self.missing: shape[self.axis], **self._given}
        made = self.becomes(**arguments)
        made._arguments = ((), arguments)
        del self._given
        kept = {k: v for k, v in self.__dict__.items() if k not in (*KINDS, "_arguments")}
        # Hooks and the mode stay; all else is the ordinary layer's.
        self.__dict__.update({**made.__dict__, **kept})
        self.__class__ = type(made)  # type: ignore[assignment]

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self._given.items())


def _initialiser(becomes: type[Module], missing: str, defaults: dict[str, Any]) -> Callable:
    rows = inspect.signature(becomes).parameters.values()
    taken = [
        row.replace(default=defaults.get(row.name, row.default))
        for row in rows
        if row.name != missing
    ]
    shown = inspect.Signature(taken)

    def __init__(self: Lazy, *args: Any, **kwargs: Any) -> None:
        try:
            bound = shown.bind(*args, **kwargs)
        except TypeError as error:
            raise ArchitectureError(f"{type(self).__name__}{shown}: {error}") from None
        self._given = defaults | bound.arguments

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    __init__.__signature__ = shown.replace(parameters=[own, *taken])  # type: ignore[attr-defined]
    return __init__


def _row(
    becomes: type[Any], missing: str, axis: int, ranks: tuple[int, ...] = (), **defaults: Any
) -> Any:
    body = {
        "__doc__": f"As :class:`{becomes.__name__}`, whose ``{missing}`` the first input tells.",
        "__module__": __name__,
        "__init__": _initialiser(becomes, missing, defaults),
        "becomes": becomes,
        "missing": missing,
        "axis": axis,
        "ranks": ranks,
    }
    return register(type(f"Lazy{becomes.__name__}", (Lazy,), body))


def _by_channels(becomes: type[Any], rank: int) -> Any:
    return _row(becomes, "in_channels", -rank - 1, (rank + 1, rank + 2))


def _by_features(becomes: type[Any], axis: int = 1, **defaults: Any) -> Any:
    return _row(becomes, "num_features", axis, becomes.ranks, **defaults)


KEEPING = {"affine": True, "track_running_stats": True}
LazyLinear = _row(layers.Linear, "in_features", -1)
LazyConv1d = _by_channels(convolution.Conv1d, 1)
LazyConv2d = _by_channels(convolution.Conv2d, 2)
LazyConv3d = _by_channels(convolution.Conv3d, 3)
LazyConvTranspose1d = _by_channels(transposed.ConvTranspose1d, 1)
LazyConvTranspose2d = _by_channels(transposed.ConvTranspose2d, 2)
LazyConvTranspose3d = _by_channels(transposed.ConvTranspose3d, 3)
LazyBatchNorm1d = _by_features(norm.BatchNorm1d)
LazyBatchNorm2d = _by_features(norm.BatchNorm2d)
LazyBatchNorm3d = _by_features(norm.BatchNorm3d)
LazyInstanceNorm1d = _by_features(norm.InstanceNorm1d, -2, **KEEPING)
LazyInstanceNorm2d = _by_features(norm.InstanceNorm2d, -3, **KEEPING)
LazyInstanceNorm3d = _by_features(norm.InstanceNorm3d, -4, **KEEPING)
