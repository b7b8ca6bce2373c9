"""Elementwise operations: the table and the functions that build them with broadcasting.

A bool is 0 or 1 in scalar code and 0 or -1 in a vector lane (what OpenCL's comparisons give), so
the expressions here are written to hold for both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops import views
from jairika_nb.engine.ops.sources import const
from jairika_nb.errors import DTypeError, ShapeError

Operand = Node | bool | int | float


def broadcast_shape(name: str, *shapes: Shape) -> Shape:
    """The common shape by NumPy's rule, or ShapeError with all shapes."""
    if all(s == shapes[0] for s in shapes):
        return shapes[0]
    rank = max(len(s) for s in shapes)
    out = []
    for column in zip(*[(1,) * (rank - len(s)) + s for s in shapes], strict=True):
        sizes = {n for n in column if n != 1}
        if len(sizes) > 1:
            shown = " and ".join(str(s) for s in shapes)
            raise ShapeError(
                f"{name}: shapes {shown} do not broadcast; aligned at the right, sizes must be "
                "equal or 1; reshape or expand one of them"
            )
        out.append(sizes.pop() if sizes else 1)
    return tuple(out)


def _as_nodes(operands: tuple[Operand, ...]) -> tuple[list[Node], DType]:
    nodes = [o for o in operands if isinstance(o, Node)]
    common = nodes[0].dtype
    for node in nodes[1:]:
        common = dtypes.promote(common, node.dtype)
    for o in operands:
        if not isinstance(o, Node):
            common = dtypes.weak(o, common)
    device = nodes[0].device
    return [o if isinstance(o, Node) else const(o, common, device) for o in operands], common


def apply(name: str, *operands: Operand, to: DType | None = None) -> Node:
    """Broadcast, promote and build the named operation; ``to`` fixes the operands' dtype."""
    nodes, common = _as_nodes(operands)
    common = to or common
    shape = broadcast_shape(name, *(n.shape for n in nodes))
    return make(name, [views.broadcast_to(cast(n, common), shape) for n in nodes])


def cast(x: Node, dtype: DType) -> Node:
    """``x`` with its values converted."""
    if x.dtype is dtype:
        return x
    if x.op == "const":
        return const(dtypes.number(dtypes.number(x.attrs[0], x.dtype), dtype), dtype, x.device)
    x.device.check_dtype(dtype)
    return make("cast", (x,), (dtype,))


def where(condition: Node, a: Operand, b: Operand) -> Node:
    """``a`` where the condition holds, else ``b``."""
    nodes, common = _as_nodes((a, b)) if _has_node(a, b) else _scalars(a, b, condition)
    shape = broadcast_shape("where", condition.shape, *(n.shape for n in nodes))
    picked = [views.broadcast_to(cast(n, common), shape) for n in nodes]
    return make("where", (views.broadcast_to(cast(condition, dtypes.bool_), shape), *picked))


def _has_node(*operands: Operand) -> bool:
    return any(isinstance(o, Node) for o in operands)


def _scalars(a: Any, b: Any, like: Node) -> tuple[list[Node], DType]:
    dtype = dtypes.promote(dtypes.dtype_of(type(a)), dtypes.dtype_of(type(b)))
    return [const(v, dtype, like.device) for v in (a, b)], dtype


def scalar_value(x: Node) -> bool | int | float | None:
    """The value of a constant, also through expands and reshapes; None for anything else."""
    while x.op in ("expand", "reshape"):
        x = x.inputs[0]
    return x.attrs[0] if x.op == "const" else None


def add(a: Operand, b: Operand) -> Node:
    """a + b."""
    return apply("add", a, b)


def mul(a: Operand, b: Operand) -> Node:
    """a * b."""
    return apply("mul", a, b)


def neg(a: Node) -> Node:
    """-a."""
    return make("neg", (a,))


def div(a: Operand, b: Operand) -> Node:
    """True division; integers become float32."""
    return call_binary("div", a, b)


