"""How values and operations are spelled in OpenCL C, for scalars and for 16-wide vectors."""

from __future__ import annotations

import math

from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import TABLE

WIDTH = 16
# Vector lanes are 4 bytes wide, so that comparisons, selects and conversions all fit together.
LANE_TYPES = {"float32": "float", "int32": "int", "uint32": "uint", "bool": "int"}
# Operations that are spelled for scalars only: integer division traps on zero unless guarded.
SCALAR_ONLY = {"remainder", "floor_divide"}
ORDERED = {"less", "less_equal", "greater", "greater_equal"}

PREAMBLES = {
    "philox": """\
// Philox 4x32-10: word i % 4 of the block with counter (i / 4, 0, call, 0).
#define PHILOX(NAME, U, SELECT) \\
inline U NAME(U i, uint k0, uint k1, uint call) { \\
  U c0 = i >> 2, c1 = (U)(0), c2 = (U)(call), c3 = (U)(0); \\
  for (int round = 0; round < 10; round++) { \\
    U h0 = mul_hi((U)(0xD2511F53u), c0), l0 = c0 * 0xD2511F53u; \\
    U h1 = mul_hi((U)(0xCD9E8D57u), c2), l1 = c2 * 0xCD9E8D57u; \\
    c0 = h1 ^ c1 ^ k0; c1 = l1; c2 = h0 ^ c3 ^ k1; c3 = l0; \\
    k0 += 0x9E3779B9u; k1 += 0xBB67AE85u; \\
  } \\
  U w = i & 3; \\
  return w == 0 ? c0 : w == 1 ? c1 : w == 2 ? c2 : c3; \\
}
PHILOX(philox1, uint, 0)
PHILOX(philox16, uint16, 0)
""",
    "pick": """\
// An index from data: negative ones count from the end; one outside the axis is reported.
inline int pick(long i, long n, int axis, global int *fault) {
  const long at = i < 0 ? i + n : i;
  if (at >= 0 && at < n) return (int)at;
  fault[1] = (int)clamp(i, (long)INT_MIN, (long)INT_MAX);
  fault[2] = (int)n;
  fault[3] = axis;
  fault[0] = 1;
  return 0;
}
""",
    "load_part": """\
inline float16 load_part(global const float *p, int first, int last) {
  if (first <= 0 && last >= 16) return vload16(0, p);
  float lanes[16];
  for (int i = 0; i < 16; i++) lanes[i] = i >= first && i < last ? p[i] : 0.0f;
  return vload16(0, lanes);
}
""",
    "remainder_f": """\
inline float remainder_f(float a, float b) {
  float r = fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : (r == 0 ? copysign(0.0f, b) : r);
}
""",
    "remainder_d": """\
inline double remainder_d(double a, double b) {
  double r = fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : (r == 0 ? copysign(0.0, b) : r);
}
""",
    "remainder_i": """\
inline long remainder_i(long a, long b) {
  if (b == 0 || b == -1) return 0;
  long r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
""",
    "remainder_u": """\
inline ulong remainder_u(ulong a, ulong b) { return b == 0 ? 0 : a % b; }
""",
    "divide_i": """\
inline long divide_i(long a, long b) {
  if (b == 0) return 0;
  if (b == -1) return (long)(-(ulong)a);
  long q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}
""",
    "divide_u": """\
inline ulong divide_u(ulong a, ulong b) { return b == 0 ? 0 : a / b; }
""",
    "power_i": """\
inline long power_i(long a, long n) {
  if (n < 0) return a == 1 ? 1 : a == -1 ? (n & 1 ? -1 : 1) : 0;
  long r = 1;
  for (; n; n >>= 1, a *= a) if (n & 1) r *= a;
  return r;
}
""",
}


def value_type(dtype: DType, width: int) -> str:
    """The C type of a value in a register, ``width`` lanes wide."""
    if width > 1:
        return f"{LANE_TYPES[dtype.name]}{width}"
    return "int" if dtype.kind == "bool" else dtype.opencl


