"""OpenCL C functions that generated kernels call; a kernel's text holds those it needs.

Most come once for scalars and once for each width of vectors, under OpenCL's own habit of names:
``remainder_float`` and ``remainder_float16``. In a vector a comparison gives 0 or -1 in lanes as
wide as what was compared, in a scalar 0 or 1; the texts hold for both.
"""

from __future__ import annotations

from jairika_nb.engine import gelu, integer_functions
from jairika_nb.engine.dtypes import ALL, UNSUPPORTED, DType, bool_

WIDTH = 16
WIDTHS = (1, WIDTH)
UNSIGNED = {"int": "uint", "long": "ulong"}

PHILOX = """\
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
"""

PICK = """\
// An index from data: negative ones count from the end; one outside the axis is reported.
inline long pick(long i, long n, int axis, global int *fault) {
  const long at = i < 0 ? i + n : i;
  if (at >= 0 && at < n) return at;
  fault[1] = (int)clamp(i, (long)INT_MIN, (long)INT_MAX);
  fault[2] = (int)min(n, (long)INT_MAX);
  fault[3] = axis;
  fault[0] = 1;
  return 0;
}
"""

# Rounding a float32 to what a 2-byte type holds. Memory is where OpenCL lets halves exist without
# an extension; compilers make two instructions of it.
ROUND_HALF = """\
inline V round_half_V(V v) {
  ushort bits[WIDTH] __attribute__((aligned(64)));
  vstore_halfN_rte(v, 0, (half *)bits);
  return vload_halfN(0, (const half *)bits);
}
"""
# PoCL 3.1 takes vectors of halves in memory to lie at multiples of their size, which OpenCL does
# not ask for: those that do not go through a place that does.
HALF_MEMORY = """\
inline float16 load_half16(global const half *p) {
  if (((uintptr_t)p & 31) == 0) return vload_half16(0, p);
  ushort bits[16] __attribute__((aligned(64)));
  vstore16(vload16(0, (global const ushort *)p), 0, bits);
  return vload_half16(0, (const half *)bits);
}
inline void store_half16(float16 v, global half *p) {
  if (((uintptr_t)p & 31) == 0) {
    vstore_half16_rte(v, 0, p);
    return;
  }
  ushort bits[16] __attribute__((aligned(64)));
  vstore_half16_rte(v, 0, (half *)bits);
  vstore16(vload16(0, bits), 0, (global ushort *)p);
}
"""
ROUND_BFLOAT = """\
inline V round_bfloat_V(V v) {
  const uintN bits = as_uintN(v);
  const uintN near = (bits + 0x7FFFu + ((bits >> 16) & 1u)) & 0xFFFF0000u;
  return v == v ? as_floatN(near) : (V)(NAN);
}
"""
# A wider number as a float32 that rounds on as the number itself would: cut off, and made odd
# where something was lost (S. Boldo, G. Melquiond, "When double rounding is odd", 2005).
TO_ODD = """\
inline floatN to_odd_V(V v) {
  const floatN cut = convert_floatN_rtz(v);
  return CONDITION(convert_V(cut) == v) ? cut : as_floatN(as_uintN(cut) | 1u);
}
"""

# Python's rules: a remainder has the sign of the divisor.
REMAINDER_FLOAT = """\
inline V remainder_V(V a, V b) {
  FMOD
  const V moved = ((r < 0) != (b < 0)) ? r + b : r;
  return r == 0 ? copysign((V)(0), b) : moved;
}
"""
# floor of the exact quotient: a / b itself may round up to the next integer. The array API
# standard wants a / b where an operand is zero or infinite.
DIVIDE_FLOAT = """\
inline V divide_V(V a, V b) {
  FMOD
  const V whole = (a - r) / b;
  const V down = rint(((r != 0) & ((r < 0) != (b < 0))) ? whole - 1 : whole);
  const V exact = a / b;
  const V quotient = down == 0 ? copysign((V)(0), exact) : down;
  const V top = (V)(INFINITY);
  return ((a == 0) | (b == 0) | (fabs(a) == top) | (fabs(b) == top)) ? exact : quotient;
}
"""
LOAD_PART = """\
inline LANE16 load_part_NAME(
    global const STORED *whole, const long at, const long size, int first, int last) {
  global const STORED *p = whole + at;
  if (first <= 0 && last >= 16) return WHOLE;
  if (first >= 16 || last <= 0) return (LANE16)(0);
  if (at >= 0 && at + 16 <= size) {
    const COUNT16 i = (COUNT16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return (i >= (COUNT16)(first)) & (i < (COUNT16)(last)) ? WHOLE : (LANE16)(0);
  }
  LANE lanes[16];
  for (int i = 0; i < 16; i++) lanes[i] = i >= first && i < last ? ONE : (LANE)(0);
  return vload16(0, lanes);
}
"""

