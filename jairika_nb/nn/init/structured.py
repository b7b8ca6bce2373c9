"""Initial values with a pattern: constants, identities, orthonormal rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.nn.init.gains import Shape
from jairika_nb.tensors import linalg, random
from jairika_nb.tensors.creation import eye as identity
from jairika_nb.tensors.creation import full, tensor
from jairika_nb.tensors.elementwise import astype, sign
from jairika_nb.tensors.shaping import matrix_transpose, reshape
from jairika_nb.tensors.tensor import Tensor


def constant(shape: Shape, val: float, **place: Any) -> Tensor:
    """One value everywhere."""
    return full(shape, float(val), **place)


def zeros(shape: Shape, **place: Any) -> Tensor:
    """Zero everywhere."""
    return full(shape, 0.0, **place)


def ones(shape: Shape, **place: Any) -> Tensor:
    """One everywhere."""
    return full(shape, 1.0, **place)


def eye(shape: Shape, **place: Any) -> Tensor:
    """Ones on the diagonal: a linear layer that hands on its input. The shape has two axes."""
    if len(shape) != 2:
        raise ShapeError(f"eye: {shape} must have two axes")
    return identity(*shape, **place)


def dirac(shape: Shape, groups: int = 1, dtype: Any = None, device: Any = None) -> Tensor:
    """Convolution kernels that hand on their input, for weights (out, in, ...) of 3 to 5 axes.

    In each of ``groups`` as many channels as there are of both kinds get a one in the middle.

    >>> dirac((1, 1, 3)).tolist()
    [[[0.0, 1.0, 0.0]]]
    """
    if len(shape) not in (3, 4, 5):
        raise ShapeError(f"dirac: {shape} must be weights (out, in, ...) of 3 to 5 axes")
    if groups < 1 or shape[0] % groups:
        raise OutOfRange(f"dirac: {shape[0]} output channels do not split into {groups} groups")
    values = np.zeros(shape, np.float32)
    middle = tuple(size // 2 for size in shape[2:])
    rows = shape[0] // groups
    for group in range(groups):
        for channel in range(min(rows, shape[1])):
            values[(group * rows + channel, channel, *middle)] = 1
    return tensor(values, dtype=dtype or "float32", device=device)


def orthogonal(shape: Shape, gain: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """A random matrix with orthonormal rows, or columns where there are fewer of them.

    The axes after the first count as one, so weights (out, in, ...) do. Every orthonormal matrix
    is as likely as every other (Saxe et al. 2013; Mezzadri 2007). Raises ShapeError below two axes.

    >>> import jairika_nb as jrk
    >>> q = orthogonal((3, 5))
    >>> bool(jrk.allclose(q @ q.T, jrk.eye(3), atol=1e-5))
    True
    """
    if len(shape) < 2:
        raise ShapeError(f"orthogonal: {shape} must have two axes or more")
    rows, columns = shape[0], math.prod(shape[1:])
    long, short = max(rows, columns), min(rows, columns)
    q, r = linalg.qr(random.normal((long, short), device=device))
    # Without the signs some matrices would be likelier than others.
    q = q * sign(linalg.diagonal(r))
    q = reshape(q if rows >= columns else matrix_transpose(q), shape)
    return astype(q * gain, dtype or "float32")
