"""GELU as x times the sigmoid of an odd polynomial, and its slope, in OpenCL C.

D. Hendrycks, K. Gimpel, "Gaussian Error Linear Units" (2016) write the sigmoid of 2z as
(1 + tanh(z)) / 2, which loses all digits where it is small. The normal distribution itself is the
sigmoid of its log-odds: those are a polynomial as well, so both forms cost one exponential.
"""

from __future__ import annotations

import math

# The cubic of the form by tanh is x * (SLOPE + CUBE * x * x).
SLOPE = math.sqrt(8 / math.pi)
CUBE = 0.044715 * SLOPE
# Beyond these numbers its slope is 0 or 1, and an exponential would leave its type.
FARTHEST = {"float": 9.9, "double": 20.5}
# The log-odds of the normal distribution divided by -x * log(2), by powers of x * x: fitted so that
# the distribution errs by 3e-8 at most. Beyond 6 they grow on, so that it ends in 0 and 1.
LOG_ODDS = (
    -2.3022093772888184, -0.10483512282371521, 9.404921001987532e-05, 1.59579940373078e-04,
    -1.1439835361670703e-05, 3.81631394930082e-07, -5.067239960965253e-09,
)  # fmt: skip
# A NaN stays one through the last operation of each.
_SHARE = """\
  const V square = a * a;
  const V power = EXP2(a * ODDS);
  const V share = 1 / (1 + power);
"""
_NEAR = """\
  const V low = x < -FARTHEST ? (V)(-FARTHEST) : x;
  const V a = FARTHEST < low ? (V)(FARTHEST) : low;
"""
_VALUE = f"inline V gelu_NAME_V(V a) {{\n{_SHARE}  return a * share;\n}}\n"
_SLOPE_TANH = f"""\
inline V gelu_tanh_slope_V(V x) {{
{_NEAR}{_SHARE}  const V steep = a * fma(square, (V)(THRICE), (V)(SLOPE));
  return x < -FARTHEST ? (V)(0) : fma(steep * share, power * share, share);
}}
"""
_SLOPE_ERF = f"""\
inline V gelu_erf_slope_V(V x) {{
{_NEAR}{_SHARE}  return fma(a * (V)(PEAK), EXP2(square * (V)(HALF)), share);
}}
"""
# Doubles take the driver's erfc, the polynomial is good for float32 alone.
_ERFC = "inline V gelu_erf_V(V x) { return x * ((V)(0.5) * erfc(x * (V)(-ROOT))); }\n"
_ERFC_SLOPE = """\
inline V gelu_erf_slope_V(V x) {
  const V low = x < -40 ? (V)(-40) : x;
  const V a = 40 < low ? (V)(40) : low;
  return fma(a * (V)(PEAK), exp(a * a * (V)(-0.5)), (V)(0.5) * erfc(a * (V)(-ROOT)));
}
"""
_TANH = {
    "ODDS": (-SLOPE / math.log(2), -CUBE / math.log(2)), "THRICE": 3 * CUBE, "SLOPE": SLOPE,
}  # fmt: skip
_ERF = {
    "ODDS": LOG_ODDS, "HALF": -0.5 / math.log(2), "PEAK": 1 / math.sqrt(2 * math.pi),
    "ROOT": math.sqrt(0.5),
}  # fmt: skip


def templates(lane: str) -> tuple[tuple[str, str], ...]:
    """The names and texts of all four functions for a type, as `preambles.py` fills them in."""
    tanh, erf = {**_TANH, "FARTHEST": FARTHEST[lane]}, {**_ERF, "FARTHEST": 15}
    exact = lane == "double"
    return (
        ("gelu_tanh", _written(_VALUE.replace("NAME", "tanh"), tanh, lane)),
        ("gelu_tanh_slope", _written(_SLOPE_TANH, tanh, lane)),
        ("gelu_erf", _written(_ERFC if exact else _VALUE.replace("NAME", "erf"), erf, lane)),
        ("gelu_erf_slope", _written(_ERFC_SLOPE if exact else _SLOPE_ERF, erf, lane)),
    )


def _written(text: str, numbers: dict, lane: str) -> str:
    for word, number in numbers.items():
        found = _horner(number, lane) if word == "ODDS" else _literal(number, lane)
        text = text.replace(word, found)
    return text


def _horner(coefficients: tuple[float, ...], lane: str) -> str:
    """A polynomial in ``square``."""
    first, *rest = reversed(coefficients)
    text = f"(V)({_literal(first, lane)})"
    for each in rest:
        text = f"fma(square, {text}, (V)({_literal(each, lane)}))"
    return text


def _literal(number: float, lane: str) -> str:
    return f"{float(number)!r}{'f' * (lane == 'float')}"