# PoCL 3.1 reduces all lanes of a float16 as its largest needs, which gives wrong sines of tiny
# numbers beside huge ones.
TURN = """\
inline float16 FUNCTION_float16(float16 x) {
  const int16 far = fabs(x) > 65536.0f;
  if (!any(far)) return FUNCTION(x);
  const float16 near = FUNCTION(far ? (float16)(0.0f) : x);
  return far ? FUNCTION(far ? x : (float16)(131072.0f)) : near;
}
"""
# exp(Y) = 2^n * exp(r) with n whole and |r| <= log(2) / 2: n comes from rounding by a large addend,
# in whose low bits it is left for the exponent; log(2) in two parts keeps r exact (W. Cody, W.
# Waite, 1980). p * r + 1 errs by at most 3e-9, the whole by 0.9 units in the last place.
_EXP = """\
  const float16 t = fma(Y, (float16)(1.44269504f), (float16)(ADDEND));
  const float16 n = t - ADDEND;
  const float16 r = fma(n, (float16)(-1.42860677e-06f), fma(n, (float16)(-0.693145752f), Y));
  float16 p = (float16)(0.0013813143f);
  p = fma(p, r, (float16)(0.008369419f));
  p = fma(p, r, (float16)(0.041668456f));
  p = fma(p, r, (float16)(0.16666515f));
  p = fma(p, r, (float16)(0.49999994f));
  p = fma(p, r, (float16)(1.0f));
"""


def _of_exp(y: str, more: int) -> str:
    """The lines that make t, r and p from ``y``; the low bits of t are n and ``more``."""
    return _EXP.replace("Y", y).replace("ADDEND", f"{12582912 + more}.0f")


