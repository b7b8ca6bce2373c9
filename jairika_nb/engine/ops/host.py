"""Decompositions and solutions of linear systems, which NumPy computes on the host.

Inputs are brought to the host, ``reference`` runs there (LAPACK behind it), and the result goes
back to the device, as one step of the plan. Leading axes are batches. Decompositions with several
results pack them, flattened, along one last axis; :func:`parts` takes them apart by views.
Derivatives are graph functions, in :mod:`jairika_nb.engine.ops.host_derivatives`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops import host_derivatives as d
from jairika_nb.engine.ops import views
from jairika_nb.errors import DTypeError, MatrixError, ShapeError


def parts(packed: Node, *shapes: Shape) -> list[Node]:
    """(*batch, total) -> (*batch, *shape) for each shape, in order."""
    batch = packed.shape[:-1]
    out, start = [], 0
    for shape in shapes:
        count = math.prod(shape)
        bounds = (*((0, n, 1) for n in batch), (start, count, 1))
        out.append(views.reshape(views.take_slice(packed, bounds), batch + shape))
        start += count
    return out


def cholesky(x: Node) -> Node:
    """The lower factor L of L @ L.T = x; only the lower triangle of x (..., n, n) is read."""
    return make("cholesky", (x,))


def solve(a: Node, b: Node) -> Node:
    """X with a @ X = b; a (..., n, n) and b (..., n, k) of one batch shape."""
    return make("solve", (a, b))


def inv(x: Node) -> Node:
    """The inverse of x (..., n, n)."""
    return make("inv", (x,))


def det(x: Node) -> Node:
    """The determinant of x (..., n, n); shape (...)."""
    return make("det", (x,))


def slogdet(x: Node) -> tuple[Node, Node]:
    """Sign and logarithm of the size of the determinant of x (..., n, n)."""
    sign, size = parts(make("slogdet", (x,)), (), ())
    return sign, size


def qr(x: Node, complete: bool) -> tuple[Node, Node]:
    """Orthonormal Q and upper triangular R with Q @ R = x (..., m, n)."""
    m, n = x.shape[-2:] if len(x.shape) > 1 else (0, 0)
    k = m if complete else min(m, n)
    q, r = parts(make("qr", (x,), (complete,)), (m, k), (k, n))
    return q, r


def eigh(x: Node) -> tuple[Node, Node]:
    """Ascending eigenvalues and eigenvectors (columns) of symmetric x (..., n, n)."""
    n = x.shape[-1] if x.shape else 0
    values, vectors = parts(make("eigh", (x,)), (n,), (n, n))
    return values, vectors


def svd(x: Node, full: bool) -> tuple[Node, Node, Node]:
    """U, descending singular values and Vh with U @ diag(S) @ Vh = x (..., m, n)."""
    m, n = x.shape[-2:] if len(x.shape) > 1 else (0, 0)
    k = min(m, n)
    u, s, vh = parts(make("svd", (x,), (full,)), *_svd_shapes(m, n, k, full))
    return u, s, vh


def pinv(x: Node, rtol: Node) -> Node:
    """The Moore-Penrose inverse of x (..., m, n), without singular values up to rtol (...)."""
    return make("pinv", (x, rtol))


def _svd_shapes(m: int, n: int, k: int, full: bool) -> tuple[Shape, Shape, Shape]:
    return ((m, m), (k,), (n, n)) if full else ((m, k), (k,), (k, n))


def _matrix(name: str, x: Node, square: bool = True) -> None:
    if len(x.shape) < 2 or (square and x.shape[-1] != x.shape[-2]):
        kind = "square matrix" if square else "matrix"
        way = "; pinv takes any matrix" if name in ("inv", "solve") else ""
        raise ShapeError(
            f"{name}: shape {x.shape} is no {kind} or batch of them: it needs two axes"
            f"{' of one size' if square else ''} at the end{way}"
        )
    if x.dtype.kind != "float":
        raise DTypeError(f"{name} takes floats, not {x.dtype.name}; convert with x.astype(...)")


def _square(name: str, shape_of: Callable[[Shape, int], Shape]) -> Callable[..., Any]:
    def infer(x: Node, attrs: Any) -> tuple[Shape, DType]:
        _matrix(name, x)
        return shape_of(x.shape[:-2], x.shape[-1]), x.dtype

    return infer


def _solve_infer(a: Node, b: Node, attrs: Any) -> tuple[Shape, DType]:
    _matrix("solve", a)
    if len(b.shape) < 2 or b.shape[:-1] != a.shape[:-1]:
        raise ShapeError(
            f"solve: {a.shape} and {b.shape}: the matrices and the right sides must have one "
            "batch shape and equally many rows"
        )
    return b.shape, a.dtype


def _qr_infer(x: Node, attrs: tuple[bool]) -> tuple[Shape, DType]:
    _matrix("qr", x, square=False)
    m, n = x.shape[-2:]
    k = m if attrs[0] else min(m, n)
    return (*x.shape[:-2], m * k + k * n), x.dtype


def _svd_infer(x: Node, attrs: tuple[bool]) -> tuple[Shape, DType]:
    _matrix("svd", x, square=False)
    m, n = x.shape[-2:]
    total = sum(math.prod(s) for s in _svd_shapes(m, n, min(m, n), attrs[0]))
    return (*x.shape[:-2], total), x.dtype


def _pinv_infer(x: Node, rtol: Node, attrs: Any) -> tuple[Shape, DType]:
    _matrix("pinv", x, square=False)
    return (*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype


def _wide(x: np.ndarray) -> np.ndarray:
    # LAPACK knows nothing smaller than float32.
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float32)


def _packed(*arrays: np.ndarray, batch: Shape) -> np.ndarray:
    flat = [a.reshape(*batch, math.prod(a.shape[len(batch) :])) for a in arrays]
    return np.concatenate(flat, axis=-1)


def _on_host(name: str, advice: str, compute: Callable[..., Any]) -> Callable[..., Any]:
    """``compute(attrs, *arrays)`` for LAPACK's floats; its failure as an error that says where."""

    def reference(attrs: Any, *arrays: np.ndarray) -> np.ndarray:
        wide = [_wide(a) for a in arrays]
        try:
            return np.asarray(compute(attrs, *wide), dtype=arrays[0].dtype)
        except np.linalg.LinAlgError:
            where = _first_failing(compute, attrs, wide)
            raise MatrixError(f"{name}: the matrix{where} {advice}") from None

    return reference


