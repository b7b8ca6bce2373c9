"""Division, powers and shifts of integers in OpenCL C, for all operands there are."""

from __future__ import annotations

# Hardware traps on division by 0, and on that of the smallest integer by -1.
REMAINDER_SIGNED = """\
inline V remainder_V(V a, V b) {
  const V safe = ((b == 0) | (b == -1)) ? (V)(1) : b;
  const V r = a % safe;
  return ((r != 0) & ((r < 0) != (safe < 0))) ? r + safe : r;
}
"""
REMAINDER_UNSIGNED = """\
inline V remainder_V(V a, V b) {
  const V r = a % (b == 0 ? (V)(1) : b);
  return b == 0 ? (V)(0) : r;
}
"""
DIVIDE_SIGNED = """\
inline V divide_V(V a, V b) {
  const V safe = ((b == 0) | (b == -1)) ? (V)(1) : b;
  const V q = a / safe, r = a % safe;
  const V down = ((r != 0) & ((r < 0) != (safe < 0))) ? q - 1 : q;
  return b == 0 ? (V)(0) : b == -1 ? as_V(-as_U(a)) : down;
}
"""
DIVIDE_UNSIGNED = """\
inline V divide_V(V a, V b) {
  const V q = a / (b == 0 ? (V)(1) : b);
  return b == 0 ? (V)(0) : q;
}
"""
POWER_SIGNED = """\
inline V power_V(V a, V n) {
  const V sign = (n & 1) != 0 ? (V)(-1) : (V)(1);
  const V inverse = a == 1 ? (V)(1) : a == -1 ? sign : (V)(0);
  U r = (U)(1), square = as_U(a);
  for (V left = n; ANY(left > 0); left >>= 1) {
    r = (left & 1) != 0 ? r * square : r;
    square *= square;
  }
  return n < 0 ? inverse : as_V(r);
}
"""
POWER_UNSIGNED = """\
inline V power_V(V a, V n) {
  V r = (V)(1);
  for (V left = n; ANY(left != 0); left >>= 1) {
    r = (left & 1) != 0 ? r * a : r;
    a *= a;
  }
  return r;
}
"""
# A shift by no less than the width leaves nothing, or the sign.
LEFT_SIGNED = """\
inline V left_V(V a, V n, V bits) {
  return ((n >= 0) & (n < bits)) ? as_V(as_U(a) << as_U(n)) : (V)(0);
}
"""
RIGHT_SIGNED = """\
inline V right_V(V a, V n, V bits) {
  const V sign = a < 0 ? (V)(-1) : (V)(0);
  return ((n >= 0) & (n < bits)) ? a >> n : sign;
}
"""
LEFT_UNSIGNED = "inline V left_V(V a, V n, V bits) { return n < bits ? a << n : (V)(0); }\n"
RIGHT_UNSIGNED = "inline V right_V(V a, V n, V bits) { return n < bits ? a >> n : (V)(0); }\n"

# The names and texts of the functions of each kind, as `preambles.py` fills them in.
SIGNED = (("remainder", REMAINDER_SIGNED), ("divide", DIVIDE_SIGNED), ("power", POWER_SIGNED),
          ("left", LEFT_SIGNED), ("right", RIGHT_SIGNED))  # fmt: skip
UNSIGNED = (("remainder", REMAINDER_UNSIGNED), ("divide", DIVIDE_UNSIGNED),
            ("power", POWER_UNSIGNED), ("left", LEFT_UNSIGNED),
            ("right", RIGHT_UNSIGNED))  # fmt: skip