def share(part: Node, whole: Node) -> Node:
    """``part / whole`` of floats, where no part is negative or more than the whole."""
    return apply("share", part, whole)


def call_binary(name: str, a: Operand, b: Operand) -> Node:
    """A binary operation that needs floats; integers and bools become float32."""
    _, common = _as_nodes((a, b))
    return apply(name, a, b, to=common if dtypes.is_float(common) else dtypes.float32)


def call(name: str, a: Node) -> Node:
    """A unary operation that needs floats; integers and bools become float32."""
    if TABLE_FLOAT_ONLY.get(name) and not dtypes.is_float(a.dtype):
        a = cast(a, dtypes.float32)
    return make(name, (a,))


def _same(*args: Any) -> tuple[Shape, DType]:
    return args[0].shape, args[0].dtype


def _to_bool(*args: Any) -> tuple[Shape, DType]:
    return args[0].shape, dtypes.bool_


def _needs(kinds: str, name: str) -> Callable[..., tuple[Shape, DType]]:
    def infer(*args: Any) -> tuple[Shape, DType]:
        if args[0].dtype.kind not in kinds.split():
            raise DTypeError(
                f"{name} takes {kinds.replace(' ', ' or ')} operands, not {args[0].dtype.name} of "
                f"shape {args[0].shape}; convert with x.astype(...)"
            )
        return args[0].shape, args[0].dtype

    return infer


def _numeric(name: str) -> Callable[..., tuple[Shape, DType]]:
    return _needs("int uint float", name)


_erf = np.vectorize(math.erf, otypes=[np.float64])
TABLE_FLOAT_ONLY: dict[str, bool] = {}

# name, OpenCL C, NumPy, derivative (g, y, x), cost; float operands only
_FLOAT_UNARY: list[tuple[str, str, Callable, Callable, int]] = [
    ("reciprocal", "(1 / {0})", lambda x: 1 / x, lambda g, y, x: neg(mul(g, mul(y, y))), 4),
    ("sqrt", "sqrt({0})", np.sqrt, lambda g, y, x: div(mul(g, 0.5), y), 4),
    ("rsqrt", "rsqrt({0})", lambda x: 1 / np.sqrt(x),
     lambda g, y, x: mul(mul(g, -0.5), mul(y, mul(y, y))), 4),
    ("exp", "exp({0})", np.exp, lambda g, y, x: mul(g, y), 8),
    # The same of what is never above 0.
    ("exp_below", "exp({0})", np.exp, lambda g, y, x: mul(g, y), 8),
    ("exp2", "exp2({0})", np.exp2, lambda g, y, x: mul(mul(g, y), math.log(2)), 8),
    ("expm1", "expm1({0})", np.expm1, lambda g, y, x: mul(g, add(y, 1)), 8),
    ("log", "log({0})", np.log, lambda g, y, x: div(g, x), 8),
    ("log2", "log2({0})", np.log2, lambda g, y, x: div(g, mul(x, math.log(2))), 8),
    ("log10", "log10({0})", np.log10, lambda g, y, x: div(g, mul(x, math.log(10))), 8),
    ("log1p", "log1p({0})", np.log1p, lambda g, y, x: div(g, add(x, 1)), 8),
    ("sin", "sin({0})", np.sin, lambda g, y, x: mul(g, make("cos", (x,))), 8),
    ("cos", "cos({0})", np.cos, lambda g, y, x: neg(mul(g, make("sin", (x,)))), 8),
    ("tan", "tan({0})", np.tan, lambda g, y, x: mul(g, add(mul(y, y), 1)), 10),
    ("asin", "asin({0})", np.arcsin, lambda g, y, x: mul(g, _one_minus_square_rsqrt(x)), 10),
    ("acos", "acos({0})", np.arccos, lambda g, y, x: neg(mul(g, _one_minus_square_rsqrt(x))), 10),
    ("atan", "atan({0})", np.arctan, lambda g, y, x: div(g, add(mul(x, x), 1)), 10),
    ("sinh", "sinh({0})", np.sinh, lambda g, y, x: mul(g, make("cosh", (x,))), 10),
    ("cosh", "cosh({0})", np.cosh, lambda g, y, x: mul(g, make("sinh", (x,))), 10),
    ("tanh", "tanh({0})", np.tanh, lambda g, y, x: mul(g, apply("sub", 1.0, mul(y, y))), 10),
    ("asinh", "asinh({0})", np.arcsinh,
     lambda g, y, x: mul(g, make("rsqrt", (add(mul(x, x), 1),))), 10),
    ("acosh", "acosh({0})", np.arccosh,
     lambda g, y, x: mul(g, make("rsqrt", (add(mul(x, x), -1),))), 10),
    ("atanh", "atanh({0})", np.arctanh, lambda g, y, x: div(g, apply("sub", 1.0, mul(x, x))), 10),
    ("sigmoid", "(1 / (1 + exp(-{0})))", lambda x: 1 / (1 + np.exp(-x)),
     lambda g, y, x: mul(g, mul(y, apply("sub", 1.0, y))), 10),
    ("erf", "erf({0})", _erf, lambda g, y, x: mul(
        mul(g, 2 / math.sqrt(math.pi)), make("exp", (neg(mul(x, x)),))), 12),
    ("floor", "floor({0})", np.floor, lambda g, y, x: None, 1),
    ("ceil", "ceil({0})", np.ceil, lambda g, y, x: None, 1),
    ("trunc", "trunc({0})", np.trunc, lambda g, y, x: None, 1),
    ("round", "rint({0})", np.round, lambda g, y, x: None, 1),
]  # fmt: skip


