"""ONNX operators that work on each element alone."""

from __future__ import annotations

import math
from typing import Any

from onnx_table import dtype_of, operator

import jairika_nb as jrk
from jairika_nb.engine.dtypes import is_float
from jairika_nb.nn import functional as F

for _name, _function in {
    "Abs": jrk.abs, "Acos": jrk.acos, "Acosh": jrk.acosh, "Asin": jrk.asin, "Asinh": jrk.asinh,
    "Atan": jrk.atan, "Atanh": jrk.atanh, "Ceil": jrk.ceil, "Cos": jrk.cos, "Cosh": jrk.cosh,
    "Erf": jrk.erf, "Exp": jrk.exp, "Floor": jrk.floor, "Log": jrk.log, "Neg": jrk.negative,
    "Reciprocal": jrk.reciprocal, "Relu": jrk.relu, "Round": jrk.round, "Sigmoid": jrk.sigmoid,
    "Sign": jrk.sign, "Sin": jrk.sin, "Sinh": jrk.sinh, "Sqrt": jrk.sqrt, "Tan": jrk.tan,
    "Tanh": jrk.tanh, "IsNaN": jrk.isnan, "Not": jrk.logical_not,
    "BitwiseNot": jrk.bitwise_invert, "Identity": lambda x: x,
    "Add": jrk.add, "Sub": jrk.subtract, "Mul": jrk.multiply, "And": jrk.logical_and,
    "Or": jrk.logical_or, "Xor": jrk.logical_xor, "Equal": jrk.equal, "Greater": jrk.greater,
    "GreaterOrEqual": jrk.greater_equal, "Less": jrk.less, "LessOrEqual": jrk.less_equal,
    "BitwiseAnd": jrk.bitwise_and, "BitwiseOr": jrk.bitwise_or, "BitwiseXor": jrk.bitwise_xor,
    "Where": jrk.where,
}.items():  # fmt: skip
    operator(_name)(_function)


