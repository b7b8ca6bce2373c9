"""Networks made from their descriptions; see :mod:`jairika_nb.nn.architecture` for the form."""

from __future__ import annotations

from typing import Any

from jairika_nb.errors import ArchitectureError, JairikaError
from jairika_nb.nn.architecture import CHILD, FLOAT, INFINITIES, TYPES
from jairika_nb.nn.freezing import mark
from jairika_nb.nn.module import Module

DEEPEST = 100
# Lists and dicts inside each other; a program may have lifted Python's own limit.
MOST_LEVELS = 2000


def build(architecture: Any) -> Module:
    """A new network from its description, with fresh weights.

    Raises ArchitectureError for unknown types, arguments that a type does not take, or data of
    another form; the message names the place.

    >>> from jairika_nb import nn
    >>> build({"type": "Linear", "args": {"in_features": 3, "out_features": 2}})
    Linear(in_features=3, out_features=2, bias=True)
    """
    try:
        if _is_deeper(architecture, MOST_LEVELS):
            raise RecursionError
        built = _build(architecture, (), {})
    except RecursionError:
        # Arguments and graphs inside graphs have no place whose depth could be counted.
        text = (
            "architecture: lists or networks too deep inside each other, deeper than can be built"
        )
        raise ArchitectureError(text) from None
    _tie(built, architecture.get("tied", []))
    return built


def _build(data: Any, path: tuple[str, ...], known: dict[str, Module]) -> Module:
    place = f"architecture at {'.'.join(path) or 'the top'}"
    if isinstance(data, dict) and "shared" in data:
        return _shared(data["shared"], known, place)
    _check(data, path, place)
    children = {
        name: _build(child, (*path, name), known) for name, child in data.get("children", [])
    }
    made = _construct(TYPES[data["type"]], data.get("args", {}), children, place)
    for name in [name for name, _ in made.named_children() if name not in children]:
        delattr(made, name)
    for name, child in children.items():
        made.add_module(name, child)
    _freeze(made, data.get("frozen", []), place)
    known[".".join(path)] = made
    return made


def _shared(name: Any, known: dict[str, Module], place: str) -> Module:
    if not isinstance(name, str) or name not in known:
        raise ArchitectureError(
            f"{place[:200]}: shares {str(name)[:80]!r}, which is no module described before it"
        )
    return known[name]


def _freeze(made: Module, names: Any, place: str) -> None:
    own = [name for name, value in made._parameters.items() if value is not None]
    if not isinstance(names, list) or not all(isinstance(n, str) and n in own for n in names):
        raise ArchitectureError(
            f"{place}: frozen must list own parameters, {', '.join(own) or 'of which it has none'}"
        )
    mark(made, frozenset(names))


def _tie(built: Module, groups: Any) -> None:
    form = isinstance(groups, list) and all(
        isinstance(names, list) and len(names) > 1 and all(isinstance(n, str) for n in names)
        for names in groups
    )
    if not form:
        raise ArchitectureError("architecture: tied must list lists of parameters' dotted names")
    for first, *others in groups:
        value = built.get_parameter(first)
        for name in others:
            other = built.get_parameter(name)
            if (other.shape, other.dtype) != (value.shape, value.dtype):
                raise ArchitectureError(
                    f"architecture: {first} {value.shape} {value.dtype.name} and {name} "
                    f"{other.shape} {other.dtype.name} cannot be one parameter"
                )
            built.set_parameter(name, value)


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
        if set(value) == {FLOAT}:
            return INFINITIES[value[FLOAT]]
        return {key: _decode(part, children) for key, part in value.items()}
    return value


def _is_deeper(data: Any, most: int) -> bool:
    """Whether lists and dicts lie in each other over more than ``most`` levels."""
    level = [data]
    for _ in range(most):
        inside = [
            part for each in level if isinstance(each, dict | list | tuple)
            for part in (each.values() if isinstance(each, dict) else each)
        ]  # fmt: skip
        level = [*{id(part): part for part in inside}.values()]
        if not level:
            return False
    return True
