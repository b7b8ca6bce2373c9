"""Single operations: what goes in, and the arithmetic and bytes that none of them can avoid.

Rows that end in ``-grad`` give the gradients of the inputs that ``wanted`` names for a given
gradient ``dy`` of the result, whatever of the result itself that needs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jairika_nb.bench.workloads import WORKLOADS, Arrays, Workload, drawn_by
from jairika_nb.engine.caches import last_cache

# Values of what streams: 64 MB, or twice the last cache where that is more.
STREAM = 1 << 24
ROWS, COLUMNS = 4096, 1024


def streamed() -> int:
    """Values of the arrays that bandwidth is measured with."""
    return max(STREAM, last_cache() // 2)


def _normal(**shapes: tuple[int, ...]) -> Callable[[], Arrays]:
    def drawn() -> Arrays:
        rng = drawn_by("operation")
        return {key: rng.standard_normal(shape, np.float32) for key, shape in shapes.items()}

    return drawn


def _indexed(name: str, count: tuple[int, ...], below: int, **shapes: tuple[int, ...]) -> Callable:
    def drawn() -> Arrays:
        indices = drawn_by("indices").integers(0, below, count).astype(np.int32)
        return {**_normal(**shapes)(), name: indices}

    return drawn


def _op(
    name: str, title: str, inputs: Callable[[], Arrays], flops: int, floats: int, *,
    steps: int = 10, function: str = "", wanted: str = "", written: float = 1 / 2,
) -> Workload:  # fmt: skip
    given = function or name.removesuffix("-grad")
    return Workload(
        name, title, "op", inputs, flops, 4 * floats, steps, given, tuple(wanted.split()), written
    )


def _matmul(n: int, function: str = "matmul") -> Workload:
    name = f"{function.replace('_', '-')}-{n}"
    title = f"{TITLES.get(function, '')}{n} x {n}"
    shapes = {"a": (n, n), "b": (n, n)} | ({"bias": (n,)} if function == "dense_gelu" else {})
    steps = max(1, min(50, (4096 // n) ** 3 // 16))
    return _op(name, title, _normal(**shapes), 2 * n**3, 3 * n * n, steps=steps, function=function)


TITLES = {
    "matmul_tn": "left side transposed, ",
    "matmul_nt": "right side transposed, ",
    "dense_gelu": "product + bias, then GELU, ",
}


def _convolution(name: str, n: int, c: int, o: int, k: int, side: int, groups: int = 1) -> list:
    shapes = {"x": (n, c, side, side), "w": (o, c // groups, k, k)}
    flops = 2 * n * o * (c // groups) * k * k * side * side
    x, y, w = n * c * side * side, n * o * side * side, o * c // groups * k * k
    title = f"{n} x {c} to {o} channels of {side} x {side}"
    given = _normal(**shapes, dy=(n, o, side, side))
    function = "depthwise" if groups > 1 else "convolution"
    return [
        _op(name, title, _normal(**shapes), flops, x + y + w, steps=5, function=function),
        _op(
            f"{name}-grad", title, given, 2 * flops, 2 * (x + w) + y, steps=3,
            function=function, wanted="x w",
        ),
    ]  # fmt: skip


def _attention(n: int, heads: int, length: int, width: int) -> list[Workload]:
    shape = (n, heads, length, width)
    given = dict.fromkeys(("q", "k", "v"), shape)
    size, half = n * heads * length * width, n * heads * length * length * width
    name, title = f"attention-{length}", f"causal, {n} x {heads} heads of {length} x {width}"
    # Two products forwards, five backwards, half of each masked.
    return [
        _op(name, title, _normal(**given), 2 * half, 4 * size, function="attention"),
        _op(
            f"{name}-grad", title, _normal(**given, dy=shape), 5 * half, 7 * size,
            steps=5, function="attention", wanted="q k v",
        ),
    ]  # fmt: skip


def _rows() -> list[Workload]:
    size, title = ROWS * COLUMNS, f"{ROWS} x {COLUMNS}"
    x, scale = {"x": (ROWS, COLUMNS)}, {"weight": (COLUMNS,), "bias": (COLUMNS,)}
    labels = _indexed("y", (ROWS,), COLUMNS, **x)
    dy = {"dy": (ROWS, COLUMNS)}
    return [
        WORKLOADS["softmax"],
        _op("softmax-grad", title, _normal(**x, **dy), 0, 3 * size, wanted="x", written=1 / 3),
        WORKLOADS["layernorm"],
        _op(
            "layernorm-grad", title, _normal(**x, **scale, **dy), 0, 3 * size,
            wanted="x weight bias", written=1 / 3,
        ),
        _op("cross-entropy", title, labels, 0, size, function="cross_entropy", written=0),
        _op(
            "cross-entropy-grad", title, labels, 0, 2 * size, function="cross_entropy",
            wanted="x",
        ),
    ]  # fmt: skip


def _streams() -> list[Workload]:
    n, square = streamed(), (4096, 4096)
    size = 1 << 24
    title, sides = f"{n >> 20} M", "4096 x 4096"
    both = _normal(x=(n,), y=(n,))
    return [
        _op("sum", f"all of {2 * n >> 20} M", _normal(x=(2 * n,)), 0, 2 * n, written=0),
        _op("sum-rows", sides, _normal(x=square), 0, size, function="sum_rows", written=0),
        _op("sum-columns", sides, _normal(x=square), 0, size, function="sum_columns", written=0),
        _op("scale", f"2x, {title}", _normal(x=(n,)), 0, 2 * n),
        _op("add", f"x + y, {title}", both, 0, 3 * n, written=1 / 3),
        _op("triad", f"x + 3y, {title}", both, 0, 3 * n, written=1 / 3),
        _op("transpose", sides, _normal(x=square), 0, 2 * size, function="transpose"),
        *(
            _op(name, title, _normal(x=(n,)), 0, 2 * n, steps=5)
            for name in ("exp", "tanh", "erf", "gelu", "sigmoid")
        ),
    ]


def _lookups() -> list[Workload]:
    table, count, width = 32768, 16384, 256
    given = {"weight": (table, width)}
    title = f"{count} rows of {table} x {width}"
    return [
        _op("embedding", title, _indexed("x", (count,), table, **given), 0, 2 * count * width),
        _op(
            "embedding-grad", title, _indexed("x", (count,), table, **given, dy=(count, width)),
            0, (count + table) * width, wanted="weight",
        ),
        _op("sort", "each of 1024 rows of 4096", _normal(x=(1024, 4096)), 0, 2 << 22, steps=2),
        _op("cumsum", "along 4096 x 4096", _normal(x=(4096, 4096)), 0, 2 << 24, steps=5),
    ]  # fmt: skip


ALL = (
    *(_matmul(n) for n in (256, 512, 1024, 2048)),
    *(_matmul(1024, each) for each in TITLES),
    *_convolution("conv3x3", 32, 64, 64, 3, 32),
    *_convolution("conv1x1", 32, 256, 256, 1, 16),
    *_convolution("conv-depthwise", 32, 128, 128, 3, 32, groups=128),
    *_attention(8, 8, 128, 32),
    *_attention(2, 8, 1024, 64),
    *_rows(),
    *_streams(),
    *_lookups(),
)
OPERATIONS = {each.name: each for each in ALL}
# What the limits of a machine are measured with.
PEAK, BANDWIDTH = ("matmul-2048",), ("scale", "triad", "sum")


def workload(name: str) -> Workload:
    """The row of either table.

    >>> workload("matmul-512").flops == 2 * 512**3
    True
    """
    return WORKLOADS[name] if name in WORKLOADS else OPERATIONS[name]
