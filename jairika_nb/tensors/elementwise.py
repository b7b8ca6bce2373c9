"""Elementwise functions of the array API standard, with broadcasting and promotion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.graph import Node
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.errors import DTypeError
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.tensor import Tensor, attach, node_of

Operand = Tensor | np.ndarray | bool | int | float


def operands(*values: Any) -> list[Any]:
    """Nodes for tensors and arrays, on one device; Python scalars stay as they are."""
    device = next((v.device for v in values if isinstance(v, Tensor)), None)
    out = [v if type(v) in (bool, int, float) else node_of(v, device) for v in values]
    if not any(isinstance(v, Node) for v in out):
        out[0] = node_of(out[0], device)
    return out


def _unary(name: str) -> Callable[[Any], Tensor]:
    def function(x: Any, /) -> Tensor:
        return Tensor(e.call(name, operands(x)[0]))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Elementwise {name}; integers become float32 where the result is real."
    return function


def _binary(name: str, op: str) -> Callable[[Any, Any], Tensor]:
    def function(x1: Any, x2: Any, /) -> Tensor:
        return Tensor(e.apply(op, *operands(x1, x2)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Elementwise {name} with broadcasting."
    return function


(exp, exp2, expm1, log, log2, log10, log1p, sqrt, rsqrt, reciprocal, sin, cos, tan, asin, acos,
 atan, sinh, cosh, tanh, asinh, acosh, atanh, erf, sigmoid) = map(_unary, (
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "sin",
    "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf",
    "sigmoid"))  # fmt: skip
abs, negative, sign = map(_unary, ("abs", "neg", "sign"))
maximum, minimum = _binary("maximum", "maximum"), _binary("minimum", "minimum")
add, subtract = _binary("add", "add"), _binary("subtract", "sub")
pow, remainder = _binary("pow", "pow"), _binary("remainder", "remainder")
floor_divide = _binary("floor_divide", "floor_divide")
equal, not_equal = _binary("equal", "equal"), _binary("not_equal", "not_equal")
less, less_equal = _binary("less", "less"), _binary("less_equal", "less_equal")
greater = _binary("greater", "greater")
greater_equal = _binary("greater_equal", "greater_equal")
bitwise_and = _binary("bitwise_and", "bitwise_and")
bitwise_or = _binary("bitwise_or", "bitwise_or")
bitwise_xor = _binary("bitwise_xor", "bitwise_xor")
bitwise_left_shift = _binary("bitwise_left_shift", "bitwise_left_shift")
bitwise_right_shift = _binary("bitwise_right_shift", "bitwise_right_shift")


def _rounding(name: str) -> Callable[[Any], Tensor]:
    def function(x: Any, /) -> Tensor:
        node = operands(x)[0]
        return Tensor(node if dtypes.is_integer(node.dtype) else e.call(name, node))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Elementwise {name}; integers stay as they are."
    return function


floor, ceil, trunc, round = map(_rounding, ("floor", "ceil", "trunc", "round"))


def multiply(x1: Any, x2: Any, /) -> Tensor:
    """Elementwise product with broadcasting."""
    return Tensor(e.mul(*operands(x1, x2)))


def divide(x1: Any, x2: Any, /) -> Tensor:
    """Elementwise true quotient with broadcasting; integers become float32."""
    return Tensor(e.div(*operands(x1, x2)))


def square(x: Any, /) -> Tensor:
    """Elementwise ``x * x``."""
    return multiply(x, x)


def positive(x: Tensor, /) -> Tensor:
    """``x`` itself."""
    return x


def logical_not(x: Any, /) -> Tensor:
    """Elementwise ``not x``; numbers count as true unless 0."""
    return Tensor(e.call("logical_not", e.cast(operands(x)[0], dtypes.bool_)))


def _logical(name: str, op: str) -> Callable[[Any, Any], Tensor]:
    def function(x1: Any, x2: Any, /) -> Tensor:
        return Tensor(e.apply(op, *operands(x1, x2), to=dtypes.bool_))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Elementwise {name}; numbers count as true unless 0."
    return function


logical_and = _logical("logical_and", "bitwise_and")
logical_or = _logical("logical_or", "bitwise_or")
logical_xor = _logical("logical_xor", "bitwise_xor")


def bitwise_invert(x: Any, /) -> Tensor:
    """Elementwise ``~x``; of bools, ``not x``."""
    node = operands(x)[0]
    return logical_not(x) if node.dtype.kind == "bool" else Tensor(e.call("bitwise_invert", node))


def isnan(x: Any, /) -> Tensor:
    """Elementwise: is it NaN?"""
    return Tensor(e.call("isnan", operands(x)[0]))


@on_tensors
def isinf(x: Any, /) -> Tensor:
    """Elementwise: is it plus or minus infinity?"""
    return equal(abs(x), float("inf")) if dtypes.is_float(x.dtype) else not_equal(x, x)


@on_tensors
def isfinite(x: Any, /) -> Tensor:
    """Elementwise: is it neither infinite nor NaN?"""
    return less(abs(x), float("inf")) if dtypes.is_float(x.dtype) else equal(x, x)


def _real_binary(name: str, what: str) -> Callable[[Any, Any], Tensor]:
    def function(x1: Any, x2: Any, /) -> Tensor:
        return Tensor(e.call_binary(name, *operands(x1, x2)))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Elementwise {what}; integers become float32."
    return function


hypot = _real_binary("hypot", "root of the sum of squares, without overflow in between")
copysign = _real_binary("copysign", "magnitude of ``x1`` with the sign of ``x2``")
nextafter = _real_binary("nextafter", "next number after ``x1`` towards ``x2``")
atan2 = _real_binary("atan2", "angle of the point (x2, x1), in (-pi, pi]")


def signbit(x: Any, /) -> Tensor:
    """Elementwise: is the sign bit set? That of -0.0 is."""
    node = operands(x)[0]
    return Tensor(
        e.call("signbit", node) if dtypes.is_float(node.dtype) else e.apply("less", node, 0)
    )


def conj(x: Tensor, /) -> Tensor:
    """The complex conjugate: of real numbers, themselves."""
    return Tensor(operands(x)[0])


def real(x: Tensor, /) -> Tensor:
    """The real part: of real numbers, themselves."""
    return Tensor(operands(x)[0])


def imag(x: Tensor, /) -> Tensor:
    """The imaginary part, which needs complex numbers: raises DTypeError."""
    raise DTypeError(
        f"imag: {operands(x)[0].dtype.name} numbers have none; complex is not supported"
    )


def logaddexp(x1: Any, x2: Any, /) -> Tensor:
    """Elementwise log(exp(x1) + exp(x2)), without overflow."""
    top, low = maximum(x1, x2), minimum(x1, x2)
    same = equal(top, low)
    gap = where(same, 0.0, subtract(low, top))
    return add(top, log1p(exp(gap)))


def where(condition: Any, x1: Any, x2: Any, /) -> Tensor:
    """``x1`` where the condition holds, else ``x2``; all three broadcast."""
    device = next((v.device for v in (condition, x1, x2) if isinstance(v, Tensor)), None)
    rest = [v if type(v) in (bool, int, float) else node_of(v, device) for v in (x1, x2)]
    return Tensor(e.where(node_of(condition, device), *rest))


def clip(x: Any, /, min: Any = None, max: Any = None) -> Tensor:
    """``x`` limited to [min, max]; either bound may be None."""
    out = x if isinstance(x, Tensor) else Tensor(node_of(x))
    dtype = out.dtype
    for outside, bound in (("less", min), ("greater", max)):
        if bound is not None:
            out = _bounded(out, bound, outside)
    return astype(out, dtype)


def _bounded(x: Tensor, bound: Any, outside: str) -> Tensor:
    # Elements on the bound keep their whole derivative, as PyTorch's clamp gives it.
    if type(bound) is int and dtypes.is_integer(x.dtype):
        low, high = dtypes.limits(x.dtype)
        bound = int(low if bound < low else high if bound > high else bound)
    elif type(bound) not in (bool, int, float) or bound != bound:
        limit = Tensor(node_of(bound, x.device))
        return where(Tensor(e.apply(outside, x.node, limit.node)) | isnan(limit), limit, x)
    return where(Tensor(e.apply(outside, x.node, bound)), bound, x)


@on_tensors
def astype(x: Tensor, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """``x`` with its values converted to ``dtype``; ``copy=False`` may return ``x`` itself."""
    moved = x if device is None else x.to(device)
    node = e.cast(moved.node, dtypes.dtype_of(dtype))
    return x if node is x.node and not copy else Tensor(node)


@on_tensors
def detach(x: Tensor, /) -> Tensor:
    """The same values, through which no derivative passes."""
    return Tensor(e.call("detach", x.node))


_OPERATORS = {
    "add": add, "sub": subtract, "mul": multiply, "truediv": divide, "floordiv": floor_divide,
    "mod": remainder, "pow": pow, "and": bitwise_and, "or": bitwise_or, "xor": bitwise_xor,
    "lshift": bitwise_left_shift, "rshift": bitwise_right_shift,
}  # fmt: skip
_COMPARE = {"lt": less, "le": less_equal, "gt": greater, "ge": greater_equal, "eq": equal,
            "ne": not_equal}  # fmt: skip
_OPERAND_TYPES = (Tensor, np.ndarray, np.generic, bool, int, float)


def _guarded(function: Callable, flip: bool = False) -> Callable:
    def method(self: Tensor, other: Any) -> Any:
        if not isinstance(other, _OPERAND_TYPES):
            return NotImplemented
        return function(other, self) if flip else function(self, other)

    return method


for _name, _function in _OPERATORS.items():
    attach(f"__{_name}__", _guarded(_function))
    attach(f"__r{_name}__", _guarded(_function, flip=True))
for _name, _function in _COMPARE.items():
    attach(f"__{_name}__", _guarded(_function))
attach("__neg__", negative)
attach("__pos__", positive)
attach("__abs__", abs)
attach("__invert__", bitwise_invert)


def _ufunc(self: Tensor, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    # NumPy arrays on the left of an operator hand over here instead of looping over elements.
    import jairika_nb

    known = _FROM_NUMPY.get(ufunc.__name__, ufunc.__name__)
    function = getattr(jairika_nb, known, None)
    if method != "__call__" or kwargs or function is None:
        raise DTypeError(f"np.{ufunc.__name__}.{method} of a tensor; convert with x.numpy() first")
    return function(*inputs)


_FROM_NUMPY = {"true_divide": "divide", "power": "pow", "absolute": "abs", "mod": "remainder",
               "arctan2": "atan2", "invert": "bitwise_invert"}  # fmt: skip
attach("__array_ufunc__", _ufunc)
for _method in (
    exp, exp2, expm1, log, log2, log10, log1p, sqrt, rsqrt, reciprocal, sin, cos, tan, asin, acos,
    atan, sinh, cosh, tanh, asinh, acosh, atanh, erf, sigmoid, abs, sign, square, floor, ceil,
    trunc, round, isnan, isfinite, isinf, logical_not, astype, detach, clip, maximum, minimum,
    pow, remainder, atan2, hypot, copysign, signbit,
):  # fmt: skip
    attach(_method.__name__, _method)
attach("abs", abs)
