"""Operations without inputs: constants, index ramps, random words, data on the device."""

from __future__ import annotations

import numpy as np

from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType, int32, limits, uint32
from jairika_nb.engine.graph import Node, Op, Shape, define
from jairika_nb.errors import DTypeError


def const(value: bool | int | float, dtype: DType, device: Device) -> Node:
    """A scalar known now; it becomes a kernel argument, so its value never forces a compile."""
    device.check_dtype(dtype)
    number = {"bool": bool, "float": float}.get(dtype.kind, int)(value)
    low, high = limits(dtype)
    if dtype.kind in ("int", "uint") and not low <= number <= high:
        raise DTypeError(
            f"{number} does not fit {dtype.name}, which holds {low} to {high}; "
            "convert the tensor with x.astype(...) to a wider type"
        )
    return Node("const", (), (number,), (), dtype, device)


def iota(n: int, device: Device) -> Node:
    """0, 1, ... n-1 as int32; shape (n,)."""
    return Node("iota", (), (), (n,), int32, device)


def random_words(shape: Shape, seed: int, call: int, device: Device) -> Node:
    """Uniform 32-bit words of Philox 4x32-10, one an element; shape as given, uint32.

    Element ``i`` (in row-major order) is word ``i mod 4`` of the block with counter
    ``(i div 4, 0, call, 0)`` under the key ``(seed low, seed high)``: the same on every device.
    Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
    """
    return Node("random", (), stream_key(seed, call), shape, uint32, device)


def stream_key(seed: int, call: int) -> tuple[int, int, int]:
    """Low and high word of the seed, and the number of the stream."""
    return seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF, call & 0xFFFFFFFF


def philox(counter: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Philox 4x32-10: ``counter`` (n, 4) uint32 -> (n, 4) uint32 words."""
    c = [counter[:, i].astype(np.uint64) for i in range(4)]
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        low = np.uint64(0xFFFFFFFF)
        shift = np.uint64(32)
        c = [
            (p1 >> shift) ^ c[1] ^ np.uint64(k0),
            p1 & low,
            (p0 >> shift) ^ c[3] ^ np.uint64(k1),
            p0 & low,
        ]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, axis=1).astype(np.uint32)


def random_reference(shape: Shape, attrs: tuple[int, int, int]) -> np.ndarray:
    """The words of :func:`random_words` computed by NumPy."""
    count = int(np.prod(shape))
    counter = np.zeros(((count + 3) // 4, 4), np.uint32)
    counter[:, 0] = np.arange(len(counter), dtype=np.uint32)
    counter[:, 2] = attrs[2]
    return philox(counter, attrs[:2]).reshape(-1)[:count].reshape(shape)


def _no_inference(*_: object) -> tuple[Shape, DType]:
    raise TypeError("a source is made by its own function")  # pragma: no cover


for _name in ("const", "iota", "random", "leaf"):
    define(Op(_name, "source", _no_inference, lambda *a: None, None, cost=40 * (_name == "random")))
