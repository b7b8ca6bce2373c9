"""Values to come: what a graph of layers is written with before it has seen a tensor."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from jairika_nb.errors import ArgumentError


class Symbol:
    """An input of a graph, or what a layer makes of others; see :class:`jairika_nb.nn.Graph`.

    Calling a module with symbols gives a symbol. Operators, slices and the functions of
    ``nn.Function`` are methods: ``(x + y).relu().mean(axis=1)``, ``x.concat(y, axis=1)``.
    ``named`` gives the node, and so the layer, its name.

    >>> from jairika_nb import nn
    >>> nn.Linear(4, 2)(nn.Input("x")).named("head")
    <Symbol head: Linear(in_features=4, out_features=2, bias=True) of x>
    """

    __slots__ = ("layer", "name", "operands")
    # NumPy's numbers leave operators to this class.
    __array_ufunc__ = None

    def __init__(self, layer: Any, operands: tuple[Any, ...], name: str = "") -> None:
        self.layer, self.operands, self.name = layer, operands, name

    @classmethod
    def of(cls, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Symbol:
        """What a layer makes of symbols and numbers; ArgumentError for anything else."""
        args, kwargs = _in_order(layer, args, kwargs)
        odd = [a for a in args if not isinstance(a, Symbol) and type(a) not in (int, float)]
        if odd or kwargs:
            shown = ", ".join([*(type(a).__name__ for a in odd), *(f"{k}=" for k in kwargs)])
            raise ArgumentError(
                f"{layer}: in a graph a layer takes symbols and numbers, not {shown}; "
                "pass settings to its constructor, and tensors as inputs of the graph"
            )
        return cls(layer, args)

    def named(self, name: str) -> Symbol:
        """Give the node a name; returns the symbol itself."""
        self.name = name
        return self

    def __getattr__(self, name: str) -> Callable[..., Symbol]:
        from jairika_nb.nn.functions import FUNCTIONS, call

        if name.startswith("_") or name not in FUNCTIONS:
            raise AttributeError(
                f"a symbol has no {name!r}; it has {', '.join(FUNCTIONS)}, and any module can be "
                "called with it"
            )
        return lambda *args, **settings: call(name, (self, *args), settings)

    def __neg__(self) -> Symbol:
        return self.negative()

    def __getitem__(self, key: Any) -> Symbol:
        from jairika_nb.nn.functions import call, index_data

        return call("slice", (self,), {"index": index_data(key)})

    def __iter__(self) -> Any:
        raise ArgumentError(
            "a symbol does not know how many values it stands for; take them one by one: x[0], x[1]"
        )

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise ArgumentError(
            "functions of tensors do not take symbols; call a method, such as x.relu(), or a "
            "module, such as nn.ReLU()(x)"
        )

    def __bool__(self) -> bool:
        raise ArgumentError("a symbol has no value yet; a graph cannot branch on it")

    def __repr__(self) -> str:
        if self.layer is None:
            return f"<Symbol {self.name}>"
        of = ", ".join(o.name or "..." if isinstance(o, Symbol) else str(o) for o in self.operands)
        return f"<Symbol {self.name or '...'}: {self.layer} of {of}>"


def _in_order(
    layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """By position what was given by the names of ``forward``, as far as there is no gap."""
    try:
        bound = inspect.signature(layer.forward).bind(*args, **kwargs) if kwargs else None
    except TypeError:
        bound = None
    return (args, kwargs) if bound is None else (bound.args, bound.kwargs)


def Input(name: str) -> Symbol:
    """An input of a graph, by name."""
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"Input({name!r}): an input has a name")
    return Symbol(None, (), name)


def _operator(function: str, swapped: bool = False) -> Callable[[Symbol, Any], Symbol]:
    def apply(self: Symbol, other: Any) -> Symbol:
        from jairika_nb.nn.functions import call

        return call(function, (other, self) if swapped else (self, other), {})

    return apply


OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "pow",
    "matmul": "matmul",
}  # fmt: skip
for _name, _function in OPERATORS.items():
    setattr(Symbol, f"__{_name}__", _operator(_function))
    setattr(Symbol, f"__r{_name}__", _operator(_function, swapped=True))