EXP_NEAR = f"""\
#ifndef EXP_NEAR
#define EXP_NEAR
// From -87 to 88, where neither overflow nor what is below the normal numbers can come.
inline float16 exp_near(float16 x) {{
{_of_exp("x", 0)}\
  p = fma(p, r, (float16)(1.0f));
  return as_float16(as_int16(p) + (as_int16(t) << 23));
}}
#endif
"""
# For what is never above 0, as the arguments of softmax are: the power of two is 2^64 too large,
# so that it is a normal number where the result is not.
EXP_BELOW = f"""\
inline float16 exp_below_float16(float16 x) {{
  const float16 y = x < -104.0f ? (float16)(-104.0f) : x;
{_of_exp("y", 127 + 64)}\
  const float16 scale = as_float16(as_int16(t) << 23);
  return fma(p, r * scale, scale) * {2.0**-64!r}f;
}}
"""
# 2^x by a polynomial of what x is more than a whole number, which a large addend leaves, 127 more,
# in its low bits. It errs by 9e-8, is 0 and infinity beyond the range, and keeps a NaN.
EXP2_NEAR = """\
#ifndef EXP2_NEAR
#define EXP2_NEAR
inline float16 exp2_near(float16 v) {
  const float16 under = v > 128.0f ? (float16)(128.0f) : v;
  const float16 x = under < -127.0f ? (float16)(-127.0f) : under;
  const float16 t = x + 12583039.0f;
  const float16 r = x - (t - 12583039.0f);
  float16 p = (float16)(0.0013264727f);
  p = fma(p, r, (float16)(0.009671513f));
  p = fma(p, r, (float16)(0.055507336f));
  p = fma(p, r, (float16)(0.24022242f));
  p = fma(p, r, (float16)(0.693147f));
  p = fma(p, r, (float16)(1.0f));
  return p * as_float16(as_int16(t) << 23);
}
#endif
"""
# For all numbers, for PoCL, whose own takes half as long again. The power of two comes in two
# halves, which are normal numbers also where the whole is infinite, or below those.
EXP = f"""\
inline float16 exp_float16(float16 x) {{
#ifdef POCL_DEVICE_ADDRESS_BITS
  const float16 most = x > 89.0f ? (float16)(89.0f) : x;
  const float16 y = most < -104.0f ? (float16)(-104.0f) : most;
{_of_exp("y", 2 * 127)}\
  const int16 bits = as_int16(t), half_of = bits >> 1;
  const float16 scale = as_float16(half_of << 23);
  return fma(p, r * scale, scale) * as_float16((bits - half_of) << 23);
#else
  return exp(x);
#endif
}}
"""
# The parts of a sum by the whole, none of them below 0: a quotient from the reciprocal, made right
# by what it leaves (P. Markstein, 1990), in three fifths of the time of a division where the whole
# is the same in all turns of a loop.
SHARE = """\
inline V share_V(V part, V whole) {
  const V by = 1 / whole;
  if (ANY(!((whole > 1e-30f) & (whole < 1e30f)))) return part / whole;
  const V rest = fma(-whole, by, (V)(1)) * by;
  return fma(part, by, part * rest);
}
"""
SHARE_DOUBLE = "inline V share_V(V part, V whole) { return part / whole; }\n"
# erf within 1.5 units in the last place: x + x * P(x * x) up to 0.9, 1 - exp(-Q(x)) above it, by
# polynomials fitted to double values with the least greatest error. Drivers' own: Intel's errs by
# 4 units, PoCL's takes five times as long.
ERF = """\
inline V erf_V(V x) {
  const V a = fabs(x), t = x * x;
  V p = (V)(8.538836e-05f);
  p = fma(p, t, (V)(-8.1819267e-04f));
  p = fma(p, t, (V)(5.2044359e-03f));
  p = fma(p, t, (V)(-2.6860753e-02f));
  p = fma(p, t, (V)(1.1283720e-01f));
  p = fma(p, t, (V)(-3.7612635e-01f));
  p = fma(p, t, (V)(1.2837917e-01f));
  V q = (V)(6.6276042e-07f);
  q = fma(q, a, (V)(1.2330696e-05f));
  q = fma(q, a, (V)(-3.8478963e-04f));
  q = fma(q, a, (V)(4.0134098e-03f));
  q = fma(q, a, (V)(-2.4812821e-02f));
  q = fma(q, a, (V)(1.0790574e-01f));
  q = fma(q, a, (V)(6.3362730e-01f));
  q = fma(q, a, (V)(1.1293970e+00f));
  q = fma(q, a, (V)(-1.5338416e-04f));
  const V far = a > 4 ? (V)(1) : 1 - EXP(-q);
  return a >= 0.9f ? copysign(far, x) : fma(x, p, x);
}
"""
# Near 0 an odd polynomial, fitted to a relative error of 5e-9, beyond 1 the exponential: twice as
# fast as the drivers', and 1 from where it rounds to 1.
TANH_FLOAT = """\
inline V tanh_V(V x) {
  const V a = fabs(x), t = a * a;
  V p = (V)(-3.5845181e-04f);
  p = fma(p, t, (V)(2.3013640e-03f));
  p = fma(p, t, (V)(-7.9461058e-03f));
  p = fma(p, t, (V)(2.1486657e-02f));
  p = fma(p, t, (V)(-5.3879803e-02f));
  p = fma(p, t, (V)(1.3332345e-01f));
  p = fma(p, t, (V)(-3.3333295e-01f));
  const V far = 1 - 2 / (EXP(2 * (10.0f < a ? (V)(10.0f) : a)) + 1);
  return copysign(a >= 1 ? far : fma(a * t, p, a), x);
}
"""
# 1 / (1 + exp(-x)) within 2.1 units in the last place; below -88 it is under the normal numbers
# and 0, whatever the exponential gives there. The product with 0 keeps a NaN, whatever its bits
# are.
SIGMOID = """\
inline V sigmoid_V(V x) {
  const V b = 87.0f < x ? (V)(87.0f) : x;
  const V whole = fma(b, (V)(0.0f), (V)(1.0f)) + EXP(-b);
  return x < -88.0f ? (V)(0.0f) : 1 / whole;
}
"""
# 1 from where it rounds to 1: PoCL's stays one unit below, of which derivatives make more.
TANH = "inline V tanh_V(V x) { return fabs(x) > 19.1 ? copysign((V)(1), x) : tanh(x); }\n"
# Lane by lane: PoCL 3.1's pow and fmod of double16 give wrong lanes here and there.
POWER_LANES = """\
inline V power_V(V a, V b) {
  double x[WIDTH], y[WIDTH];
  vstoreWIDTH(a, 0, x);
  vstoreWIDTH(b, 0, y);
  for (int i = 0; i < WIDTH; i++) x[i] = pow(x[i], y[i]);
  return vloadWIDTH(0, x);
}
"""
_FMOD_LANES = """double x[WIDTH], y[WIDTH];
  vstoreWIDTH(a, 0, x);
  vstoreWIDTH(b, 0, y);
  for (int i = 0; i < WIDTH; i++) x[i] = fmod(x[i], y[i]);
  const V r = vloadWIDTH(0, x);"""

_TEMPLATES: dict[str, tuple[tuple[str, str], ...]] = {
    "float": (("round_half", ROUND_HALF), ("round_bfloat", ROUND_BFLOAT),
              ("remainder", REMAINDER_FLOAT), ("divide", DIVIDE_FLOAT), ("erf", ERF),
              ("tanh", TANH_FLOAT), ("sigmoid", SIGMOID), ("share", SHARE),
              *gelu.templates("float")),
    "double": (("to_odd", TO_ODD), ("remainder", REMAINDER_FLOAT), ("divide", DIVIDE_FLOAT),
               ("power", POWER_LANES), ("tanh", TANH), ("share", SHARE_DOUBLE),
               *gelu.templates("double")),
    **dict.fromkeys(("int", "long"), (("to_odd", TO_ODD), *integer_functions.SIGNED)),
    **dict.fromkeys(("uint", "ulong"), (("to_odd", TO_ODD), *integer_functions.UNSIGNED)),
}  # fmt: skip


