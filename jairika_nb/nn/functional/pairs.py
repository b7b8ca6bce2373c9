"""Distances between all pairs of rows."""

from __future__ import annotations

import numpy as np

from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.nn.functional.normalization import safe_norm
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.scattering import index_select
from jairika_nb.tensors.tensor import Tensor


@on_tensors
def pdist(x: Tensor, p: float = 2.0) -> Tensor:
    """The ``p``-norms of the differences of all pairs of rows: (N, D) -> (N * (N - 1) / 2,).

    Pairs come in the order (0, 1), (0, 2), ..., (1, 2), ....

    >>> import jairika_nb as jrk
    >>> pdist(jrk.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])).round().tolist()
    [5.0, 1.0, 4.0]
    """
    if x.ndim != 2:
        raise ShapeError(f"pdist: input {x.shape} must have two axes (N, D)")
    if p < 0:
        raise OutOfRange(f"pdist: p={p} must not be negative")
    one, other = np.triu_indices(x.shape[0], 1)
    first, second = (tensor(i.astype(np.int32), device=x.device) for i in (one, other))
    differences = index_select(x, 0, first) - index_select(x, 0, second)
    return safe_norm(differences, p, 1).squeeze(1)
