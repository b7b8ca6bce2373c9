"""Linear algebra: the array API standard's extension (2025.12), without complex results.

Products, norms, diagonals and traces run on the device. Decompositions, solutions, inverses and
determinants are computed by NumPy on the host, whatever the device: their inputs are brought
there and the results back. All of them are lazy and have derivatives of any order. A matrix that
is wrong by its values (singular, not positive definite) is known only when the value is needed;
MatrixError then names the operation, the shape and the place in the batch. Shapes are checked at
once. Integers become float32.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import host, views
from jairika_nb.errors import DTypeError, OutOfRange, ShapeError
from jairika_nb.tensors.arguments import all_tensors, on_tensors, whole_numbers
from jairika_nb.tensors.creation import eye, full, zeros
from jairika_nb.tensors.dtypes import finfo
from jairika_nb.tensors.elementwise import astype
from jairika_nb.tensors.joining import stack, unstack
from jairika_nb.tensors.linear import matmul, outer, tensordot, tensors, vecdot
from jairika_nb.tensors.norms import matrix_norm, norm, real, vector_norm
from jairika_nb.tensors.reductions import count_nonzero, sum
from jairika_nb.tensors.shaping import broadcast_to, expand_dims, matrix_transpose
from jairika_nb.tensors.tensor import Tensor

__all__ = [
    "cholesky", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "inv",
    "lstsq", "matmul", "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose",
    "multi_dot", "norm", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot",
    "trace", "vecdot", "vector_norm",
]  # fmt: skip


class EighResult(NamedTuple):
    """Eigenvalues (..., n), ascending, and eigenvectors (..., n, n), one a column."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """Orthonormal columns Q and upper triangular R."""

    Q: Tensor
    R: Tensor


class SlogdetResult(NamedTuple):
    """The sign of a determinant and the logarithm of its size."""

    sign: Tensor
    logabsdet: Tensor


class SVDResult(NamedTuple):
    """Left singular vectors, singular values (descending), right singular vectors (rows)."""

    U: Tensor
    S: Tensor
    Vh: Tensor


@on_tensors
def cholesky(x: Any, /, *, upper: bool = False) -> Tensor:
    """The lower triangular L with L @ L.T = x, or the upper U with U.T @ U = x; on the host.

    ``x`` (..., n, n) must be symmetric and positive definite, else MatrixError; only the wanted
    triangle is read.

    >>> import jairika_nb as jrk
    >>> jrk.linalg.cholesky(jrk.tensor([[4.0, 2.0], [2.0, 10.0]])).tolist()
    [[2.0, 0.0], [1.0, 3.0]]
    """
    values = real(x)
    if upper:
        return matrix_transpose(Tensor(host.cholesky(matrix_transpose(values).node)))
    return Tensor(host.cholesky(values.node))


@on_tensors
def det(x: Any, /) -> Tensor:
    """The determinant of each matrix of ``x`` (..., n, n); on the host.

    The first derivative exists for singular matrices too, higher ones for invertible ones only.
    """
    return Tensor(host.det(real(x).node))


@on_tensors
def slogdet(x: Any, /) -> SlogdetResult:
    """Sign and logarithm of the size of the determinant of ``x`` (..., n, n); on the host.

    A singular matrix has sign 0 and logarithm -inf.
    """
    return SlogdetResult(*map(Tensor, host.slogdet(real(x).node)))


@on_tensors
def inv(x: Any, /) -> Tensor:
    """The inverse of each matrix of ``x`` (..., n, n); on the host.

    A singular matrix raises MatrixError when the value is needed.
    """
    return Tensor(host.inv(real(x).node))


def solve(x1: Any, x2: Any, /) -> Tensor:
    """X with ``x1 @ X = x2``; on the host. ``x1`` (..., n, n); ``x2`` (n,) or (..., n, k).

    Batch axes broadcast. A singular matrix raises MatrixError when the value is needed.

    >>> import jairika_nb as jrk
    >>> jrk.linalg.solve(jrk.tensor([[2.0, 0.0], [0.0, 4.0]]), jrk.tensor([1.0, 2.0])).tolist()
    [0.5, 0.5]
    """
    a, b = (real(v) for v in tensors(x1, x2))
    vector = b.ndim == 1
    right = b.reshape(-1, 1) if vector else b
    if a.ndim < 2 or right.ndim < 2 or a.shape[-1] != right.shape[-2]:
        raise ShapeError(
            f"solve: {a.shape} and {b.shape} do not fit: square matrices (..., n, n) go with a "
            "vector (n,) or with right sides (..., n, k)"
        )
    batch = e.broadcast_shape("solve", a.shape[:-2], right.shape[:-2])
    left = views.broadcast_to(a.node, batch + a.shape[-2:])
    found = Tensor(host.solve(left, views.broadcast_to(right.node, batch + right.shape[-2:])))
    return found.reshape(found.shape[:-1]) if vector else found


@on_tensors
def qr(x: Any, /, *, mode: str = "reduced") -> QRResult:
    """Orthonormal Q and upper triangular R with Q @ R = x; on the host.

    For ``x`` (..., m, n) and k = min(m, n), "reduced" gives (m, k) and (k, n), "complete" (m, m)
    and (m, n). Derivatives need linearly independent columns (the first k of a wide matrix).
    """
    if mode not in ("reduced", "complete"):
        raise OutOfRange(f"qr: mode={mode!r} is neither 'reduced' nor 'complete'")
    return QRResult(*map(Tensor, host.qr(real(x).node, mode == "complete")))


@on_tensors
def eigh(x: Any, /) -> EighResult:
    """Eigenvalues (ascending) and eigenvectors of symmetric ``x`` (..., n, n); on the host.

    Only the lower triangle is read. Where eigenvalues are equal, only functions that do not
    depend on the choice of eigenvectors have a derivative.
    """
    return EighResult(*map(Tensor, host.eigh(real(x).node)))


@on_tensors
def eigvalsh(x: Any, /) -> Tensor:
    """The eigenvalues of symmetric ``x`` (..., n, n), ascending; on the host."""
    return eigh(x).eigenvalues


def eig(x: Any, /) -> NoReturn:
    """Not offered, as eigenvalues of a general matrix are complex: raises DTypeError."""
    _complex("eig", "eigh")


def eigvals(x: Any, /) -> NoReturn:
    """Not offered, as eigenvalues of a general matrix are complex: raises DTypeError."""
    _complex("eigvals", "eigvalsh")


def _complex(name: str, other: str) -> NoReturn:
    raise DTypeError(
        f"{name}: its results are complex, which tensors cannot hold yet; for symmetric matrices "
        f"use {other}, for others np.linalg.{name}(x.numpy())"
    )


@on_tensors
def svd(x: Any, /, *, full_matrices: bool = True) -> SVDResult:
    """U, S and Vh with U @ diag(S) @ Vh = x; on the host.

    For ``x`` (..., m, n) and k = min(m, n), S is (k,); U and Vh are (m, m) and (n, n), or (m, k)
    and (k, n) without ``full_matrices``, which derivatives of U and Vh need unless m = n. Where
    singular values are equal or 0, only functions that do not depend on the choice of vectors
    have a derivative.
    """
    node = real(x).node
    u, s, vh = host.svd(node, full_matrices)
    if full_matrices and node.shape[-1] != node.shape[-2]:
        # The whole U and Vh have no derivative, but S has.
        s = host.svd(node, False)[1]
    return SVDResult(Tensor(u), Tensor(s), Tensor(vh))


@on_tensors
def svdvals(x: Any, /) -> Tensor:
    """The singular values of ``x`` (..., m, n), descending; on the host."""
    return svd(x, full_matrices=False).S


def _tolerance(name: str, x: Tensor, rtol: Any) -> Tensor:
    """``rtol`` for each matrix, by default max(m, n) times the dtype's epsilon."""
    if x.ndim < 2:
        raise ShapeError(
            f"{name}: shape {x.shape} is no matrix or batch of them: two axes at least"
        )
    given = finfo(x.dtype).eps * builtins.max(x.shape[-2:]) if rtol is None else rtol
    if not isinstance(given, Tensor):
        given = full((), float(given), dtype=x.dtype, device=x.device)
    return broadcast_to(astype(given, x.dtype), x.shape[:-2])


