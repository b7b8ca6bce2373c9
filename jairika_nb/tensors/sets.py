"""Tensors as sets: their distinct elements, and whether elements are in them.

How many distinct elements there are depends on the data, so the functions named ``unique`` read
their argument when the line runs. Values ascend; every NaN is distinct from all others.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jairika_nb.engine import dtypes, run
from jairika_nb.engine.graph import Node
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import gather, sort, sources, views
from jairika_nb.engine.tracing import refuse
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.elementwise import operands
from jairika_nb.tensors.searching import _comparable
from jairika_nb.tensors.tensor import Tensor


class UniqueAll(NamedTuple):
    """Distinct values, where each is first, which one each element is, and how often each is."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """Distinct values and how often each occurs."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """Distinct values and which one each element is."""

    values: Tensor
    inverse_indices: Tensor


def _on(x: Tensor, array: np.ndarray) -> Tensor:
    return Tensor(run.from_numpy(array.astype(np.int32), dtypes.int32, x.device))


@on_tensors
def unique_all(x: Tensor, /) -> UniqueAll:
    """Values, indices of their first occurrences, inverse_indices of the shape of x, and counts.

    >>> import jairika_nb as jrk
    >>> [part.tolist() for part in jrk.unique_all(jrk.tensor([2, 1, 2]))]
    [[1, 2], [1, 0], [1, 0, 1], [1, 2]]
    """
    refuse("unique")
    host = x.numpy().reshape(-1)
    values, first, inverse, counts = np.unique(
        host, return_index=True, return_inverse=True, return_counts=True, equal_nan=False
    )
    distinct = Tensor(run.from_numpy(values, x.dtype, x.device))
    places = inverse.reshape(x.shape)
    return UniqueAll(distinct, _on(x, first), _on(x, places), _on(x, counts))


@on_tensors
def unique_counts(x: Tensor, /) -> UniqueCounts:
    """The distinct values of ``x`` and how often each occurs."""
    found = unique_all(x)
    return UniqueCounts(found.values, found.counts)


@on_tensors
def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """The distinct values of ``x`` and, in its shape, which one each element is."""
    found = unique_all(x)
    return UniqueInverse(found.values, found.inverse_indices)


@on_tensors
def unique_values(x: Tensor, /) -> Tensor:
    """The distinct values of ``x``, ascending."""
    return unique_all(x).values


@on_tensors
def unique(
    x: Tensor,
    /,
    *,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
) -> Any:
    """The distinct elements, or the distinct slices along ``axis``, ascending.

    With ``return_inverse`` or ``return_counts`` a tuple of them and what was asked for.
    """
    refuse("unique")
    host = x.numpy()
    values, inverse, counts = np.unique(
        host, return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    shape = x.shape if axis is None else (host.shape[axis],)
    asked = [Tensor(run.from_numpy(values, x.dtype, x.device))]
    asked += [_on(x, inverse.reshape(shape))] if return_inverse else []
    asked += [_on(x, counts)] if return_counts else []
    return tuple(asked) if len(asked) > 1 else asked[0]


@on_tensors
def unique_consecutive(
    x: Tensor, /, *, return_inverse: bool = False, return_counts: bool = False
) -> Any:
    """The elements of ``x``, flattened, without those that equal the one before.

    With ``return_inverse`` or ``return_counts`` a tuple of them and what was asked for.

    >>> import jairika_nb as jrk
    >>> jrk.unique_consecutive(jrk.tensor([1, 1, 2, 1])).tolist()
    [1, 2, 1]
    """
    refuse("unique_consecutive")
    host = x.numpy().reshape(-1)
    new = np.concatenate([np.ones(min(len(host), 1), bool), host[1:] != host[:-1]])
    starts = np.flatnonzero(new)
    asked = [Tensor(run.from_numpy(host[starts], x.dtype, x.device))]
    asked += [_on(x, (np.cumsum(new) - 1).reshape(x.shape))] if return_inverse else []
    asked += [_on(x, np.diff(starts, append=len(host)))] if return_counts else []
    return tuple(asked) if len(asked) > 1 else asked[0]


def isin(x1: Any, x2: Any, /, *, invert: bool = False) -> Tensor:
    """For each element of ``x1`` whether it is in ``x2`` (or is not, with ``invert``).

    >>> import jairika_nb as jrk
    >>> jrk.isin(jrk.tensor([1, 2, 3]), jrk.tensor([3, 1])).tolist()
    [True, False, True]
    """
    given = operands(x1, x2)
    device = next(v.device for v in given if isinstance(v, Node))
    known = next(v.dtype for v in given if isinstance(v, Node))
    nodes = [
        v if isinstance(v, Node) else sources.const(v, dtypes.weak(v, known), device) for v in given
    ]
    common = dtypes.promote(nodes[0].dtype, nodes[1].dtype)
    x, of = (_comparable(e.cast(v, common)) for v in nodes)
    if not of.size:
        return Tensor(views.broadcast_to(sources.const(invert, dtypes.bool_, device), x.shape))
    found = _among(views.reshape(x, (x.size,)), views.reshape(of, (of.size,)))
    out = views.reshape(found, x.shape)
    return Tensor(e.call("logical_not", out) if invert else out)


def _among(x: Node, of: Node) -> Node:
    """Whether the place where ``x`` belongs among the sorted others holds its equal."""
    order = sort.argsort(of, 0, descending=False)
    rows = gather.take_along(of, order, 0)
    place = sort.searchsorted(
        views.reshape(rows, (1, of.size)), views.reshape(x, (1, x.size)), "left"
    )
    near = e.apply("minimum", views.reshape(place, (x.size,)), of.size - 1)
    return e.apply("equal", gather.take_along(rows, near, 0), x)
