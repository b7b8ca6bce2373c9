"""How values and operations are spelled in OpenCL C, for scalars and for vectors.

A value has one form in registers, whatever its width: the ``lane`` of its type. Small integers
are wrapped and 2-byte floats rounded after each operation that may leave their type. A bool is 0
or 1 in a scalar and 0 or -1 in a vector lane of four bytes.
"""

from __future__ import annotations

import math
import re

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import TABLE
from jairika_nb.engine.preambles import PREAMBLES, WIDTH, element

__all__ = ["PREAMBLES", "WIDTH", "cast", "element_macros", "literal", "load", "operation", "store"]

Spelled = tuple[str, set[str]]  # an expression, and the preambles it needs

ORDERED = {"less", "less_equal", "greater", "greater_equal"}
# Operations whose result needs neither rounding nor wrapping, where their operands had it.
KEEP_FLOAT = {"where", "relu", "maximum", "minimum", "max", "min", "fmax", "neg", "abs", "sign",
              "copysign", "floor", "ceil", "trunc", "round"}  # fmt: skip
KEEP_INTEGER = {"where", "relu", "maximum", "minimum", "max", "min", "sign", "bitwise_and",
                "bitwise_or", "bitwise_xor", "bitwise_right_shift"}  # fmt: skip
# Signed arithmetic is done unsigned: C leaves open what an overflow gives, and compilers use it.
WRAPPING = {"add": "+", "sub": "-", "mul": "*", "sum": "+", "prod": "*"}


def vector(lane: str, width: int) -> str:
    """The C type of ``width`` values of a type."""
    return f"{lane}{width}" if width > 1 else lane


def value_type(dtype: DType, width: int) -> str:
    """The C type of a value in a register, ``width`` lanes wide."""
    return vector(dtype.lane, width)


def _is_long(dtype: DType) -> bool:
    return dtype.lane in ("long", "ulong", "double")


def literal(value: bool | int | float, dtype: DType) -> str:
    """A scalar constant, rounded to its type."""
    if dtype.kind in ("bool", "int", "uint"):
        suffix = {"long": "L", "uint": "u", "ulong": "UL"}.get(dtype.lane, "")
        number = int(value)
        low = -(2 ** (8 * dtype.itemsize - 1))
        if dtype.kind == "int" and number == low and dtype.itemsize > 2:
            return f"({number + 1}{suffix} - 1)"
        return f"({number}{suffix})" if number < 0 else f"{number}{suffix}"
    rounded = float(dtypes.convert(np.asarray(value), dtype))
    if math.isnan(rounded):
        text = "NAN"
    elif math.isinf(rounded):
        text = "INFINITY" if rounded > 0 else "(-INFINITY)"
    else:
        text = f"{rounded!r}{'f' if dtype.lane == 'float' else ''}"
        text = f"({text})" if text.startswith("-") else text
    return text if dtype.lane == "float" else f"(({dtype.lane}){text})"


# Memory


def load(buffer: str, at: str, dtype: DType, width: int = 1) -> str:
    """``width`` elements of a buffer from ``at`` on."""
    return element(buffer, at, dtype, width)


def memory_needs(dtype: DType, width: int) -> set[str]:
    """The preambles that :func:`load` and :func:`store` call."""
    return {"half_memory"} if dtype is dtypes.float16 and width > 1 else set()


def load_scattered(buffer: str, places: list[str], dtype: DType) -> str:
    """A vector of elements that lie apart."""
    lanes = [load(buffer, at, dtype) for at in places]
    lanes = [f"-{lane}" for lane in lanes] if dtype.kind == "bool" else lanes
    return f"({value_type(dtype, len(lanes))})({', '.join(lanes)})"


def load_alternate(buffer: str, at: str, dtype: DType) -> str:
    """A vector of every other element from ``at`` on; nothing beyond the last one is read."""
    first, second = (
        load(buffer, at, dtype, WIDTH),
        load(buffer, f"{at} + {WIDTH - 1}", dtype, WIDTH),
    )
    return f"({value_type(dtype, WIDTH)})(({first}).even, ({second}).odd)"


def load_doubled(buffer: str, at: str, dtype: DType) -> str:
    """A vector in which each of eight elements stands twice."""
    return f"({load(buffer, at, dtype, WIDTH // 2)}).s0011223344556677"


def store(text: str, buffer: str, at: str, dtype: DType, width: int = 1) -> str:
    """The statement that stores values of registers, which are of their type already."""
    if dtype is dtypes.float16:
        return (
            f"vstore_half_rte({text}, {at}, {buffer});"
            if width == 1
            else f"store_half16({text}, {buffer} + ({at}));"
        )
    text = _as_stored(text, dtype, width)
    return (
        f"{buffer}[{at}] = {text};"
        if width == 1
        else f"vstore{width}({text}, 0, {buffer} + ({at}));"
    )