def _first_failing(compute: Callable[..., Any], attrs: Any, arrays: list[np.ndarray]) -> str:
    shape = arrays[0].shape
    for place in np.ndindex(shape[:-2]):
        try:
            compute(attrs, *(a[place] for a in arrays))
        except np.linalg.LinAlgError:
            at = f" at {place} of" if place else " of"
            return f"{at} shape {shape}"
    return f" of shape {shape}"  # pragma: no cover


def _slogdet(attrs: Any, x: np.ndarray) -> np.ndarray:
    return np.stack(np.linalg.slogdet(x), axis=-1)


def _qr(attrs: tuple[bool], x: np.ndarray) -> np.ndarray:
    q, r = np.linalg.qr(x, mode="complete" if attrs[0] else "reduced")
    return _packed(q, r, batch=x.shape[:-2])


def _eigh(attrs: Any, x: np.ndarray) -> np.ndarray:
    return _packed(*np.linalg.eigh(x), batch=x.shape[:-2])


def _svd(attrs: tuple[bool], x: np.ndarray) -> np.ndarray:
    return _packed(*np.linalg.svd(x, full_matrices=attrs[0]), batch=x.shape[:-2])


def _pinv(attrs: Any, x: np.ndarray, rtol: np.ndarray) -> np.ndarray:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    limit = rtol[..., None] * s.max(axis=-1, keepdims=True, initial=0)
    kept = s > limit
    inverse = np.where(kept, 1 / np.where(kept, s, 1), 0)
    return np.swapaxes(vh, -1, -2) * inverse[..., None, :] @ np.swapaxes(u, -1, -2)


def _cofactors(attrs: Any, x: np.ndarray) -> np.ndarray:
    # Through the singular values it exists for singular matrices too.
    u, s, vh = np.linalg.svd(x.astype(np.float64))
    others = np.repeat(s[..., None, :], s.shape[-1], axis=-2)
    others[..., range(s.shape[-1]), range(s.shape[-1])] = 1
    signs = np.linalg.det(u) * np.linalg.det(vh)
    return signs[..., None, None] * ((u * others.prod(axis=-1)[..., None, :]) @ vh)


_SINGULAR = "has no inverse; use jrk.linalg.pinv, or add a small multiple of the identity"
_NO_CONVERGENCE = "did not converge; look for NaN and infinity with jrk.isfinite"
_NOT_POSITIVE = (
    "is not positive definite; check that it is symmetric, or add a small multiple of the identity"
)

# name, shape and dtype, NumPy, derivative, what to say where NumPy fails
_ROWS: list[tuple[str, Callable, Callable, Callable, str]] = [
    ("cholesky", _square("cholesky", lambda batch, n: (*batch, n, n)),
     lambda attrs, x: np.linalg.cholesky(x), d.cholesky, _NOT_POSITIVE),
    ("solve", _solve_infer, lambda attrs, a, b: np.linalg.solve(a, b), d.solve, _SINGULAR),
    ("inv", _square("inv", lambda batch, n: (*batch, n, n)),
     lambda attrs, x: np.linalg.inv(x), d.inv, _SINGULAR),
    ("det", _square("det", lambda batch, n: batch),
     lambda attrs, x: np.linalg.det(x), d.det, _NO_CONVERGENCE),
    ("cofactors", _square("cofactors", lambda batch, n: (*batch, n, n)), _cofactors,
     d.cofactors, _NO_CONVERGENCE),
    ("slogdet", _square("slogdet", lambda batch, n: (*batch, 2)), _slogdet, d.slogdet,
     _NO_CONVERGENCE),
    ("qr", _qr_infer, _qr, d.qr, _NO_CONVERGENCE),
    ("eigh", _square("eigh", lambda batch, n: (*batch, n + n * n)), _eigh, d.eigh,
     _NO_CONVERGENCE),
    ("svd", _svd_infer, _svd, d.svd, _NO_CONVERGENCE),
    ("pinv", _pinv_infer, _pinv, d.pinv, _NO_CONVERGENCE),
]  # fmt: skip
for _name, _infer, _compute, _vjp, _advice in _ROWS:
    define(Op(_name, "host", _infer, _on_host(_name, _advice, _compute), _vjp))
