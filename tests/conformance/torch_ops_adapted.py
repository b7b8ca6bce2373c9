"""Operations that take their arguments otherwise here than in PyTorch, or give more than it does.

``OURS`` calls ours with PyTorch's arguments. ``THEIRS`` makes of PyTorch's results what both can
be compared in: singular vectors, for one, are determined up to a sign only.
"""

from __future__ import annotations

import functools
from typing import Any

from torch_ops_differences import NotComparable

import jairika_nb as jrk

L = jrk.linalg


def _method(name: str) -> Any:
    return lambda x, *args, **kwargs: getattr(x, name)(*args, **kwargs)


def _scaled(function: Any) -> Any:
    """add and sub with PyTorch's factor for the second operand."""
    return lambda x, y, alpha=1: function(x, y if alpha == 1 else y * alpha)


def _diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1, **named: Any) -> Any:
    return L.diagonal(jrk.moveaxis(x, (dim1, dim2), (-2, -1)), offset=offset)


def _linalg_diagonal(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    return _diagonal(x, offset, dim1, dim2)


def _spread(function: Any, with_mean: bool = False) -> Any:
    """var and std: PyTorch's correction is 1 unless told, and may come as ``unbiased``."""

    def call(x: Any, *args: Any, axis: Any = None, unbiased: Any = None, correction: Any = 1,
             keepdims: bool = False) -> Any:  # fmt: skip
        if args and isinstance(args[0], bool):
            unbiased, args = args[0], args[1:]
        axis = args[0] if args else axis
        by = int(unbiased) if unbiased is not None else 1 if correction is None else correction
        axis = None if axis == () or axis == [] else axis
        found = function(x, axis=axis, correction=by, keepdims=keepdims)
        return [found, jrk.mean(x, axis=axis, keepdims=keepdims)] if with_mean else found

    return call


def _no_axis_means_all(function: Any) -> Any:
    """PyTorch reads an empty list of axes as all of them."""

    def call(x: Any, *args: Any, axis: Any = None, dtype: Any = None, **more: Any) -> Any:
        x = x if dtype is None else x.astype(dtype)
        return function(x, *args, axis=None if axis in ((), []) else axis, **more)

    return call


def _typed(function: Any) -> Any:
    """A ``dtype`` argument of PyTorch's converts the input first."""

    def call(x: Any, *args: Any, dtype: Any = None, **more: Any) -> Any:
        return function(x if dtype is None else x.astype(dtype), *args, **more)

    return call


def _extreme(function: Any, arg: Any) -> Any:
    def call(x: Any, axis: int, keepdims: bool = False) -> Any:
        return [f(x, axis=axis, keepdims=keepdims) for f in (function, arg)]

    return call


def _repeat_interleave(x: Any, repeats: Any, axis: Any = None, output_size: Any = None) -> Any:
    return jrk.repeat(x, repeats, axis=axis)


def _norm(
    x: Any, p: Any = "fro", axis: Any = None, keepdims: bool = False, dtype: Any = None
) -> Any:
    if p == "fro" or (p == 2 and axis is None):
        p = None
    x = x if dtype is None else x.astype(dtype)
    if axis is None and p not in (None, "nuc"):
        return L.vector_norm(x, ord=p)
    if p == "nuc" or p is None:
        return L.norm(x, p, axis=axis if p is None else axis or (-2, -1), keepdims=keepdims)
    return L.vector_norm(x, axis=axis, ord=p, keepdims=keepdims)


def _matrix_norm(x: Any, ord: Any = "fro", axis: Any = (-2, -1), keepdims: bool = False,
                 dtype: Any = None) -> Any:  # fmt: skip
    return L.norm(x if dtype is None else x.astype(dtype), ord, axis=axis, keepdims=keepdims)


def _linalg_norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False,
                 dtype: Any = None) -> Any:  # fmt: skip
    x = x if dtype is None else x.astype(dtype)
    return L.norm(x, ord, axis=axis, keepdims=keepdims)


def _vector_norm(x: Any, ord: Any = 2, axis: Any = None, keepdims: bool = False,
                 dtype: Any = None) -> Any:  # fmt: skip
    x = x if dtype is None else x.astype(dtype)
    return L.vector_norm(x, axis=axis, ord=ord, keepdims=keepdims)


def _roll(x: Any, shifts: Any, axis: Any = None, **named: Any) -> Any:
    return jrk.roll(x, shifts, axis=axis)


def _arange(*bounds: Any, end: Any = None, dtype: Any = None) -> Any:
    return jrk.arange(*bounds, *(() if end is None else (end,)), dtype=dtype)


def _diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    return jrk.diag_embed(x, offset=offset, axis1=dim1, axis2=dim2)


