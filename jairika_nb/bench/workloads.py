"""The workloads: what goes in, and the operations and bytes that no implementation can avoid."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Arrays = dict[str, np.ndarray]
MLP, GPT, LSTM = (784, 256, 128, 10), (4, 256, 8, 128, 512), (64, 256)
# Tensors of the optimiser's workload, and their sides.
MANY, SIDE = 40, 512


@dataclass(frozen=True)
class Workload:
    """One row of the benchmark; ``kind`` is ``"training"`` (a step with its optimiser) or ``"op"``.

    ``flops`` and ``bytes`` are what a step cannot do without: multiplications and additions of
    products, and each input and output (for training parameters, gradients and moments) once.
    ``written`` is the share of the bytes that is stored.
    """

    name: str
    title: str
    kind: str
    inputs: Callable[[], Arrays]
    flops: int
    bytes: int
    steps: int = 10  # of a round
    function: str = ""  # the operation's name in each library's table, where not ``name``
    wanted: tuple[str, ...] = ()  # inputs whose gradients are the result
    written: float = 1 / 2

    @property
    def operation(self) -> str:
        """The key of each library's table of operations."""
        return self.function or self.name


def weights(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Where every library begins: drawn from a seed that is the name's."""
    if name.endswith("bias"):
        return np.zeros(shape, np.float32)
    if len(shape) == 1:
        return np.ones(shape, np.float32)
    drawn = drawn_by(name).standard_normal(shape, np.float32)
    return drawn / np.float32(math.sqrt(math.prod(shape[1:])))


def drawn_by(name: str) -> np.random.Generator:
    """A generator whose seed is the name's."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def _images(batch: int, *shape: int, classes: int = 10) -> Callable[[], Arrays]:
    def drawn() -> Arrays:
        rng = drawn_by("images")
        images = rng.random((batch, *shape), np.float32)
        return {"x": images, "y": rng.integers(0, classes, batch).astype(np.int32)}

    return drawn


def _text(batch: int, length: int, vocabulary: int) -> Arrays:
    drawn = drawn_by("text").integers(0, vocabulary, (batch, length + 1)).astype(np.int32)
    return {"x": drawn[:, :-1].copy(), "y": drawn[:, 1:].copy()}


def _series() -> Arrays:
    x = drawn_by("series").standard_normal((32, 64, LSTM[0]), np.float32)
    return {"x": x, "y": drawn_by("classes").integers(0, 10, 32).astype(np.int32)}


def _normal(*shape: int) -> Callable[[], Arrays]:
    return lambda: {"x": drawn_by("normal").standard_normal(shape, np.float32)}


def _normalised(rows: int, columns: int) -> Callable[[], Arrays]:
    def drawn() -> Arrays:
        rng = drawn_by("normal")
        more = {"weight": rng.random(columns, np.float32), "bias": rng.random(columns, np.float32)}
        return {"x": rng.standard_normal((rows, columns), np.float32), **more}

    return drawn


def _squares(n: int) -> Callable[[], Arrays]:
    def drawn() -> Arrays:
        rng = drawn_by("squares")
        return {key: rng.standard_normal((n, n), np.float32) for key in "ab"}

    return drawn


def _tensors() -> Arrays:
    rng = drawn_by("tensors")
    both = (("p", 1.0), ("g", 0.1))
    shape = (SIDE, SIDE)
    return {
        f"{key}{i}": np.float32(scale) * rng.standard_normal(shape, np.float32)
        for key, scale in both
        for i in range(MANY)
    }


def _products(*sizes: int, batch: int) -> tuple[int, int]:
    """Flops of a training step of dense layers and its parameters; inputs need no gradient."""
    pairs = list(pairwise(sizes))
    forward = 2 * batch * sum(n * m for n, m in pairs)
    return 3 * forward - 2 * batch * sizes[0] * sizes[1], sum(n * m + m for n, m in pairs)


def _convolutions(rows: list[tuple[int, int, int, int]], batch: int) -> tuple[int, int]:
    """The same of convolutions, each (inputs, outputs, kernel, side of its output)."""
    each = [2 * batch * i * o * k * k * s * s for i, o, k, s in rows]
    return 3 * sum(each) - each[0], sum(i * o * k * k for i, o, k, _ in rows)


def _resnet() -> list[tuple[int, int, int, int]]:
    rows, before, side = [(3, 64, 3, 32)], 64, 32
    for stage, channels in enumerate((64, 128, 256, 512)):
        side = 32 >> stage
        for _ in range(2):
            rows += [(before, channels, 3, side), (channels, channels, 3, side)]
            rows += [(before, channels, 1, side)] if before != channels else []
            before = channels
    return rows


def _transformer(batch: int) -> tuple[int, int]:
    layers, width, _, length, vocabulary = GPT
    tokens = batch * length
    products = layers * 12 * width * width + width * vocabulary
    # Half of the scores are masked.
    scores = layers * 2 * batch * length * length * width
    return 3 * (2 * tokens * products + scores), products + (vocabulary + length) * width


def _training(
    name: str, title: str, inputs: Callable[[], Arrays], cost: tuple[int, int], steps: int
) -> Workload:
    # Adam reads and writes the parameter and two moments; the gradient is written and read.
    return Workload(name, title, "training", inputs, cost[0], 8 * 4 * cost[1], steps)


def _op(
    name: str,
    title: str,
    inputs: Callable[[], Arrays],
    flops: int,
    floats: int,
    steps: int = 10,
    written: float = 1 / 2,
) -> Workload:
    return Workload(name, title, "op", inputs, flops, 4 * floats, steps, written=written)


def _cnn() -> tuple[int, int]:
    flops, numbers = _convolutions([(1, 32, 3, 26), (32, 64, 3, 24)], 64)
    dense, more = _products(64 * 12 * 12, 128, 10, batch=64)
    return flops + dense + 2 * 64 * 64 * 144 * 128, numbers + more


def _recurrent() -> tuple[int, int]:
    n, h = LSTM
    numbers = 4 * h * (n + h + 2) + h * 10
    return 3 * 2 * 32 * 64 * 4 * h * (n + h) - 2 * 32 * 64 * 4 * h * n, numbers


ALL = (
    _training(
        "mlp", "784-256-128-10, batch 128, Adam", _images(128, 784), _products(*MLP, batch=128), 50
    ),
    _training(
        "cnn", "two convolutions on 28 x 28, batch 64, Adam", _images(64, 1, 28, 28), _cnn(), 5
    ),
    _training(
        "resnet18", "for 32 x 32 images, batch 32, Adam", _images(32, 3, 32, 32),
        _convolutions(_resnet(), 32), 1,
    ),
    _training(
        "gpt", "4 layers of width 256, 8 x 128 tokens, Adam", lambda: _text(8, 128, GPT[4]),
        _transformer(8), 2,
    ),
    _training("lstm", "64 to 256, 64 steps, batch 32, Adam", _series, _recurrent(), 5),
    _op("chain", "exp(sigmoid(2x+1)*x-3).sum() of 16 M", _normal(1 << 24), 0, 1 << 24, 3, 0),
    _op("softmax", "4096 x 1024", _normal(4096, 1024), 0, 2 << 22),
    _op("layernorm", "4096 x 1024", _normalised(4096, 1024), 0, 2 << 22),
    _op("matmul", "1024 x 1024", _squares(1024), 2 << 30, 3 << 20),
    _op(
        "adam", f"one step of {MANY} tensors, {SIDE} x {SIDE}", _tensors, 0, 7 * MANY * SIDE**2,
        written=3 / 7,
    ),
)  # fmt: skip
WORKLOADS = {each.name: each for each in ALL}
