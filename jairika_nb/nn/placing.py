"""Where a network is computed and in which dtype: ``net.to("gpu")``, ``net.half()``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from jairika_nb.engine import device as devices
from jairika_nb.engine import dtypes
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.errors import ArgumentError, DTypeError
from jairika_nb.nn.parts import Parts
from jairika_nb.tensors.tensor import Tensor

Self = TypeVar("Self", bound="Placing")


class Placing(Parts):
    """Moves and converts all parameters and buffers together."""

    def to(self: Self, *place: Any, device: Any = None, dtype: Any = None) -> Self:
        """Move the module to a device, convert its floats to a dtype, or both.

        Takes a device or its name, a float dtype, or a tensor whose device and dtype to use, in
        any order or by name. Integers and bools keep their dtypes; tied parameters stay tied. The
        module itself changes and is returned. Raises DTypeError for a dtype that is no float,
        DeviceError for a device that is not there or lacks the dtype.

        >>> import jairika_nb as jrk
        >>> jrk.nn.Linear(2, 2).to("reference", jrk.float16).weight.dtype
        jairika_nb.float16
        """
        target, kind = _read(place, device, dtype)
        found: dict[int, Tensor] = {}
        state = self._tensors()
        for value in state.values():
            if id(value) not in found:
                found[id(value)] = _placed(value, target, kind)
        self.replace({name: found[id(value)] for name, value in state.items()})
        return self

    def half(self: Self) -> Self:
        """``to(jrk.float16)``."""
        return self.to(dtypes.float16)

    def bfloat16(self: Self) -> Self:
        """``to(jrk.bfloat16)``."""
        return self.to(dtypes.bfloat16)

    def double(self: Self) -> Self:
        """``to(jrk.float64)``."""
        return self.to(dtypes.float64)

    def float(self: Self) -> Self:
        """``to(jrk.float32)``."""
        return self.to(dtypes.float32)

    def _tensors(self) -> dict[str, Tensor]:
        return dict([*self._named("_parameters", False), *self._named("_buffers", False)])

    def replace(self, values: Mapping[str, Tensor]) -> None:
        """Put new tensors in the place of parameters and buffers, wherever each is used."""
        own = self._tensors()
        new = {id(own[name]): value for name, value in values.items()}
        for _, module in self._walk(""):
            for held in (module._parameters, module._buffers):
                for name, old in held.items():
                    if id(old) in new:
                        held[name] = new[id(old)]


def on_device_of(net: Parts) -> AbstractContextManager[Any]:
    """A block in which arrays become tensors where the network's first parameter lives."""
    first = next(net.parameters(), None)
    return nullcontext() if first is None else devices.using(first.device)


def _read(place: tuple[Any, ...], device: Any, dtype: Any) -> tuple[Device | None, DType | None]:
    for value in place:
        if isinstance(value, Tensor):
            device, dtype = value.device, value.dtype
        elif isinstance(value, DType):
            dtype = value
        elif isinstance(value, str | Device):
            device = value
        else:
            raise ArgumentError(
                f"to({value!r}): give a device or its name, a dtype such as jrk.float16, or a "
                "tensor to follow"
            )
    kind = None if dtype is None else dtypes.dtype_of(dtype)
    if kind is not None and not dtypes.is_float(kind):
        raise DTypeError(f"to({kind.name}): networks learn in floats; use a float dtype")
    return (None if device is None else devices.find(device)), kind


def _placed(value: Tensor, device: Device | None, dtype: DType | None) -> Tensor:
    if dtype is not None and dtypes.is_float(value.dtype) and value.dtype is not dtype:
        value = value.astype(dtype)
    return value if device is None else value.to(device)
