"""Networks as JSON data: layer types, constructor arguments and children; never code.

::

    {"type": "Sequential", "args": {}, "children": [
        ["0", {"type": "Linear", "args": {"in_features": 8, "out_features": 2}, "children": []}]]}

An argument that is itself a child reads ``{"$child": name}``, an infinite one
``{"$float": "inf"}`` or ``"-inf"``, for which JSON has no numbers. A module that stands at several
places is described at the first; the others read ``{"shared": dotted name of the first}``. A
module with frozen parameters has ``"frozen": [names]``, a network with tied ones, at the top,
``"tied": [[dotted names of one parameter], ...]``. Devices are left out: what is built stands on
the default device.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, TypeVar, overload

import numpy as np

from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType, float32, is_float
from jairika_nb.errors import ArchitectureError
from jairika_nb.nn.module import Module

M = TypeVar("M", bound=type[Module])
TYPES: dict[str, type[Module]] = {}
CHILD = "$child"
FLOAT = "$float"
INFINITIES = {"inf": math.inf, "-inf": -math.inf}
OWN = __name__.partition(".")[0]


@overload
def register(layer: M) -> M: ...
@overload
def register(layer: None = None, *, name: str) -> Callable[[M], M]: ...
def register(layer: Any = None, *, name: str = "") -> Any:
    """Let a layer class of your own be stored in models and built again by its name.

    Running the cell again replaces the class; a name that jairika_nb uses itself is refused with
    ArchitectureError.

    >>> from jairika_nb import nn
    >>> @register
    ... class Square(nn.Module):
    ...     def forward(self, x):
    ...         return x * x
    >>> nn.build(nn.Sequential(Square()).architecture())
    Sequential(
      (0): Square()
    )
    """
    if layer is None:
        return lambda layer: register(layer, name=name)
    if not (isinstance(layer, type) and issubclass(layer, Module)):
        raise ArchitectureError(f"register takes a subclass of nn.Module, not {layer!r}")
    name = name or layer.__name__
    known = TYPES.get(name)
    if known is not None and _is_own(known) and not _is_own(layer):
        raise ArchitectureError(f"{name} is a layer of jairika_nb; choose another name")
    TYPES[name] = layer
    layer.type_name = name
    return layer


def _is_own(layer: type) -> bool:
    return layer.__module__.startswith(OWN + ".")


def describe(module: Module) -> dict[str, Any]:
    """The module as JSON data; ArchitectureError where a class or an argument has no such form."""
    data = _described(module, "", {})
    tied = ties(module)
    return data | {"tied": tied} if tied else data


def ties(module: Module) -> list[list[str]]:
    """The dotted names of each parameter that stands in several places."""
    places: dict[int, list[str]] = {}
    for prefix, part in module.named_modules():
        for name, value in part._parameters.items():
            if value is not None:
                places.setdefault(id(value), []).append(f"{prefix}.{name}" if prefix else name)
    return [names for names in places.values() if len(names) > 1]


def _described(module: Module, path: str, seen: dict[int, str]) -> dict[str, Any]:
    if id(module) in seen:
        return {"shared": seen[id(module)]}
    seen[id(module)] = path
    name = type(module).__dict__.get("type_name")
    if name is None or TYPES.get(name) is not type(module):
        raise ArchitectureError(
            f"{type(module).__name__} is not registered, so it cannot be stored as an "
            "architecture; put @jrk.register above its class"
        )
    data: dict[str, Any] = {
        "type": name,
        "args": arguments(module),
        "children": [
            [key, _described(child, f"{path}.{key}" if path else key, seen)]
            for key, child in module.named_children()
        ],
    }
    frozen = [key for key in module._parameters if key in module._frozen]
    return data | {"frozen": frozen} if frozen else data


def arguments(module: Module) -> dict[str, Any]:
    """The constructor arguments of a module by name, as JSON data."""
    args, kwargs = module._arguments
    bound = inspect.signature(type(module)).bind(*args, **kwargs)
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        parameter = bound.signature.parameters[name]
        if _is_place(parameter, value):
            continue
        if parameter.kind not in variadic:
            found[name] = _encode(module, name, value)
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            found |= {key: _encode(module, key, part) for key, part in value.items()}
        elif not all(isinstance(part, Module) for part in value):
            raise ArchitectureError(
                f"{type(module).__name__} takes *{name}; only arguments with names can be stored"
            )
    if "dtype" in bound.signature.parameters:
        found |= _dtype(module, found)
    current = {name: getattr(module, name) for name in module.adjustable}
    return found | {name: _encode(module, name, value) for name, value in current.items()}


def _is_place(parameter: inspect.Parameter, value: Any) -> bool:
    """Whether an argument says on which device of this machine a layer is to be made."""
    optional = parameter.default is not inspect.Parameter.empty
    return parameter.name == "device" and optional and isinstance(value, str | Device | None)


def _dtype(module: Module, found: dict[str, Any]) -> dict[str, str]:
    """The dtype that the parameters have by now, where it is not the usual one."""
    own = {v.dtype for v in module._parameters.values() if v is not None and is_float(v.dtype)}
    if len(own) != 1:
        return {}
    (dtype,) = own
    return {"dtype": dtype.name} if dtype is not float32 or found.get("dtype") else {}


def _encode(module: Module, name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, float) and math.isinf(value):
        return {FLOAT: str(value)}
    if isinstance(value, DType):
        return value.name
    if isinstance(value, np.generic):
        return _encode(module, name, value.item())
    if isinstance(value, list | tuple):
        return [_encode(module, name, part) for part in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _encode(module, name, part) for key, part in value.items()}
    for key, child in module.named_children():
        if child is value:
            return {CHILD: key}
    raise ArchitectureError(
        f"{type(module).__name__}: argument {name} is a {type(value).__name__}, which has no form "
        "as data; use numbers, text, lists or child modules"
    )
