"""GELU as x times the sigmoid of a cubic, and its slope, in OpenCL C.

D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units" (2016) write the sigmoid of 2z as
(1 + tanh(z)) / 2, which loses all digits where it is small.
"""

from __future__ import annotations

import math

import numpy as np

# The cubic is x * (SLOPE + CUBE * x * x).
SLOPE = math.sqrt(8 / math.pi)
CUBE = 0.044715 * SLOPE
# Beyond these numbers the sigmoid is 0 or 1, and its exponential would leave its type.
FARTHEST = {"float": 9.9, "double": 20.5}

# A NaN stays one through the last operation.
_BEGIN = """\
  const V low = x < -FARTHEST ? (V)(-FARTHEST) : x;
  const V a = FARTHEST < low ? (V)(FARTHEST) : low;
  const V square = a * a;
  const V power = EXP(-(a * fma(square, (V)(CUBE), (V)(SLOPE))));
  const V share = 1 / (1 + power);
"""
_VALUE = f"""\
inline V gelu_tanh_V(V x) {{
{_BEGIN}  return x * (x < -FARTHEST ? (V)(0) : share);
}}
"""
_STEEP = f"""\
inline V gelu_tanh_slope_V(V x) {{
{_BEGIN}  const V steep = a * fma(square, (V)(THRICE), (V)(SLOPE));
  return x < -FARTHEST ? (V)(0) : fma(steep * share, power * share, share);
}}
"""


def templates(lane: str) -> tuple[tuple[str, str], ...]:
    """The names and texts of both functions for a type, as `preambles.py` fills them in."""
    numbers = {"FARTHEST": FARTHEST[lane], "THRICE": 3 * CUBE, "CUBE": CUBE, "SLOPE": SLOPE}
    found = []
    for name, text in (("gelu_tanh", _VALUE), ("gelu_tanh_slope", _STEEP)):
        for word, number in numbers.items():
            written = f"{np.float32(number)!s}f" if lane == "float" else repr(number)
            text = text.replace(word, written)
        found.append((name, text))
    return tuple(found)