@on_tensors
def pinv(x: Any, /, *, rtol: Any = None) -> Tensor:
    """The Moore-Penrose inverse of each matrix of ``x`` (..., m, n); on the host.

    Singular values up to ``rtol`` (a number or a tensor for the batch; by default max(m, n) times
    the dtype's epsilon) times the largest count as 0. The derivative holds while the rank stays.
    """
    values = real(x)
    return Tensor(host.pinv(values.node, _tolerance("pinv", values, rtol).node))


@on_tensors
def matrix_rank(x: Any, /, *, rtol: Any = None) -> Tensor:
    """How many singular values exceed ``rtol`` times the largest, int32; on the host.

    >>> import jairika_nb as jrk
    >>> jrk.linalg.matrix_rank(jrk.tensor([[1.0, 2.0], [2.0, 4.0]])).item()
    1
    """
    values = real(x)
    limit = _tolerance("matrix_rank", values, rtol)
    if 0 in values.shape[-2:]:
        return zeros(values.shape[:-2], dtype="int32", device=values.device)
    found = svdvals(values)
    return count_nonzero(found > expand_dims(limit, -1) * found[..., :1], axis=-1)


def lstsq(a: Any, b: Any, /, *, rtol: Any = None) -> Tensor:
    """The shortest X that makes ``a @ X - b`` smallest; ``a`` (..., m, n), ``b`` (..., m, k).

    Computed as ``pinv(a, rtol=rtol) @ b``; on the host.
    """
    left, right = (real(v) for v in tensors(a, b))
    return matmul(pinv(left, rtol=rtol), right)