def _one_minus_square_rsqrt(x: Node) -> Node:
    return make("rsqrt", (apply("sub", 1.0, mul(x, x)),))


def _unary_row(name: str, code: str, reference: Callable, rule: Callable, cost: int) -> None:
    TABLE_FLOAT_ONLY[name] = True
    define(
        Op(
            name, "elementwise", _needs("float", name),
            lambda attrs, x: reference(x),
            lambda g, y, x: (rule(g, y, x),),
            code, cost,
        )
    )  # fmt: skip


for _fields in _FLOAT_UNARY:
    _unary_row(*_fields)


def _sign(x: Node) -> Node:
    return make("sign", (x,))


def _split(g: Node, a: Node, b: Node, wins: Node) -> tuple[Node, Node]:
    # Equal operands share the cotangent in halves, as array libraries agree.
    tie = apply("equal", a, b)
    half = mul(g, 0.5)
    return where(tie, half, where(wins, g, 0.0)), where(tie, half, where(wins, 0.0, g))


def _pow_vjp(g: Node, y: Node, a: Node, b: Node) -> tuple[Node | None, Node]:
    exponent = scalar_value(b)
    if exponent == 0:
        da = None  # 0 * a**-1 would be NaN at a = 0
    elif exponent is not None:
        lowered = a if exponent == 2 else apply("pow", a, add(b, -1))
        da = mul(g, mul(b, lowered))
    else:
        # b * a**(b - 1) is 0 * inf at a = 0, b = 0; the derivative there is 0.
        da = mul(g, where(apply("equal", b, 0), 0.0, mul(b, apply("pow", a, add(b, -1)))))
    # d/db a**b = a**b log a; at a = 0 the limit from above is 0 for positive b.
    db = mul(g, where(apply("equal", a, 0), 0.0, mul(y, make("log", (a,)))))
    return da, db


_INFIX_NUMERIC: list[tuple[str, str, Callable, Callable | None, int]] = [
    ("add", "({0} + {1})", np.add, lambda g, y, a, b: (g, g), 1),
    ("sub", "({0} - {1})", np.subtract, lambda g, y, a, b: (g, neg(g)), 1),
    ("mul", "({0} * {1})", np.multiply, lambda g, y, a, b: (mul(g, b), mul(g, a)), 1),
    ("maximum", "((({0} >= {1}) | ({0} != {0})) ? {0} : {1})", np.maximum,
     lambda g, y, a, b: _split(g, a, b, apply("greater", a, b)), 2),
    ("minimum", "((({0} <= {1}) | ({0} != {0})) ? {0} : {1})", np.minimum,
     lambda g, y, a, b: _split(g, a, b, apply("less", a, b)), 2),
]  # fmt: skip
for _name, _code, _numpy, _rule, _cost in _INFIX_NUMERIC:
    define(
        Op(
            _name, "elementwise", _numeric(_name),
            lambda attrs, a, b, f=_numpy: f(a, b), _rule, _code, _cost,
        )
    )  # fmt: skip

