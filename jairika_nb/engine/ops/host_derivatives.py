"""Reverse derivatives of the operations that run on the host, as graph functions of any order.

Sources: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation", 2008; I. Murray, "Differentiation of the Cholesky decomposition", 2016;
M. Seeger et al., "Auto-differentiating linear algebra", 2017 (QR); D. Roberts and L. Roberts, "QR
and LQ decomposition matrix backpropagation algorithms for square, wide, and deep matrices", 2020;
J. Townsend, "Differentiating the singular value decomposition", 2016; G. Golub and V. Pereyra,
"The differentiation of pseudo-inverses and nonlinear least squares problems", 1973.
"""

from __future__ import annotations

from jairika_nb.engine.graph import Node, Shape, make
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import sources, views
from jairika_nb.engine.ops.contract import matmul, transpose
from jairika_nb.errors import GradientError


def cholesky(g: Node, y: Node, x: Node) -> tuple[Node]:
    """L^-T phi(L^T g) L^-1, made symmetric; phi keeps the lower triangle, its diagonal halved."""
    phi = _weighted_triangle(matmul(transpose(y), g), below=1.0, on=0.5)
    left = make("solve", (transpose(y), phi))
    return (_symmetric(transpose(make("solve", (transpose(y), transpose(left))))),)


def solve(g: Node, y: Node, a: Node, b: Node) -> tuple[Node, Node]:
    """(-db @ y.T, db) with db = a^-T g."""
    db = make("solve", (transpose(a), g))
    return e.neg(matmul(db, transpose(y))), db


def inv(g: Node, y: Node, x: Node) -> tuple[Node]:
    """-y.T @ g @ y.T."""
    turned = transpose(y)
    return (e.neg(matmul(turned, matmul(g, turned))),)


def det(g: Node, y: Node, x: Node) -> tuple[Node]:
    """g times the matrix of cofactors."""
    return (e.mul(_as_matrix(g), make("cofactors", (x,))),)


def cofactors(g: Node, y: Node, x: Node) -> tuple[Node]:
    """det(x) (<g, z> z - z g.T z) with z = x^-T; exists for invertible x only."""
    z = transpose(make("inv", (x,)))
    axes = (len(x.shape) - 2, len(x.shape) - 1)
    inner = make("sum", (e.mul(g, z),), axes)
    bent = matmul(z, matmul(transpose(g), z))
    return (e.mul(_as_matrix(make("det", (x,))), e.apply("sub", e.mul(inner, z), bent)),)


def slogdet(g: Node, y: Node, x: Node) -> tuple[Node]:
    """The logarithm's cotangent times x^-T; the sign is constant."""
    size = _cut(g, 1, ())
    return (e.mul(_as_matrix(size), transpose(make("inv", (x,)))),)


def qr(g: Node, y: Node, x: Node) -> tuple[Node]:
    """(gQ + Q c(R gR^T - gQ^T Q)) R^-T, where c mirrors the lower triangle to the upper."""
    m, n = x.shape[-2:]
    k = m if y.attrs[0] else min(m, n)
    if k > n:
        raise GradientError(
            f"qr: with mode='complete' {x.shape} has columns of Q that the matrix does not "
            "determine, so no derivative; use mode='reduced'"
        )
    q, r = _cut(y, 0, (m, k)), _cut(y, m * k, (k, n))
    gq, gr = _cut(g, 0, (m, k)), _cut(g, m * k, (k, n))
    if n == k:
        return (_square_qr(q, r, gq, gr),)
    # A wide matrix [X | Z] has R = [U | W] with X = Q U and W = Q^T Z.
    z, gw = _columns(x, k, n - k), _columns(gr, k, n - k)
    bent = e.add(gq, matmul(z, transpose(gw)))
    gx = _square_qr(q, _columns(r, 0, k), bent, _columns(gr, 0, k))
    return (e.add(_padded(gx, 0, n), _padded(matmul(q, gw), k, n)),)


def _square_qr(q: Node, r: Node, gq: Node, gr: Node) -> Node:
    m = e.apply("sub", matmul(r, transpose(gr)), matmul(transpose(gq), q))
    lower = _weighted_triangle(m, below=1.0, on=0.5)
    inner = e.add(gq, matmul(q, e.add(lower, transpose(lower))))
    return transpose(make("solve", (r, transpose(inner))))


def eigh(g: Node, y: Node, x: Node) -> tuple[Node]:
    """V (diag(gw) + F * (V^T gV)) V^T, made symmetric, with F_ij = 1 / (w_j - w_i).

    Where two eigenvalues are equal F is 0: right for functions that do not depend on the choice
    of eigenvectors there; others have no derivative.
    """
    n = x.shape[-1]
    w, v = _cut(y, 0, (n,)), _cut(y, n, (n, n))
    gw, gv = _cut(g, 0, (n,)), _cut(g, n, (n, n))
    turned = e.mul(_inverse_gaps(w), matmul(transpose(v), gv))
    inner = e.add(_diagonal(gw), turned)
    return (_symmetric(matmul(v, matmul(inner, transpose(v)))),)


