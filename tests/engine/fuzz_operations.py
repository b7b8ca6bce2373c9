"""The operations of random programs: how each is called and how it is written.

Smooth ones may take any value. Those that jump (and extremes, whose derivatives do) take only
values that every device computes exactly: multiples of small powers of two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jairika_nb as jrk
from jairika_nb.nn import functional as F


@dataclass(frozen=True)
class Operation:
    """``function(*tensors, **params)``, and the line a user would write, with {0}, {1}, {param}."""

    function: Callable
    text: str


def named(*paths: str, args: str = "{0}") -> dict[str, Operation]:
    """Operations that are one public function: ``jrk.sin`` or ``F.elu``."""
    rows = {}
    for path in paths:
        room, name = path.split(".", 1)
        function = {"jrk": jrk, "F": F}[room]
        for part in name.split("."):
            function = getattr(function, part)
        rows[path] = Operation(function, f"{path}({args})")
    return rows


def written(**rows: tuple[Callable, str]) -> dict[str, Operation]:
    """Operations that are an expression."""
    return {name: Operation(function, text) for name, (function, text) in rows.items()}


def ints(values):
    """An index given as nested tuples."""
    return jrk.tensor(values, dtype="int32")


def assigned(x, value, *, key):
    """``x`` after ``x[key] = value``, leaving the handle alone."""
    y = x + 0 if x.dtype.kind != "bool" else jrk.logical_xor(x, False)
    y[key] = value
    return y


def positive(x):
    """A symmetric matrix with eigenvalues of at least 2, from any matrix."""
    y = jrk.tanh(x)
    return y @ y.mT + 2 * jrk.eye(x.shape[-2], dtype=y.dtype)


def recurred(x, *, cell, reverse):
    """The states of a recurrence of 3 units along the first axis."""
    rows = jrk.tanh(x).reshape(x.shape[0], -1, x.shape[-1])
    gates = 3 * {"lstm": 4, "gru": 3}.get(cell, 1)
    size = gates * (x.shape[-1] + 3)
    weights = jrk.linspace(-0.75, 0.5, size).reshape(gates, -1).astype(rows.dtype)
    first = jrk.zeros((rows.shape[1], 3), dtype=rows.dtype)
    states = (first,) * (2 if cell == "lstm" else 1)
    return F.recurrence(cell, rows, states, (weights[:, 3:], weights[:, :3]), reverse)[0]


SMOOTH = {
    **named("jrk.sin", "jrk.cos", "jrk.tanh", "jrk.sigmoid", "jrk.erf", "jrk.gelu", "jrk.silu",
            "jrk.atan", "jrk.asinh", "F.elu"),
    **written(
        gelu_tanh=(lambda x: jrk.gelu(x, "tanh"), "jrk.gelu({0}, 'tanh')"),
        exp=(lambda x: jrk.exp(jrk.tanh(x)), "jrk.exp(jrk.tanh({0}))"),
        exp2=(lambda x: jrk.exp2(jrk.sin(x)), "jrk.exp2(jrk.sin({0}))"),
        expm1=(lambda x: jrk.expm1(jrk.cos(x)), "jrk.expm1(jrk.cos({0}))"),
        tan=(lambda x: jrk.tan(jrk.tanh(x)), "jrk.tan(jrk.tanh({0}))"),
        sinh=(lambda x: jrk.sinh(jrk.sin(x)), "jrk.sinh(jrk.sin({0}))"),
        cosh=(lambda x: jrk.cosh(jrk.sin(x)), "jrk.cosh(jrk.sin({0}))"),
        asin=(lambda x: jrk.asin(jrk.sin(x) * 0.5), "jrk.asin(jrk.sin({0}) * 0.5)"),
        acos=(lambda x: jrk.acos(jrk.sin(x) * 0.5), "jrk.acos(jrk.sin({0}) * 0.5)"),
        atanh=(lambda x: jrk.atanh(jrk.sin(x) * 0.5), "jrk.atanh(jrk.sin({0}) * 0.5)"),
        acosh=(lambda x: jrk.acosh(x * x + 1.5), "jrk.acosh({0} * {0} + 1.5)"),
        log=(lambda x: jrk.log(x * x + 1.5), "jrk.log({0} * {0} + 1.5)"),
        log2=(lambda x: jrk.log2(x * x + 1.5), "jrk.log2({0} * {0} + 1.5)"),
        log10=(lambda x: jrk.log10(x * x + 1.5), "jrk.log10({0} * {0} + 1.5)"),
        log1p=(lambda x: jrk.log1p(x * x), "jrk.log1p({0} * {0})"),
        sqrt=(lambda x: jrk.sqrt(x * x + 1), "jrk.sqrt({0} * {0} + 1)"),
        rsqrt=(lambda x: jrk.rsqrt(x * x + 1), "jrk.rsqrt({0} * {0} + 1)"),
        reciprocal=(lambda x: jrk.reciprocal(x * x + 1), "jrk.reciprocal({0} * {0} + 1)"),
    ),
}  # fmt: skip
JUMPS = named("jrk.abs", "jrk.sign", "jrk.floor", "jrk.ceil", "jrk.round", "jrk.trunc", "jrk.relu",
              "jrk.logical_not", "jrk.isnan", "jrk.isfinite", "jrk.signbit")  # fmt: skip
PLAIN = {
    **named("jrk.negative", "jrk.square", "jrk.detach"),
    **written(realize=(lambda x: x.realize(), "{0}.realize()"), invert=(lambda x: ~x, "~{0}"),
              copy_of=(lambda x: x + 0, "{0} + 0")),
}  # fmt: skip
BINARY = {
    **named("jrk.add", "jrk.subtract", "jrk.multiply", args="{0}, {1}"),
    **written(
        divide=(lambda x, y: x / (y * y + 1), "{0} / ({1} * {1} + 1)"),
        atan2=(lambda x, y: jrk.atan2(x, y * y + 1), "jrk.atan2({0}, {1} * {1} + 1)"),
        hypot=(lambda x, y: jrk.hypot(x, y * y + 1), "jrk.hypot({0}, {1} * {1} + 1)"),
        power=(lambda x, y: (x * x + 0.5) ** jrk.sin(y), "({0} * {0} + 0.5) ** jrk.sin({1})"),
        logaddexp=(jrk.logaddexp, "jrk.logaddexp({0}, {1})"),
    ),
}  # fmt: skip
BINARY_JUMPS = named(
    "jrk.maximum", "jrk.minimum", "jrk.less", "jrk.less_equal", "jrk.equal", "jrk.greater",
    "jrk.greater_equal", "jrk.not_equal", "jrk.remainder", "jrk.floor_divide", "jrk.logical_xor",
    "jrk.bitwise_and", "jrk.bitwise_or", "jrk.bitwise_xor", "jrk.bitwise_left_shift",
    "jrk.bitwise_right_shift", "jrk.copysign", "jrk.isin", args="{0}, {1}",
)  # fmt: skip
_OVER = "{0}, axis={axis!r}, keepdims={keepdims!r}"
REDUCE = named("jrk.sum", "jrk.mean", "jrk.var", args=_OVER)
REDUCE_JUMPS = named("jrk.max", "jrk.min", "jrk.prod", "jrk.any", "jrk.all", "jrk.count_nonzero",
                     args=_OVER)  # fmt: skip
ALONG = {
    **named("jrk.softmax", "jrk.log_softmax", "jrk.logsumexp", "jrk.cumsum", "jrk.logcumsumexp",
            args="{0}, axis={axis}"),
    **written(
        cumprod=(lambda x, *, axis: jrk.cumprod(jrk.sin(x), axis),
                 "jrk.cumprod(jrk.sin({0}), {axis})"),
        reversed_sum=(lambda x, *, axis: jrk.cumsum(x, axis, reverse=True, exclusive=True),
                      "jrk.cumsum({0}, {axis}, reverse=True, exclusive=True)"),
        diff=(lambda x, *, axis: jrk.diff(x, axis=axis), "jrk.diff({0}, axis={axis})"),
        layer_norm=(lambda x, *, axis: F.layer_norm(x, x.shape[axis:]),
                    "F.layer_norm({0}, {0}.shape[{axis}:])"),
        normalize=(lambda x, *, axis: F.normalize(x + 0.25, axis=axis),
                   "F.normalize({0} + 0.25, axis={axis})"),
    ),
}  # fmt: skip
ALONG_JUMPS = {
    **named("jrk.argmax", "jrk.argmin", "jrk.sort", "jrk.argsort", args="{0}, axis={axis}"),
    **written(
        cummax=(lambda x, *, axis: jrk.cummax(x, axis).values, "jrk.cummax({0}, {axis}).values"),
        cummin=(lambda x, *, axis: jrk.cummin(x, axis).values, "jrk.cummin({0}, {axis}).values"),
        falling=(lambda x, *, axis: jrk.sort(x, axis=axis, descending=True),
                 "jrk.sort({0}, axis={axis}, descending=True)"),
        top=(lambda x, *, axis: jrk.topk(x, (x.shape[axis] + 1) // 2, axis=axis).values,
             "jrk.topk({0}, ({0}.shape[{axis}] + 1) // 2, axis={axis}).values"),
    ),
}  # fmt: skip
OTHERS = written(
    getitem=(lambda x, *, key: x[key], "{0}[{key!r}]"),
    assigned=(assigned, "assigned({0}, {1}, key={key!r})"),
    assigned_scalar=(lambda x, *, key, value: assigned(x, value, key=key),
                     "assigned({0}, {value!r}, key={key!r})"),
    masked=(lambda x, m: x[m], "{0}[{1}]"),
    take=(lambda x, *, index, axis: jrk.take(x, ints(index), axis=axis),
          "jrk.take({0}, jrk.tensor({index!r}, dtype='int32'), axis={axis})"),
    take_along=(lambda x, *, index, axis: jrk.take_along_axis(x, ints(index), axis=axis),
                "jrk.take_along_axis({0}, jrk.tensor({index!r}, dtype='int32'), axis={axis})"),
    picked_rows=(lambda x, *, index: x[ints(index)], "{0}[jrk.tensor({index!r}, dtype='int32')]"),
    index_add=(lambda x, y, *, index, axis: jrk.index_add(x, axis, ints(index), y),
               "jrk.index_add({0}, {axis}, jrk.tensor({index!r}, dtype='int32'), {1})"),
    put_rows=(lambda x, y, *, index: assigned(x, y, key=ints(index)),
              "assigned({0}, {1}, key=jrk.tensor({index!r}, dtype='int32'))"),
    scatter_max=(lambda x, y, *, index, axis: jrk.scatter_reduce(x, axis, ints(index), y, "amax"),
                 "jrk.scatter_reduce({0}, {axis}, jrk.tensor({index!r}, dtype='int32'), {1}, "
                 "'amax')"),
    searchsorted=(lambda x, y: jrk.searchsorted(jrk.sort(x.reshape(-1)), y),
                  "jrk.searchsorted(jrk.sort({0}.reshape(-1)), {1})"),
    unique=(jrk.unique_values, "jrk.unique_values({0})"),
    reshape=(lambda x, *, shape: x.reshape(shape), "{0}.reshape({shape!r})"),
    permute=(lambda x, *, axes: x.permute(axes), "{0}.permute({axes!r})"),
    expand=(lambda x, *, shape: x.expand(shape), "{0}.expand({shape!r})"),
    flip=(lambda x, *, axis: x.flip(axis=axis), "{0}.flip(axis={axis!r})"),
    roll=(lambda x, *, shift, axis: jrk.roll(x, shift, axis=axis),
          "jrk.roll({0}, {shift}, axis={axis})"),
    tril=(lambda x, *, k: jrk.tril(x, k=k), "jrk.tril({0}, k={k})"),
    triu=(lambda x, *, k: jrk.triu(x, k=k), "jrk.triu({0}, k={k})"),
    repeat=(lambda x, *, axis: jrk.repeat(x, 2, axis=axis), "jrk.repeat({0}, 2, axis={axis})"),
    pad=(lambda x, *, widths, mode: F.pad(x, widths, mode), "F.pad({0}, {widths!r}, {mode!r})"),
    astype=(lambda x, *, dtype: x.astype(dtype), "{0}.astype({dtype!r})"),
    where=(jrk.where, "jrk.where({0}, {1}, {2})"),
    concat=(lambda x, y, *, axis: jrk.concat([x, y, x], axis=axis),
            "jrk.concat([{0}, {1}, {0}], axis={axis})"),
    stack=(lambda x, y, *, axis: jrk.stack([x, y], axis=axis),
           "jrk.stack([{0}, {1}], axis={axis})"),
    matmul=(jrk.matmul, "{0} @ {1}"),
    gram=(lambda x: x @ x.mT, "{0} @ {0}.mT"),
    einsum=(lambda x, y: jrk.einsum("...ij,...kj->...ik", x, y),
            "jrk.einsum('...ij,...kj->...ik', {0}, {1})"),
    attention=(lambda x, *, causal: F.scaled_dot_product_attention(x, jrk.sin(x), x,
                                                                   is_causal=causal),
               "F.scaled_dot_product_attention({0}, jrk.sin({0}), {0}, is_causal={causal})"),
    conv=(lambda x, w, **options: (F.conv1d, F.conv2d, F.conv3d)[x.ndim - 3](x, w, **options),
          "(F.conv1d, F.conv2d, F.conv3d)[{0}.ndim - 3]({0}, {1}, **{options})"),
    conv_transpose=(lambda x, w, **options: (F.conv_transpose1d, F.conv_transpose2d,
                                             F.conv_transpose3d)[x.ndim - 3](x, w, **options),
                    "(F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[{0}.ndim - 3]"
                    "({0}, {1}, **{options})"),
    avg_pool=(lambda x, **options: (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[x.ndim - 3](
        x, **options),
              "(F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[{0}.ndim - 3]({0}, **{options})"),
    max_pool=(lambda x, **options: (F.max_pool1d, F.max_pool2d, F.max_pool3d)[x.ndim - 3](
        x, **options),
              "(F.max_pool1d, F.max_pool2d, F.max_pool3d)[{0}.ndim - 3]({0}, **{options})"),
    recurred=(recurred, "recurred({0}, cell={cell!r}, reverse={reverse})"),
    cholesky=(lambda x: jrk.linalg.cholesky(positive(x)), "jrk.linalg.cholesky(positive({0}))"),
    solve=(lambda x: jrk.linalg.solve(positive(x), x), "jrk.linalg.solve(positive({0}), {0})"),
    inv=(lambda x: jrk.linalg.inv(positive(x)), "jrk.linalg.inv(positive({0}))"),
    det=(lambda x: jrk.linalg.det(positive(x)), "jrk.linalg.det(positive({0}))"),
    slope_of_det=(lambda x: jrk.grad(jrk.linalg.det(positive(x)).sum(), [x])[0],
                  "jrk.grad(jrk.linalg.det(positive({0})).sum(), [{0}])[0]"),
    slogdet=(lambda x: jrk.linalg.slogdet(positive(x)).logabsdet,
             "jrk.linalg.slogdet(positive({0})).logabsdet"),
    eigvalsh=(lambda x: jrk.linalg.eigvalsh(positive(x)), "jrk.linalg.eigvalsh(positive({0}))"),
    svdvals=(lambda x: jrk.linalg.svdvals(positive(x)), "jrk.linalg.svdvals(positive({0}))"),
    qr=(lambda x: jrk.abs(jrk.linalg.qr(positive(x)).R), "jrk.abs(jrk.linalg.qr(positive({0})).R)"),
    pinv=(lambda x: jrk.linalg.pinv(positive(x)), "jrk.linalg.pinv(positive({0}))"),
    uniform=(lambda x: jrk.random.uniform(x.shape), "jrk.random.uniform({0}.shape)"),
    randint=(lambda x: jrk.random.randint(-5, 9, x.shape), "jrk.random.randint(-5, 9, {0}.shape)"),
    normal=(lambda x: jrk.random.normal(x.shape), "jrk.random.normal({0}.shape)"),
    plus=(lambda x, *, value: x + value, "{0} + {value!r}"),
    times=(lambda x, *, value: x * value, "{0} * {value!r}"),
    rminus=(lambda x, *, value: value - x, "{value!r} - {0}"),
    power_of=(lambda x, *, value: x**value, "{0} ** {value!r}"),
    is_above=(lambda x, *, value: x > value, "{0} > {value!r}"),
)  # fmt: skip
OPS = {**SMOOTH, **JUMPS, **PLAIN, **BINARY, **BINARY_JUMPS, **REDUCE, **REDUCE_JUMPS, **ALONG,
       **ALONG_JUMPS, **OTHERS}  # fmt: skip
# Results that are as exact as their operands, or grow as sums and products do.
MOVES = {*JUMPS, *PLAIN, *ALONG_JUMPS, "jrk.maximum", "jrk.minimum", "jrk.max", "jrk.min",
         "jrk.copysign", "getitem", "assigned", "assigned_scalar", "masked", "take", "take_along",
         "picked_rows", "put_rows", "scatter_max", "unique", "reshape", "permute", "expand", "flip",
         "roll", "tril", "triu", "repeat", "pad", "astype", "where", "concat", "stack", "max_pool",
         "randint"}  # fmt: skip
SUMS = {"jrk.add", "jrk.subtract", "jrk.sum", "jrk.cumsum", "reversed_sum", "diff", "index_add",
        "plus", "rminus"}  # fmt: skip
PRODUCTS = {"jrk.multiply", "jrk.square", "times", "matmul", "gram", "einsum"}