define(Op("neg", "elementwise", _numeric("neg"), lambda attrs, x: -x,
          lambda g, y, x: (neg(g),), "(-{0})"))  # fmt: skip
define(Op("abs", "elementwise", _numeric("abs"), lambda attrs, x: np.abs(x),
          lambda g, y, x: (mul(g, _sign(x)),), "ABS({0})"))  # fmt: skip
# The derivative asks the result, not the operand, which need not be kept then.
define(Op("relu", "elementwise", _numeric("relu"),
          lambda attrs, x: np.where(x <= 0, x.dtype.type(0), x),
          lambda g, y, x: (where(apply("equal", y, 0), 0.0, g),), "RELU({0})"))  # fmt: skip
define(Op("sign", "elementwise", _numeric("sign"), lambda attrs, x: np.sign(x),
          lambda g, y, x: (None,), "SIGN({0})"))  # fmt: skip

# Parts of a whole have a row of their own, as most share it: one reciprocal serves them all.
for _name, _code in (("div", "({0} / {1})"), ("share", "SHARE({0}, {1})")):
    define(Op(_name, "elementwise", _needs("float", _name), lambda attrs, a, b: a / b,
              lambda g, y, a, b: (div(g, b), neg(div(mul(g, y), b))), _code, 4))  # fmt: skip