def streamed(text: str, buffer: str, at: str, dtype: DType, when: list[str]) -> Spelled:
    """The statement that stores a vector past the caches, where all of ``when`` holds."""
    name, value = f"stream_{vector(dtype.opencl, WIDTH)}", _as_stored(text, dtype, WIDTH)
    return f"{name}({value}, {buffer} + ({at}), {' && '.join(when) or '1'});", {name}


def _as_stored(text: str, dtype: DType, width: int) -> str:
    if dtype is dtypes.bfloat16:
        text = f"as_{vector('uint', width)}({text}) >> 16"
    if dtype.kind == "bool" and width > 1:
        text = f"{text} & 1"
    if width > 1 and dtype.opencl != dtype.lane:
        text = f"convert_{vector(dtype.opencl, width)}({text})"
    return text


def register(place: str, width: int) -> str:
    """The value of a register that :func:`keep` stored."""
    return f"vload{width}(0, {place})" if width > 1 else f"*({place})"


def keep(name: str, place: str, width: int) -> str:
    """The statement that stores a register as it is."""
    return f"vstore{width}({name}, 0, {place});" if width > 1 else f"*({place}) = {name};"


def element_macros(dtype: DType, prefix: str = "") -> str:
    """What a hand-written kernel calls elements of a type, so that one text serves all of them.

    STORED is the type in memory, VALUE in registers; ``LOAD(p, i)`` and ``STORE(p, i, v)`` go
    between the two, and STORE rounds. ``prefix`` stands before each name.

    >>> print(element_macros(dtypes.int8))
    #define STORED char
    #define VALUE int
    #define LOAD(p, i) p[i]
    #define STORE(p, i, v) p[i] = (char)(v)
    <BLANKLINE>
    """
    stores = {
        "bool": "p[i] = (v) != 0",
        "float16": "vstore_half_rte(v, i, p)",
        "bfloat16": "p[i] = (v) != (v) ? (ushort)0x7FC0 : "
        "(ushort)((as_uint(v) + 0x7FFFu + ((as_uint(v) >> 16) & 1u)) >> 16)",
    }
    rows = {
        "STORED": dtype.opencl,
        "VALUE": dtype.lane,
        "LOAD(p, i)": load("p", "i", dtype),
        "STORE(p, i, v)": stores.get(dtype.name, f"p[i] = ({dtype.opencl})(v)"),
    }
    return "".join(f"#define {prefix}{name} {text}\n" for name, text in rows.items())


# Conversions


def truth(text: str, dtype: DType, width: int) -> str:
    """A comparison of values of a type, as a bool."""
    return f"convert_int{width}({text})" if width > 1 and _is_long(dtype) else text


def select(condition: str, a: str, b: str, dtype: DType, width: int) -> str:
    """``a`` where a bool is true, else ``b``, both of a type."""
    if width > 1 and _is_long(dtype):
        condition = f"convert_long{width}({condition})"
    return f"({condition} ? {a} : {b})"


def settled(text: str, dtype: DType, width: int) -> Spelled:
    """A value brought back into its type: small integers wrap, 2-byte floats are rounded."""
    if dtype in dtypes.NARROW:
        kind = "half" if dtype is dtypes.float16 else "bfloat"
        name = f"round_{kind}_{vector('float', width)}"
        return f"{name}({text})", {name}
    if dtype.kind == "uint" and dtype.itemsize < 4:
        return f"(({text}) & {2 ** (8 * dtype.itemsize) - 1}u)", set()
    if dtype.kind == "int" and dtype.itemsize < 4:
        unused = 32 - 8 * dtype.itemsize
        return f"((({text}) << {unused}) >> {unused})", set()
    return text, set()


def cast(text: str, source: DType, target: DType, width: int) -> Spelled:
    """A conversion, as :func:`jairika_nb.engine.dtypes.convert` defines it."""
    if target.kind == "bool":
        return truth(f"({text} != 0)", source, width), set()
    if source.kind == "float" and target.kind != "float":
        return _saturated(text, source, target, width), set()
    if source.kind == "bool" and width > 1:
        text = f"({text} & 1)"
    needs: set[str] = set()
    if _rounds_twice(source, target):
        name = f"to_odd_{value_type(source, width)}"
        text, needs = f"{name}({text})", {name}
    elif source.lane != target.lane:
        text = f"convert_{value_type(target, width)}({text})"
    if source.lane == target.lane and _holds(target, source):
        return text, needs
    text, more = settled(text, target, width)
    return text, needs | more


def _rounds_twice(source: DType, target: DType) -> bool:
    if target not in dtypes.NARROW:
        return False
    # Integers beyond what float32 holds are beyond float16 altogether.
    wide_integer = target is dtypes.bfloat16 and dtypes.is_integer(source) and source.itemsize > 2
    return source is dtypes.float64 or wide_integer