def _scatter(x: Any, axis: int, index: Any, src: Any = None, value: Any = None, **more: Any) -> Any:
    return jrk.scatter(x, axis, index, value if src is None else src, **more)


def _searchsorted(x: Any, values: Any, out_int32: bool = False, right: bool = False,
                  side: Any = None, sorter: Any = None) -> Any:  # fmt: skip
    if x.ndim > 1 or not hasattr(values, "ndim") or values.ndim == 0:
        values = values if hasattr(values, "ndim") else jrk.tensor(values, dtype=x.dtype)
    side = side or ("right" if right else "left")
    return jrk.searchsorted(x, values, side=side, sorter=sorter)


def _sort(x: Any, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    named = {"axis": axis, "descending": descending, "stable": bool(stable)}
    return [jrk.sort(x, **named), jrk.argsort(x, **named)]


def _take_along_dim(x: Any, index: Any, axis: Any = None) -> Any:
    if axis is None:
        x, index, axis = jrk.flatten(x), jrk.flatten(index), 0
    return jrk.take_along_axis(x, index, axis=axis)


def _fixed_signs(u: Any, s: Any, vh: Any) -> list[Any]:
    """What does not depend on the arbitrary signs of singular vectors."""
    k = s.shape[-1]
    u, vh = u[..., :k], vh[..., :k, :]
    return [s, abs(u), abs(vh), u @ vh]


def _svd(x: Any, full_matrices: bool = True) -> list[Any]:
    return _fixed_signs(*L.svd(x, full_matrices=full_matrices))


def _their_svd(op: Any) -> Any:
    return lambda *args, **kwargs: _fixed_signs(*op(*args, **kwargs))


def _eigh(x: Any, UPLO: str = "L") -> list[Any]:
    values, vectors = L.eigh(x if UPLO == "L" else x.mT)
    return [values, abs(vectors)]


def _their_eigh(op: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> list[Any]:
        values, vectors = op(*args, **kwargs)
        return [values, vectors.abs()]

    return call


def _their_first(op: Any) -> Any:
    return lambda *args, **kwargs: op(*args, **kwargs)[0]


def _their_zeros(op: Any) -> Any:
    # What an empty tensor holds is anything, even NaN.
    return lambda *args, **kwargs: op(*args, **kwargs).fill_(0)


def _their_solve(op: Any) -> Any:
    def call(a: Any, b: Any, **named: Any) -> Any:
        if b.ndim == a.ndim - 1 > 1:
            raise NotComparable("a batch of vectors, which the array standard does not have")
        return op(a, b, **named)

    return call


def _their_hinge(op: Any) -> Any:
    def call(x: Any, target: Any, **named: Any) -> Any:
        if not bool((target.abs() == 1).all()):
            raise NotComparable("targets that are neither 1 nor -1 mean nothing")
        return op(x, target, **named)

    return call


def _our_triplet(*given: Any, distance_function: Any = None, **named: Any) -> Any:
    """PyTorch's samples bring distances of PyTorch's tensors: those that have a name are ours."""
    F, kind = jrk.nn.functional, type(distance_function).__name__
    if kind == "PairwiseDistance":
        norm, eps = distance_function.norm, distance_function.eps
        distance_function = functools.partial(F.pairwise_distance, p=norm, eps=eps)
    elif distance_function is not None:
        raise NotComparable("a distance that is code on PyTorch's tensors")
    return F.triplet_margin_with_distance_loss(*given, distance_function=distance_function, **named)


OURS: dict[str, Any] = {
    "T": lambda x: x.T,
    "__radd__": lambda x, y: y + x,
    "__rand__": lambda x, y: y & x,
    "__rdiv__": lambda x, y: y / x,
    "__rmatmul__": lambda x, y: y @ x,
    "__rmod__": lambda x, y: y % x,
    "__rmul__": lambda x, y: y * x,
    "__ror__": lambda x, y: y | x,
    "__rpow__": lambda x, y: y**x,
    "__rsub__": lambda x, y: y - x,
    "__rxor__": lambda x, y: y ^ x,
    "__getitem__": lambda x, key: x[key],
    "add": _scaled(jrk.add),
    "sub": _scaled(jrk.subtract),
    "rsub": lambda x, y, alpha=1: _scaled(jrk.subtract)(y, x, alpha),
    "cross": lambda x, y, axis=None: L.cross(x, y, axis=-1 if axis is None else axis),
    "diagonal": _diagonal,
    "diagonal_copy": _diagonal,
    "linalg.diagonal": _linalg_diagonal,
    "linalg.eigh": _eigh,
    "linalg.eigvalsh": lambda x, UPLO="L": L.eigvalsh(x if UPLO == "L" else x.mT),
    "linalg.matrix_norm": _matrix_norm,
    "linalg.norm": _linalg_norm,
    "linalg.norm@subgradients_at_zero": _linalg_norm,
    "linalg.svd": _svd,
    "linalg.vector_norm": _vector_norm,
    "linalg.multi_dot": lambda arrays: L.multi_dot(arrays),
    "arange": _arange,
    "diag_embed": _diag_embed,
    **{n: lambda arrays, f=n: getattr(jrk, f)(arrays) for n in
       ("hstack", "vstack", "dstack", "column_stack")},
    **{n: lambda x, *more, f=n: getattr(jrk, f)(*(x if isinstance(x, list) else (x, *more)))
       for n in ("atleast_1d", "atleast_2d", "atleast_3d")},
    "rot90": lambda x, k=1, axis=(0, 1): jrk.rot90(x, k, axis),
    "bincount": lambda *a, **named: jrk.bincount(*a, **named).astype("float64"),
    "mT": lambda x: x.mT,
    "nonzero": lambda x, as_tuple=False: jrk.nonzero(x) if as_tuple else jrk.argwhere(x),
    "scatter": _scatter,
    "searchsorted": _searchsorted,
    "sort": _sort,
    "take_along_dim": _take_along_dim,
    "max@reduction_with_dim": _extreme(jrk.max, jrk.argmax),
    "min@reduction_with_dim": _extreme(jrk.min, jrk.argmin),
    "norm": _norm,
    "norm@fro": _norm,
    "norm@inf": _norm,
    "norm@nuc": _norm,
    "repeat_interleave": _repeat_interleave,
    "roll": _roll,
    "std": _spread(jrk.std),
    "std@unbiased": _spread(jrk.std),
    "std_mean": _spread(jrk.std, True),
    "t": lambda x: x.T,
    "trace": L.trace,
    "transpose": _method("transpose"),
    "var": _spread(jrk.var),
    "var@unbiased": _spread(jrk.var),
    "var_mean": _spread(jrk.var, True),
    "where": lambda x, condition, y: jrk.where(condition, x, y),
    "div@floor_rounding": lambda x, y, rounding_mode: jrk.floor_divide(x, y),
    "einsum": lambda arrays, equation: jrk.einsum(equation, *arrays),
    "expand": _method("expand"),
    "fft.fftshift": lambda x, axis=None: jrk.fft.fftshift(x, axes=axis),
    "fft.ifftshift": lambda x, axis=None: jrk.fft.ifftshift(x, axes=axis),
    "linalg.lstsq": lambda a, b, driver=None: L.lstsq(a, b),
    "linalg.lstsq@grad_oriented": lambda a, b, driver=None: L.lstsq(a, b),
    "linalg.pinv@singular": lambda a, b: L.pinv(a @ b.mT),
    "meshgrid@list_of_tensors": lambda arrays, **named: jrk.meshgrid(*arrays, **named),
    "nn.functional.triplet_margin_with_distance_loss": _our_triplet,
    "nn.functional.embedding": lambda w, i, **named: jrk.nn.functional.embedding(i, w, **named),
    "nn.functional.embedding_bag":
        lambda w, i, **named: jrk.nn.functional.embedding_bag(i, w, **named),
    "tensordot": lambda a, b, axis=2: jrk.tensordot(a, b, axes=axis),
    **{n: _no_axis_means_all(getattr(jrk, n)) for n in
       ("all", "any", "count_nonzero", "mean", "sum", "logsumexp")},
    "amax": _no_axis_means_all(jrk.max),
    "amin": _no_axis_means_all(jrk.min),
    "prod": _typed(jrk.prod),
    "softmax": _typed(jrk.softmax),
    "softmax@with_dtype": _typed(jrk.softmax),
    "nn.functional.softmin@with_dtype": _typed(jrk.nn.functional.softmin),
    "log_softmax": _typed(jrk.log_softmax),
    "log_softmax@with_dtype": _typed(jrk.log_softmax),
    **{name: functools.partial(lambda x, dtype: x.astype(dtype), dtype=dtype) for name, dtype in
       {"bool": "bool", "byte": "uint8", "char": "int8", "double": "float64", "float": "float32",
        "half": "float16", "int": "int32", "long": "int64", "short": "int16"}.items()},
}  # fmt: skip
THEIRS: dict[str, Any] = {
    "linalg.svd": _their_svd,
    "linalg.eigh": _their_eigh,
    "linalg.lstsq": _their_first,
    "linalg.lstsq@grad_oriented": _their_first,
    "linalg.solve": _their_solve,
    "nn.functional.hinge_embedding_loss": _their_hinge,
    "bincount": lambda op: lambda *a, **named: op(*a, **named).double(),
    **dict.fromkeys(("empty", "empty_like"), _their_zeros),
}