def _pow_reference(attrs: tuple, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype.kind != "i":
        return np.power(a, b)
    # 1 / a**n rounded towards zero, which NumPy refuses: 0 but for bases 1 and -1.
    below = np.where(a == 1, 1, np.where(a == -1, 1 - 2 * (b & 1), 0))
    return np.where(b < 0, below, np.power(a, np.maximum(b, 0)))


define(Op("pow", "elementwise", _numeric("pow"), _pow_reference, _pow_vjp,
          "POW({0}, {1})", 16))  # fmt: skip


def _atan2_vjp(g: Node, a: Node, b: Node) -> tuple[Node, Node]:
    square = add(mul(a, a), mul(b, b))
    slope = div(g, where(apply("equal", square, 0), 1.0, square))
    return mul(slope, b), neg(mul(slope, a))


define(Op("atan2", "elementwise", _needs("float", "atan2"), lambda attrs, a, b: np.arctan2(a, b),
          lambda g, y, a, b: _atan2_vjp(g, a, b), "atan2({0}, {1})", 12))  # fmt: skip
define(Op("hypot", "elementwise", _needs("float", "hypot"), lambda attrs, a, b: np.hypot(a, b),
          lambda g, y, a, b: (div(mul(g, a), y), div(mul(g, b), y)),
          "hypot({0}, {1})", 10))  # fmt: skip
define(Op("copysign", "elementwise", _needs("float", "copysign"),
          lambda attrs, a, b: np.copysign(a, b),
          lambda g, y, a, b: (mul(g, mul(_sign(a), apply("copysign", 1.0, b))), None),
          "copysign({0}, {1})"))  # fmt: skip


def _wide_floats(a: Node, b: Node, attrs: Any) -> tuple[Shape, DType]:
    if a.dtype not in (dtypes.float32, dtypes.float64):
        raise DTypeError(
            f"nextafter of {a.dtype.name} {a.shape}: 2-byte floats are computed in float32, where "
            "the next number is nearer; convert with x.astype('float32')"
        )
    return a.shape, a.dtype


define(Op("nextafter", "elementwise", _wide_floats,
          lambda attrs, a, b: np.nextafter(a, b),
          lambda g, y, a, b: (g, None), "nextafter({0}, {1})", 4))  # fmt: skip
define(Op("remainder", "elementwise", _numeric("remainder"),
          lambda attrs, a, b: np.remainder(a, b),
          lambda g, y, a, b: (g, neg(mul(g, apply("floor_divide", a, b)))),
          "REMAINDER({0}, {1})", 6))  # fmt: skip


def _floor_divide_reference(attrs: tuple, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # The standard differs from NumPy at infinities: inf // 2 is inf, 2 // -inf is -0.
    whole = np.floor_divide(a, b)
    return np.where(np.isinf(a) | np.isinf(b), a / b, whole) if a.dtype.kind == "f" else whole


define(Op("floor_divide", "elementwise", _numeric("floor_divide"), _floor_divide_reference,
          lambda g, y, a, b: (None, None), "FLOOR_DIVIDE({0}, {1})", 6))  # fmt: skip

_COMPARISONS = {
    "equal": ("({0} == {1})", np.equal),
    "not_equal": ("({0} != {1})", np.not_equal),
    "less": ("({0} < {1})", np.less),
    "less_equal": ("({0} <= {1})", np.less_equal),
    "greater": ("({0} > {1})", np.greater),
    "greater_equal": ("({0} >= {1})", np.greater_equal),
}
for _name, (_code, _numpy) in _COMPARISONS.items():
    define(
        Op(
            _name, "elementwise", _to_bool, lambda attrs, a, b, f=_numpy: f(a, b),
            lambda g, y, a, b: (None, None), _code,
        )
    )  # fmt: skip

_BITWISE = {
    "bitwise_and": ("({0} & {1})", np.bitwise_and),
    "bitwise_or": ("({0} | {1})", np.bitwise_or),
    "bitwise_xor": ("({0} ^ {1})", np.bitwise_xor),
    "bitwise_left_shift": ("({0} << {1})", np.left_shift),
    "bitwise_right_shift": ("({0} >> {1})", np.right_shift),
}
for _name, (_code, _numpy) in _BITWISE.items():
    define(
        Op(
            _name, "elementwise",
            _needs("int uint" if "shift" in _name else "bool int uint", _name),
            lambda attrs, a, b, f=_numpy: f(a, b), lambda g, y, a, b: (None, None), _code,
        )
    )  # fmt: skip
define(Op("bitwise_invert", "elementwise", _needs("int uint", "bitwise_invert"),
          lambda attrs, x: np.invert(x), lambda g, y, x: (None,), "(~{0})"))  # fmt: skip
define(Op("logical_not", "elementwise", _needs("bool", "logical_not"),
          lambda attrs, x: np.logical_not(x), lambda g, y, x: (None,), "({0} == 0)"))  # fmt: skip
define(Op("signbit", "elementwise", _to_bool, lambda attrs, x: np.signbit(x),
          lambda g, y, x: (None,), "(signbit({0}) != 0)"))  # fmt: skip
define(Op("isnan", "elementwise", _to_bool, lambda attrs, x: np.isnan(x),
          lambda g, y, x: (None,), "({0} != {0})"))  # fmt: skip
define(Op("where", "elementwise", lambda c, a, b, attrs: (c.shape, a.dtype),
          lambda attrs, c, a, b: np.where(c, a, b),
          lambda g, y, c, a, b: (None, where(c, g, 0.0), where(c, 0.0, g)),
          "({0} ? {1} : {2})"))  # fmt: skip


def _cast_reference(attrs: tuple[DType], x: np.ndarray) -> np.ndarray:
    return dtypes.convert(x, attrs[0])


define(Op("cast", "elementwise", lambda x, attrs: (x.shape, attrs[0]), _cast_reference,
          lambda g, y, x: (cast(g, x.dtype),), "CAST"))  # fmt: skip
define(Op("detach", "barrier", _same, lambda attrs, x: x,
          lambda g, y, x: (None,), "{0}"))  # fmt: skip