def _holds(target: DType, source: DType) -> bool:
    if target.kind == "float":
        return target not in dtypes.NARROW
    return target.itemsize >= source.itemsize


def _saturated(text: str, source: DType, target: DType, width: int) -> str:
    """A float as an integer: NaN as 0, what is out of range as the nearest."""
    kind, register = value_type(source, width), dtypes.REGISTERS[source.lane]
    low, high = (int(n) for n in dtypes.limits(target))
    top = register(high)
    exact = int(top) == high
    top = top if exact else np.nextafter(top, register(0))
    register_type = dtypes.float64 if source is dtypes.float64 else dtypes.float32
    from_, to = (literal(float(n), register_type) for n in (low, top))
    clean = f"({text} == {text} ? clamp({text}, ({kind})({from_}), ({kind})({to})) : ({kind})(0))"
    inside = f"convert_{value_type(target, width)}({clean})"
    if exact:
        return inside
    beyond = truth(f"({text} > {to})", source, width)
    most = f"({value_type(target, width)})({literal(high, target)})"
    return select(beyond, most, inside, target, width)


# Operations


def operation(name: str, args: list[str], dtype: DType, result: DType, width: int) -> Spelled:
    """The expression of a table row's operation on operands of ``dtype``."""
    if name in ORDERED and dtype.kind == "bool" and width > 1:
        # True is -1 in a lane, which would be less than False.
        args = [f"({a} & 1)" for a in args]
    text, needs = _spelled(name, args, dtype, width)
    if result.kind == "bool":
        return (text if dtype.kind == "bool" else truth(text, dtype, width)), needs
    if name in (KEEP_FLOAT if result.kind == "float" else KEEP_INTEGER):
        return text, needs
    text, more = settled(text, result, width)
    return text, needs | more


def _spelled(name: str, args: list[str], dtype: DType, width: int) -> Spelled:
    kind = value_type(dtype, width)
    if name == "where":
        condition, a, b = args
        return select(condition, a, b, dtype, width), set()
    if name == "sign":
        return _sign(args[0], dtype, kind), set()
    if name == "abs":
        return _abs(args[0], dtype, kind), set()
    if name == "relu":
        return select(f"({args[0]} <= 0)", f"({kind})(0)", args[0], dtype, width), set()
    if dtype.kind == "int" and name in WRAPPING:
        a, b = (f"as_u{kind}({arg})" for arg in args)
        return f"as_{kind}({a} {WRAPPING[name]} {b})", set()
    if dtype.kind == "int" and name == "neg":
        return f"as_{kind}(-as_u{kind}({args[0]}))", set()
    function = FUNCTIONS.get(name)
    if name == "pow" and dtype.kind == "float" and kind != "double16":
        return f"pow({args[0]}, {args[1]})", set()
    if name in OWN and f"{name}_{kind}" in PREAMBLES:
        return f"{name}_{kind}({args[0]})", {f"{name}_{kind}"}
    if function is None:
        text = TABLE[name].code.format(*args)
        own = re.sub(r"\bexp\(", "exp_float16(", text) if kind == "float16" else text
        return own, {"exp_float16"} if own != text else set()
    if name.endswith("shift"):
        args = [*args, f"({kind})({8 * dtype.itemsize})"]
    return f"{function}_{kind}({', '.join(args)})", {f"{function}_{kind}"}


# Functions with a text of their own where a driver's is slow or wrong for a type.
OWN = {"sin", "cos", "tan", "tanh", "erf", "sigmoid", "exp_below"}
# Operations that call a function of PREAMBLES whose name ends with the type, as power_int16 does;
# functions that users write join them.
FUNCTIONS = {"remainder": "remainder", "floor_divide": "divide", "pow": "power",
              "bitwise_left_shift": "left", "bitwise_right_shift": "right",
              **{name: name for name in ("gelu_tanh", "gelu_tanh_slope", "gelu_erf",
                                         "gelu_erf_slope", "share")}}  # fmt: skip


def _abs(x: str, dtype: DType, kind: str) -> str:
    if dtype.kind == "float":
        return f"fabs({x})"
    return x if dtype.kind == "uint" else f"as_{kind}(abs({x}))"


def _sign(x: str, dtype: DType, kind: str) -> str:
    if dtype.kind == "float":
        # The sign of -0 is +0, and that of NaN NaN; OpenCL's own says -0 and 0.
        return f"({x} == 0 ? ({kind})(0) : {x} != {x} ? {x} : sign({x}))"
    low, one = f"({kind})(-1)", f"({kind})(1)"
    return f"clamp({x}, {low}, {one})" if dtype.kind == "int" else f"min({x}, {one})"