@operator("Div")
def divide(x, y):
    if is_float(x.dtype):
        return x / y
    # Quotients of integers are rounded towards zero.
    if x.dtype.kind == "uint":
        return x // y
    return jrk.sign(x) * jrk.sign(y) * (jrk.abs(x) // jrk.abs(y))


@operator("Mod")
def modulo(x, y, fmod=0):
    if not fmod:
        return x % y
    if x.dtype.kind == "uint":
        return x % y
    rest = jrk.abs(x) % jrk.abs(y)
    return jrk.where(x < 0, -rest, rest)


@operator("Pow")
def power(x, y):
    return jrk.pow(x, y).astype(x.dtype)


@operator("BitShift")
def shift(x, y, direction):
    return x << y if direction == "LEFT" else x >> y


@operator("BitCast")
def bitcast(x, to):
    raise_for = dtype_of(to)
    if x.dtype.name == raise_for:
        return x
    return x.view(raise_for)


@operator("Cast")
def cast(x, to, saturate=1, round_mode="up"):
    return x.astype(dtype_of(to))


@operator("CastLike")
def cast_like(x, like, saturate=1, round_mode="up"):
    return x.astype(like.dtype)


@operator("Clip")
def clip(x, min=None, max=None):
    y = x if min is None else jrk.maximum(x, min)
    return y if max is None else jrk.minimum(y, max)


def _folded(function: Any) -> Any:
    def all_of(first, *rest):
        for x in rest:
            first = function(first, x)
        return first

    return all_of


operator("Max")(_folded(jrk.maximum))
operator("Min")(_folded(jrk.minimum))
operator("Sum")(_folded(jrk.add))


@operator("Mean")
def mean(*inputs):
    return _folded(jrk.add)(*inputs) / len(inputs)


@operator("IsInf")
def is_infinite(x, detect_negative=1, detect_positive=1):
    above, below = x == math.inf, x == -math.inf
    return (above & bool(detect_positive)) | (below & bool(detect_negative))


@operator("Elu")
def elu(x, alpha=1.0):
    return F.elu(x, alpha)


@operator("Celu")
def celu(x, alpha=1.0):
    return jrk.maximum(x, 0.0) + jrk.minimum(alpha * jrk.expm1(x / alpha), 0.0)


@operator("Selu")
def selu(x, alpha=1.67326319217681884765625, gamma=1.05070102214813232421875):
    return gamma * F.elu(x, alpha)


@operator("Gelu")
def gelu(x, approximate="none"):
    return jrk.gelu(x, approximate)


@operator("HardSigmoid")
def hard_sigmoid(x, alpha=0.2, beta=0.5):
    return jrk.clip(alpha * x + beta, 0.0, 1.0)


@operator("HardSwish")
def hard_swish(x):
    return x * hard_sigmoid(x, 1 / 6, 0.5)


@operator("LeakyRelu")
def leaky_relu(x, alpha=0.01):
    return F.leaky_relu(x, alpha)


@operator("PRelu")
def prelu(x, slope):
    return jrk.where(x < 0, x * slope, x)


@operator("ThresholdedRelu")
def thresholded_relu(x, alpha=1.0):
    return jrk.where(x > alpha, x, 0.0)


@operator("Shrink")
def shrink(x, bias=0.0, lambd=0.5):
    return jrk.where(x < -lambd, x + bias, jrk.where(x > lambd, x - bias, 0.0))


@operator("Softplus")
def softplus(x):
    return jrk.logaddexp(x, 0.0)


@operator("Softsign")
def softsign(x):
    return x / (1 + jrk.abs(x))


@operator("Mish")
def mish(x):
    return x * jrk.tanh(softplus(x))


@operator("Swish")
def swish(x, alpha=1.0):
    return x * jrk.sigmoid(alpha * x)


@operator("SwiGLU")
def swiglu(a, b, alpha=1.0):
    return swish(a, alpha) * b


@operator("Dropout")
def dropout(x, ratio=None, training_mode=None, seed=0):
    """In training the draws are ONNX's own, so only a share of 0 can be compared."""
    share = 0.5 if ratio is None else float(ratio)
    training = training_mode is not None and bool(training_mode.item())
    return F.dropout(x, share, training), jrk.ones(x.shape, dtype="bool")


@operator("QuantizeLinear")
def quantize(x, scale, zero=None, axis=1, block_size=0, output_dtype=0, precision=0, saturate=1):
    dtype = zero.dtype if zero is not None else dtype_of(output_dtype or 2)
    scale, zero = (_along(v, x, axis, block_size) for v in (scale, zero))
    y = jrk.round(x / scale) + (0 if zero is None else zero.astype(x.dtype))
    limits = jrk.iinfo(dtype)
    return jrk.clip(y, limits.min, limits.max).astype(dtype)


@operator("DequantizeLinear")
def dequantize(x, scale, zero=None, axis=1, block_size=0, output_dtype=0):
    scale, zero = (_along(v, x, axis, block_size) for v in (scale, zero))
    shifted = x.astype(scale.dtype)
    shifted = shifted if zero is None else shifted - zero.astype(scale.dtype)
    return shifted * scale


def _along(v, x, axis, block_size):
    """A parameter for all, for each place along ``axis``, or for each block of it."""
    if v is None or not v.ndim or v.size == 1:
        return v if v is None else v.reshape(())
    if v.ndim == 1:
        return v.reshape(tuple(-1 if i == axis % x.ndim else 1 for i in range(x.ndim)))
    return jrk.repeat(v, block_size, axis=axis)[tuple(slice(0, n) for n in x.shape)]


@operator("DynamicQuantizeLinear")
def dynamic_quantize(x):
    low, high = jrk.minimum(x.min(), 0.0), jrk.maximum(x.max(), 0.0)
    scale = (high - low) / 255
    zero = jrk.clip(jrk.round(-low / scale), 0, 255).astype("uint8")
    return quantize(x, scale, zero), scale, zero