@on_tensors
def cond(x: Any, /) -> Tensor:
    """The largest over the smallest singular value of each matrix; on the host."""
    found = svdvals(x)
    return found[..., 0] / found[..., -1]


@on_tensors
def matrix_power(x: Any, n: int, /) -> Tensor:
    """The ``n``-th power of each square matrix; the inverse's for negative ``n``.

    >>> import jairika_nb as jrk
    >>> jrk.linalg.matrix_power(jrk.tensor([[1.0, 1.0], [0.0, 1.0]]), 5).tolist()
    [[1.0, 5.0], [0.0, 1.0]]
    """
    (values,) = tensors(x)
    if values.ndim < 2 or values.shape[-1] != values.shape[-2]:
        raise ShapeError(f"matrix_power: shape {values.shape} is no square matrix or batch of them")
    if not isinstance(n, int) or isinstance(n, bool):
        raise DTypeError(f"matrix_power: the exponent {n!r} must be an integer")
    if n < 0:
        return matrix_power(inv(values), -n)
    power = None
    while n:
        if n & 1:
            power = values if power is None else power @ values
        n >>= 1
        values = values @ values if n else values
    if power is not None:
        return power
    one = eye(values.shape[-1], dtype=values.dtype, device=values.device)
    return broadcast_to(one, values.shape)


def multi_dot(arrays: Sequence[Tensor], /) -> Tensor:
    """The product of two or more matrices; the first and the last may be vectors."""
    rows = all_tensors("multi_dot", arrays)
    if len(rows) < 2:
        raise ShapeError(f"multi_dot: needs two matrices or more, not {len(rows)}")
    return functools.reduce(matmul, rows)


@on_tensors
def diagonal(x: Any, /, *, offset: int = 0) -> Tensor:
    """The diagonals of the matrices in the last two axes, as a view; shape (..., k).

    ``offset`` counts up from the main diagonal; a diagonal outside the matrix is empty.

    >>> import jairika_nb as jrk
    >>> jrk.linalg.diagonal(jrk.tensor([[1, 2], [3, 4]])).tolist()
    [1, 4]
    """
    (values,) = tensors(x)
    if values.ndim < 2:
        raise ShapeError(f"diagonal: shape {values.shape} has no two axes to take a diagonal of")
    m, n = values.shape[-2:]
    top, left = builtins.max(-offset, 0), builtins.max(offset, 0)
    k = builtins.max(0, builtins.min(m - top, n - left))
    block = values[..., top : top + k, left : left + k]
    # In a flattened square every (k + 1)-th element is on the diagonal.
    return block.reshape((*values.shape[:-2], k * k))[..., :: k + 1]


@on_tensors
def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """The sum of each diagonal of the matrices in the last two axes."""
    return sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """The product of 3-vectors along ``axis`` that is orthogonal to both; other axes broadcast.

    >>> import jairika_nb as jrk
    >>> jrk.linalg.cross(jrk.tensor([1, 0, 0]), jrk.tensor([0, 1, 0])).tolist()
    [0, 0, 1]
    """
    a, b = tensors(x1, x2)
    rank = builtins.max(a.ndim, b.ndim)
    (asked,) = whole_numbers("cross", "axis", axis)
    at = asked - rank if asked >= 0 else asked
    if any(not -x.ndim <= at < 0 for x in (a, b)):
        raise OutOfRange(f"cross: axis {axis} is outside shapes {a.shape} and {b.shape}")
    if a.shape[at] != 3 or b.shape[at] != 3:
        raise ShapeError(f"cross: axis {axis} of {a.shape} and {b.shape} must have size 3 in both")
    a0, a1, a2 = unstack(a, axis=at)
    b0, b1, b2 = unstack(b, axis=at)
    return stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=at)