def literal(value: bool | int | float, dtype: DType) -> str:
    """A scalar constant."""
    if dtype.kind in ("bool", "int", "uint"):
        suffix = {"int64": "L", "uint32": "u", "uint64": "UL"}.get(dtype.name, "")
        number = int(value)
        low = -(2 ** (8 * dtype.itemsize - 1))
        if dtype.kind == "int" and number == low:
            return f"({number + 1}{suffix} - 1)"
        return f"({number}{suffix})" if number < 0 else f"{number}{suffix}"
    kind = {"float64": "", "float32": "f", "float16": "f"}[dtype.name]
    if math.isnan(value):
        text = "NAN"
    elif math.isinf(value):
        text = "INFINITY" if value > 0 else "(-INFINITY)"
    else:
        text = f"{float(value)!r}{kind}"
        text = f"({text})" if text.startswith("-") else text
    return text if dtype.name == "float32" else f"(({dtype.opencl}){text})"


def cast(text: str, source: DType, target: DType, width: int) -> str:
    """A conversion; a bool lane of a vector is 0 or -1."""
    if target.kind == "bool":
        return f"({text} != 0)"
    if width == 1:
        return f"(({target.opencl}){text})"
    bare = f"({text} & 1)" if source.kind == "bool" else text
    if value_type(source, width) == value_type(target, width):
        return bare
    return f"convert_{value_type(target, width)}({bare})"


def operation(name: str, args: list[str], dtype: DType, width: int) -> tuple[str, set[str]]:
    """The expression of a table row's operation, and the preambles it needs."""
    special = _SPECIAL.get(name)
    if name in ORDERED and dtype.kind == "bool" and width > 1:
        # True is -1 in a lane, which would be less than False.
        args = [f"({a} & 1)" for a in args]
    if special:
        return special(args, dtype, width)
    return TABLE[name].code.format(*args), set()


def _abs(args: list[str], dtype: DType, width: int) -> tuple[str, set[str]]:
    if dtype.kind == "float":
        return f"fabs({args[0]})", set()
    x = args[0]
    return (x if dtype.kind == "uint" else f"({x} < 0 ? -{x} : {x})"), set()


def _sign(args: list[str], dtype: DType, width: int) -> tuple[str, set[str]]:
    x = args[0]
    if dtype.kind == "float":
        return f"({x} != {x} ? {x} : sign({x}))", set()
    kind = value_type(dtype, width)
    return f"clamp({x}, ({kind})(-1), ({kind})(1))" if dtype.kind == "int" else (
        f"min({x}, ({kind})(1))"
    ), set()


def _kind(dtype: DType) -> str:
    return "d" if dtype.name == "float64" else dtype.kind[0]


def _pow(args: list[str], dtype: DType, width: int) -> tuple[str, set[str]]:
    a, b = args
    if dtype.kind == "float":
        return f"pow({a}, {b})", set()
    return f"(({dtype.opencl})power_i({a}, {b}))", {"power_i"}


def _remainder(args: list[str], dtype: DType, width: int) -> tuple[str, set[str]]:
    name = f"remainder_{_kind(dtype)}"
    return f"(({dtype.opencl}){name}({args[0]}, {args[1]}))", {name}


def _floor_divide(args: list[str], dtype: DType, width: int) -> tuple[str, set[str]]:
    a, b = args
    if dtype.kind == "float":
        # floor of the exact quotient: a / b may round up to the next integer.
        name = f"remainder_{_kind(dtype)}"
        return f"rint(({a} - {name}({a}, {b})) / {b})", {name}
    name = f"divide_{_kind(dtype)}"
    return f"(({dtype.opencl}){name}({a}, {b}))", {name}


_SPECIAL = {"abs": _abs, "sign": _sign, "pow": _pow, "remainder": _remainder,
            "floor_divide": _floor_divide}  # fmt: skip
