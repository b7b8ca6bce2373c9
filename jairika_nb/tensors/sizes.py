"""Shapes written as text: ``"(image.shape[0] - 2, 3 * n)"``, and launches by them."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from jairika_nb.engine.custom import Form
from jairika_nb.errors import ArgumentError

if TYPE_CHECKING:
    from jairika_nb.tensors.kernel import Kernel

_OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
}  # fmt: skip
_ATTRIBUTES = ("shape", "size", "ndim")


def sizes(text: str, names: Mapping[str, Any], what: str = "shape") -> tuple[int, ...]:
    """The sizes that a text names, with arrays and numbers by ``names``.

    It knows whole numbers, ``+ - * // %``, tuples, and of arrays ``shape``, ``size``, ``ndim``.

    >>> import numpy as np
    >>> sizes("x.shape[0] - 2, 2 * n", {"x": np.ones((5, 4)), "n": 3})
    (3, 6)
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise ArgumentError(f"{what} {text!r} cannot be read; {_EXAMPLE}") from None
    value = _value(tree, names, f"{what} {text!r}")
    rows = tuple(value) if isinstance(value, tuple) else (value,)
    if not all(isinstance(n, int) and n >= 0 for n in rows):
        raise ArgumentError(f"{what} {text!r} gives {value!r}, which are no sizes; {_EXAMPLE}")
    return rows


_EXAMPLE = "write it as in `(x.shape[0] - 2, 2 * n)`"


def _value(tree: ast.expr, names: Mapping[str, Any], what: str) -> Any:
    if isinstance(tree, ast.Constant) and type(tree.value) is int:
        return tree.value
    if isinstance(tree, ast.Name) and tree.id in names:
        return names[tree.id]
    if isinstance(tree, ast.Tuple):
        return tuple(_value(e, names, what) for e in tree.elts)
    if isinstance(tree, ast.Attribute) and tree.attr in _ATTRIBUTES:
        found = getattr(_value(tree.value, names, what), tree.attr, None)
        if found is not None:
            return found
    if isinstance(tree, ast.BinOp) and type(tree.op) in _OPERATORS:
        left, right = (_value(side, names, what) for side in (tree.left, tree.right))
        return _calculated(_OPERATORS[type(tree.op)], left, right, what)
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return _calculated(operator.mul, -1, _value(tree.operand, names, what), what)
    if isinstance(tree, ast.Subscript):
        whole, at = _value(tree.value, names, what), _value(tree.slice, names, what)
        if isinstance(whole, tuple) and isinstance(at, int) and -len(whole) <= at < len(whole):
            return whole[at]
        raise ArgumentError(f"{what}: {ast.unparse(tree)} is outside {whole!r}")
    known = ", ".join(names)
    raise ArgumentError(
        f"{what}: {ast.unparse(tree)!r} is not known; known are {known}; {_EXAMPLE}"
    )


def _calculated(how: Any, left: Any, right: Any, what: str) -> Any:
    try:
        return how(left, right)
    except (TypeError, ZeroDivisionError) as problem:
        raise ArgumentError(f"{what}: {problem}") from None


def launch(kernel: Kernel, form: Form, names: Mapping[str, Any]) -> tuple[Any, ...]:
    """Shape of the result, grid and work-group of a call with arrays and numbers by ``names``."""
    if kernel.shape is None and not form.inputs:
        raise ArgumentError(f"kernel {kernel.name} reads no tensor: say the result's shape=")
    like = kernel.shape if kernel.shape is not None else names[form.inputs[0].name].shape
    shape = _wanted(kernel, like, names, "shape")
    result = SimpleNamespace(shape=shape, size=math.prod(shape), ndim=len(shape))
    every = {**names, form.output.name: result}
    whole = result.size if kernel.grid is None else kernel.grid
    grid = _wanted(kernel, whole, every, "grid")
    if kernel.group is None:
        return shape, grid, None
    group = (kernel.group,) if isinstance(kernel.group, int) else tuple(kernel.group)
    if len(group) != len(grid):
        raise ArgumentError(f"kernel {kernel.name}: group {group} does not fit the grid {grid}")
    return shape, tuple(-(-n // m) * m for n, m in zip(grid, group, strict=True)), group


def _wanted(kernel: Kernel, wanted: Any, names: Mapping[str, Any], what: str) -> tuple[int, ...]:
    if isinstance(wanted, str):
        return sizes(wanted, names, f"kernel {kernel.name}: {what}")
    if callable(wanted):
        wanted = wanted(*[names[n] for n in kernel.arguments])
    return (wanted,) if isinstance(wanted, int) else tuple(int(n) for n in wanted)