def svd(g: Node, y: Node, x: Node) -> tuple[Node]:
    """The derivative of U, S and Vh; equal or zero singular values count as for :func:`eigh`."""
    m, n = x.shape[-2:]
    k = min(m, n)
    if y.attrs[0] and m != n:
        raise GradientError(
            f"svd: with full_matrices=True {x.shape} has singular vectors that the matrix does "
            "not determine, so no derivative; use full_matrices=False"
        )
    (u, s, vh), (gu, gs, gvh) = (
        (_cut(p, 0, (m, k)), _cut(p, m * k, (k,)), _cut(p, m * k + k, (k, n))) for p in (y, g)
    )
    gaps = _inverse_gaps(e.mul(s, s))
    uu, vv = matmul(transpose(u), gu), matmul(vh, transpose(gvh))
    row, column = _unsqueezed(s, -2), _unsqueezed(s, -1)
    inner = e.add(
        e.mul(e.mul(gaps, e.apply("sub", uu, transpose(uu))), row),
        e.mul(column, e.mul(gaps, e.apply("sub", vv, transpose(vv)))),
    )
    total = matmul(u, matmul(e.add(inner, _diagonal(gs)), vh))
    inverse = _reciprocal(s)
    if m > k:
        outside = e.apply("sub", gu, matmul(u, uu))
        total = e.add(total, matmul(e.mul(outside, _unsqueezed(inverse, -2)), vh))
    if n > k:
        outside = e.apply("sub", gvh, matmul(transpose(vv), vh))
        total = e.add(total, matmul(u, e.mul(_unsqueezed(inverse, -1), outside)))
    return (total,)


def pinv(g: Node, y: Node, x: Node, rtol: Node) -> tuple[Node, None]:
    """Golub and Pereyra's rule, transposed; it holds while the rank stays the same."""
    gt, yt = transpose(g), transpose(y)
    first = e.neg(matmul(yt, matmul(g, yt)))
    left = matmul(matmul(yt, y), gt)
    left = e.apply("sub", left, matmul(left, matmul(y, x))) if x.shape[-1] else left
    right = matmul(gt, matmul(y, yt))
    right = e.apply("sub", right, matmul(x, matmul(y, right)))
    return e.add(first, e.add(left, right)), None


def _cut(packed: Node, start: int, shape: Shape) -> Node:
    count = 1
    for n in shape:
        count *= n
    batch = packed.shape[:-1]
    bounds = (*((0, n, 1) for n in batch), (start, count, 1))
    return views.reshape(views.take_slice(packed, bounds), batch + shape)


def _columns(x: Node, start: int, count: int) -> Node:
    return views.take_slice(x, (*((0, n, 1) for n in x.shape[:-1]), (start, count, 1)))


def _padded(x: Node, before: int, columns: int) -> Node:
    none = tuple((0, 0, 0) for _ in x.shape[:-1])
    return views.pad(x, (*none, (before, columns - before - x.shape[-1], 0)))


def _unsqueezed(x: Node, axis: int) -> Node:
    at = len(x.shape) + 1 + axis
    return views.reshape(x, (*x.shape[:at], 1, *x.shape[at:]))


def _as_matrix(x: Node) -> Node:
    return views.reshape(x, (*x.shape, 1, 1))


def _symmetric(x: Node) -> Node:
    return e.mul(e.add(x, transpose(x)), 0.5)


def _ramps(n: int, like: Node) -> tuple[Node, Node]:
    ramp = sources.iota(n, like.device)
    return views.reshape(ramp, (n, 1)), ramp


def _weighted_triangle(x: Node, below: float, on: float) -> Node:
    rows, columns = _ramps(x.shape[-1], x)
    rest = e.where(e.apply("equal", rows, columns), e.mul(x, on), 0.0)
    return e.where(e.apply("greater", rows, columns), e.mul(x, below), rest)


def _diagonal(x: Node) -> Node:
    rows, columns = _ramps(x.shape[-1], x)
    return e.where(e.apply("equal", rows, columns), _unsqueezed(x, -2), 0.0)


def _reciprocal(x: Node) -> Node:
    zero = e.apply("equal", x, 0.0)
    return e.where(zero, 0.0, e.call("reciprocal", e.where(zero, 1.0, x)))


def _inverse_gaps(x: Node) -> Node:
    return _reciprocal(e.apply("sub", _unsqueezed(x, -2), _unsqueezed(x, -1)))
