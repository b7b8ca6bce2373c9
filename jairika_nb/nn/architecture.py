"""Networks as JSON data: layer types, constructor arguments and children; never code.

::

    {"type": "Sequential", "args": {}, "children": [
        ["0", {"type": "Linear", "args": {"in_features": 8, "out_features": 2}, "children": []}]]}

An argument that is itself a child reads ``{"$child": name}``.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, TypeVar, overload

import numpy as np

from jairika_nb.engine.dtypes import DType
from jairika_nb.errors import ArchitectureError, JairikaError
from jairika_nb.nn.module import Module

M = TypeVar("M", bound=type[Module])
TYPES: dict[str, type[Module]] = {}
DEEPEST = 100
CHILD = "$child"
OWN = __name__.rpartition(".")[0]


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
    name = type(module).__dict__.get("type_name")
    if name is None or TYPES.get(name) is not type(module):
        raise ArchitectureError(
            f"{type(module).__name__} is not registered, so it cannot be stored as an "
            "architecture; put @jrk.register above its class"
        )
    return {
        "type": name,
        "args": arguments(module),
        "children": [[key, describe(child)] for key, child in module.named_children()],
    }


def arguments(module: Module) -> dict[str, Any]:
    """The constructor arguments of a module by name, as JSON data."""
    args, kwargs = module._arguments
    bound = inspect.signature(type(module)).bind(*args, **kwargs)
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind not in variadic:
            found[name] = _encode(module, name, value)
        elif kind is inspect.Parameter.VAR_KEYWORD:
            found |= {key: _encode(module, key, part) for key, part in value.items()}
        elif not all(isinstance(part, Module) for part in value):
            raise ArchitectureError(
                f"{type(module).__name__} takes *{name}; only arguments with names can be stored"
            )
    current = {name: getattr(module, name) for name in module.adjustable}
    return found | {name: _encode(module, name, value) for name, value in current.items()}


def _encode(module: Module, name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
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


def build(architecture: Any) -> Module:
    """A new network from its description, with fresh weights.

    Raises ArchitectureError for unknown types, arguments that a type does not take, or data of
    another form; the message names the place.

    >>> from jairika_nb import nn
    >>> build({"type": "Linear", "args": {"in_features": 3, "out_features": 2}})
    Linear(in_features=3, out_features=2, bias=True)
    """
    return _build(architecture, ())


def _build(data: Any, path: tuple[str, ...]) -> Module:
    place = f"architecture at {'.'.join(path) or 'the top'}"
    _check(data, path, place)
    children = {name: _build(child, (*path, name)) for name, child in data.get("children", [])}
    made = _construct(TYPES[data["type"]], data.get("args", {}), children, place)
    for name in [name for name, _ in made.named_children() if name not in children]:
        delattr(made, name)
    for name, child in children.items():
        made.add_module(name, child)
    return made


def _check(data: Any, path: tuple[str, ...], place: str) -> None:
    if len(path) > DEEPEST:
        raise ArchitectureError(f"{place[:200]}: deeper than {DEEPEST} levels")
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise ArchitectureError(f'{place}: expected {{"type": ..., "args": ..., "children": ...}}')
    if data["type"] not in TYPES:
        raise ArchitectureError(
            f"{place}: unknown layer type {data['type']!r}; run the code that defines it, with "
            "@jrk.register above its class"
        )
    args, children = data.get("args", {}), data.get("children", [])
    pairs = isinstance(children, list) and all(
        isinstance(row, list | tuple) and len(row) == 2 and isinstance(row[0], str)
        for row in children
    )
    if not isinstance(args, dict) or not all(isinstance(key, str) for key in args) or not pairs:
        raise ArchitectureError(f"{place}: args must be named values, children [name, layer] pairs")


def _construct(
    layer: type[Module], args: dict[str, Any], children: dict[str, Module], place: str
) -> Module:
    try:
        return layer(**{name: _decode(value, children) for name, value in args.items()})
    except JairikaError as error:
        raise ArchitectureError(f"{place}: {error}") from error
    except (TypeError, ValueError, KeyError, ArithmeticError) as error:
        # What a constructor may raise for values of the wrong kind.
        raise ArchitectureError(
            f"{place}: {layer.__name__} does not take {args}: {error}"
        ) from error


def _decode(value: Any, children: dict[str, Module]) -> Any:
    if isinstance(value, list):
        return [_decode(part, children) for part in value]
    if isinstance(value, dict):
        if set(value) == {CHILD}:
            return children[value[CHILD]]
        return {key: _decode(part, children) for key, part in value.items()}
    return value
