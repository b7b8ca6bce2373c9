"""Functions without parameters as layers, so that graphs can add, join, cut and reshape."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.nn import functional as f
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.nn.symbol import Symbol
from jairika_nb.tensors import elementwise as e
from jairika_nb.tensors import joining, linear, reductions, shaping, splitting
from jairika_nb.tensors.tensor import Tensor

MANY = 1000


@dataclass(frozen=True)
class Row:
    """A function, how many operands it takes, and its settings in order."""

    function: Callable[..., Any]
    least: int = 1
    most: int = 1
    settings: tuple[str, ...] = ()

    @property
    def takes(self) -> str:
        """How many operands there may be, in words."""
        if self.least == self.most:
            return f"{self.least} operand{'s' if self.least > 1 else ''}"
        return f"{self.least} operands or more"


def _folded(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda *parts: functools.reduce(function, parts)


def _joined(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda *parts, axis=0: function(parts, axis=axis)


def _cut(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, parts, axis=0: function(x, parts, axis=axis)


def _average(*parts: Any) -> Any:
    return functools.reduce(e.add, parts) / len(parts)


def _slice(x: Any, index: Any) -> Any:
    key = index_key(index)
    if not isinstance(x, Tensor) and not isinstance(key, int | str):
        raise ShapeError(f"slice: {index} of a {type(x).__name__}; pick a value by [number] first")
    try:
        return x[key]
    except (KeyError, IndexError, TypeError) as error:
        if isinstance(x, Tensor):
            raise
        raise ShapeError(f"slice: {index!r} of {len(x)} values: there is none") from error


def _crop(x: Tensor, like: Tensor) -> Tensor:
    over = [a - b for a, b in zip(x.shape[2:], like.shape[2:], strict=True)]
    if any(n < 0 for n in over):
        raise ShapeError(f"crop: {x.shape} is smaller than {like.shape}")
    cut = (slice(n // 2, n // 2 + size) for n, size in zip(over, like.shape[2:], strict=True))
    return x[(..., *cut)]


AXES = ("axis", "keepdims")
FUNCTIONS: dict[str, Row] = {
    "add": Row(_folded(e.add), 2, MANY),
    "subtract": Row(e.subtract, 2, 2),
    "multiply": Row(_folded(e.multiply), 2, MANY),
    "divide": Row(e.divide, 2, 2),
    "pow": Row(e.pow, 2, 2),
    "maximum": Row(_folded(e.maximum), 2, MANY),
    "minimum": Row(_folded(e.minimum), 2, MANY),
    "average": Row(_average, 2, MANY),
    "matmul": Row(linear.matmul, 2, 2),
    "concat": Row(_joined(joining.concat), 1, MANY, ("axis",)),
    "stack": Row(_joined(joining.stack), 1, MANY, ("axis",)),
    **{
        name: Row(getattr(reductions, name), settings=AXES)
        for name in ("mean", "sum", "max", "min", "prod", "var", "std")
    },
    "softmax": Row(f.softmax, settings=("axis",)),
    "log_softmax": Row(f.log_softmax, settings=("axis",)),
    "reshape": Row(shaping.reshape, settings=("shape",)),
    "flatten": Row(shaping.flatten, settings=("start_axis", "end_axis")),
    "permute": Row(shaping.permute_dims, settings=("axes",)),
    "transpose": Row(shaping.transpose, settings=("axis0", "axis1")),
    "squeeze": Row(shaping.squeeze, settings=("axis",)),
    "unsqueeze": Row(shaping.expand_dims, settings=("axis",)),
    "split": Row(_cut(splitting.split), settings=("parts", "axis")),
    "chunk": Row(_cut(splitting.chunk), settings=("parts", "axis")),
    "slice": Row(_slice, settings=("index",)),
    # The middle of (N, C, ...), as large as the second operand.
    "crop": Row(_crop, 2, 2),
    **{
        name: Row(getattr(f, name)) for name in ("relu", "relu6", "gelu", "silu", "sigmoid", "tanh")
    },
    **{
        name: Row(getattr(e, name))
        for name in ("exp", "log", "sqrt", "abs", "square", "negative", "detach")
    },
}


@register
class Function(Module):
    """A function of tensors as a layer, by its name in the table ``nn.functions.FUNCTIONS``.

    Settings are those of the function: ``Function("mean", axis=1)``. Raises ArchitectureError for
    a name or a setting that is not in the table.

    >>> import jairika_nb as jrk
    >>> Function("concat", axis=1)(jrk.zeros((2, 3)), jrk.ones((2, 1))).shape
    (2, 4)
    """

    def __init__(self, function: str, **settings: Any) -> None:
        row = FUNCTIONS.get(function) if isinstance(function, str) else None
        if row is None:
            raise ArchitectureError(
                f"Function: {function!r} is none of {', '.join(FUNCTIONS)}; write a module for it"
            )
        odd = [name for name in settings if name not in row.settings]
        if odd:
            raise ArchitectureError(
                f"Function {function!r} takes no {', '.join(odd)}; it takes "
                f"{', '.join(row.settings) or 'no settings'}"
            )
        if "index" in settings:
            _check_index(settings["index"])
        self.function = function
        self.settings = {name: _fixed(value) for name, value in settings.items()}

    def forward(self, *operands: Any) -> Any:
        row = FUNCTIONS[self.function]
        if not row.least <= len(operands) <= row.most:
            raise ShapeError(f"{self.function}: {len(operands)} operands; it takes {row.takes}")
        return row.function(*operands, **self.settings)

    def extra_repr(self) -> str:
        shown = [f"{name}={value!r}" for name, value in self.settings.items()]
        return ", ".join([repr(self.function), *shown])


def call(name: str, given: tuple[Any, ...], settings: dict[str, Any]) -> Symbol:
    """A function of symbols; positional arguments beyond its operands are settings in order."""
    row = FUNCTIONS[name]
    given = tuple(part.item() if isinstance(part, np.generic) else part for part in given)
    operands = [
        part for part in given[: row.most]
        if isinstance(part, Symbol) or (row.most > 1 and type(part) in (int, float))
    ]  # fmt: skip
    rest = list(given[len(operands) :])
    if name in ("reshape", "permute") and all(isinstance(part, int) for part in rest) and rest:
        rest = [rest]
    if len(rest) > len(row.settings):
        odd = (part for part in given if all(part is not operand for operand in operands))
        known = f", then {', '.join(row.settings)}" if row.settings else ""
        raise ArchitectureError(
            f"{name} takes {row.takes}, symbols or numbers{known}, not "
            f"{', '.join(type(part).__name__ for part in odd)}: what has a shape is an input of "
            "the graph, or a parameter of a module"
        )
    named = dict(zip(row.settings, rest, strict=False))
    return Symbol.of(Function(name, **named, **settings), tuple(operands), {})


def _fixed(value: Any) -> Any:
    """Lists as tuples, so that a setting is plain data that nobody changes by accident."""
    return tuple(_fixed(part) for part in value) if isinstance(value, list | tuple) else value


def _check_index(data: Any) -> None:
    try:
        index_key(data)
    except (KeyError, TypeError) as error:
        raise ArchitectureError(
            f'Function slice: {data!r} is no index; use numbers, "...", null and '
            '{"slice": [start, stop, step]}'
        ) from error


def index_data(key: Any) -> Any:
    """A key of ``x[key]`` as JSON data: slices are [start, stop, step], ``...`` is "..."."""
    if isinstance(key, tuple):
        return [index_data(part) for part in key]
    if isinstance(key, slice):
        return {"slice": [key.start, key.stop, key.step]}
    return "..." if key is Ellipsis else key


def index_key(data: Any) -> Any:
    """The key that :func:`index_data` wrote down."""
    if isinstance(data, list | tuple):
        return tuple(index_key(part) for part in data)
    if isinstance(data, dict):
        return slice(*data["slice"])
    return Ellipsis if data == "..." else data