def _filled(template: str, lane: str, width: int) -> str:
    """A template for one type: V the vector, U its unsigned twin, N the width in names."""
    number = str(width) if width > 1 else ""
    narrows = width > 1 and lane in ("long", "ulong", "double")
    lanes = width > 1 and lane == "double"
    words = {
        "FMOD": _FMOD_LANES if lanes else "const V r = fmod(a, b);",
        "CONDITION(": f"convert_int{number}(" if narrows else "(",
        "ANY(": "any(" if width > 1 else "(",
        "WIDTH": str(width),
        "_V": f"_{lane}{number}",
        "_U": f"_{UNSIGNED.get(lane, lane)}{number}",
        "(V)": f"({lane}{number})",
        "(U)": f"({UNSIGNED.get(lane, lane)}{number})",
        "V ": f"{lane}{number} ",
        "U ": f"{UNSIGNED.get(lane, lane)}{number} ",
        "floatN": f"float{number}",
        "uintN": f"uint{number}",
        "halfN": f"half{number}",
    }
    for word, name, text in (("EXP(", "exp", EXP_NEAR), ("EXP2(", "exp2", EXP2_NEAR)):
        if word in template:
            # Vectors take the one for arguments that are in range, as all of these functions' are.
            near = width > 1 and lane == "float"
            template = (text if near else "") + template
            words[word] = f"{name}_near(" if near else f"{name}("
    for word, text in words.items():
        template = template.replace(word, text)
    return template


def _part(dtype: DType, whole: str, one: str) -> str:
    words = {
        "LANE": dtype.lane,
        "NAME": dtype.name,
        "STORED": dtype.opencl,
        "WHOLE": whole,
        "ONE": one,
        "COUNT": "long" if dtype.lane in ("long", "ulong", "double") else "int",
    }
    text = LOAD_PART
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def element(p: str, at: str, dtype: DType, width: int) -> str:
    """The expression that reads ``width`` elements from ``p`` on; a bool lane is 0 or -1."""
    place = f"{p} + ({at})"
    if dtype.name == "float16":
        return f"vload_half({at}, {p})" if width == 1 else f"load_half16({place})"
    one, many = f"{p}[{at}]", f"vload{width}(0, {place})"
    if dtype.name == "bfloat16":
        return (
            f"as_float((uint){one} << 16)"
            if width == 1
            else f"as_float{width}(convert_uint{width}({many}) << 16)"
        )
    if dtype is bool_:
        return f"({one} != 0)" if width == 1 else f"(convert_int{width}({many}) != 0)"
    if width == 1 or dtype.lane == dtype.opencl:
        return one if width == 1 else many
    return f"convert_{dtype.lane}{width}({many})"


# Past the caches, where the driver's compiler can and the place is a multiple of the vector.
STREAM = """\
#ifndef __has_builtin
#define __has_builtin(name) 0
#endif
inline void stream_TYPE16(TYPE16 v, global TYPE *p, int when) {
#if __has_builtin(__builtin_nontemporal_store)
  if (when && ((uintptr_t)p & (sizeof(v) - 1)) == 0) {
    __builtin_nontemporal_store(v, (global TYPE16 *)p);
    return;
  }
#endif
  vstore16(v, 0, p);
}
"""

PREAMBLES = {"philox": PHILOX, "pick": PICK, "half_memory": HALF_MEMORY, "exp_float16": EXP,
             "exp_below_float16": EXP_BELOW, "exp2_near": EXP2_NEAR}  # fmt: skip
for _type in sorted({d.opencl for d in ALL if d not in UNSUPPORTED and d.opencl != "half"}):
    PREAMBLES[f"stream_{_type}16"] = STREAM.replace("TYPE", _type)
for _name in ("sin", "cos", "tan"):
    PREAMBLES[f"{_name}_float16"] = TURN.replace("FUNCTION", _name)
for _lane, _rows in _TEMPLATES.items():
    for _width in WIDTHS:
        for _name, _template in _rows:
            if _template is POWER_LANES and _width == 1:
                continue
            _suffix = f"{_lane}{_width if _width > 1 else ''}"
            PREAMBLES[f"{_name}_{_suffix}"] = _filled(_template, _lane, _width)
for _dtype in ALL:
    if _dtype not in UNSUPPORTED:
        _one = element("p", "i", _dtype, 1)
        PREAMBLES[f"load_part_{_dtype.name}"] = _part(
            _dtype, element("p", "0", _dtype, 16), f"-{_one}" if _dtype is bool_ else _one
        )
