"""Sequences of several lengths in one batch: padded, or packed one step after the other.

The names are those of ``torch.nn.utils.rnn``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jairika_nb.errors import ArgumentError, OutOfRange, ShapeError
from jairika_nb.nn.functional.padding import pad
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.joining import stack
from jairika_nb.tensors.scattering import take
from jairika_nb.tensors.tensor import Tensor


class PackedSequence(NamedTuple):
    """Rows of several lengths, longest first, step by step without padding.

    ``data`` (sum of lengths, ...) holds the first step of all rows, then the second of all that
    have one; ``batch_sizes`` (steps,) counts them. ``sorted_indices`` are the rows in that order,
    ``unsorted_indices`` lead back; None where the rows came sorted.
    """

    data: Tensor
    batch_sizes: np.ndarray
    sorted_indices: np.ndarray | None = None
    unsorted_indices: np.ndarray | None = None

    @property
    def lengths(self) -> np.ndarray:
        """(N,) steps of each row, longest first."""
        return (self.batch_sizes[:, None] > np.arange(self.batch_sizes[0])).sum(0)


def _places(lengths: np.ndarray) -> np.ndarray:
    """Where each packed element lies in a padded (T, N) array, rows longest first."""
    steps, rows = np.meshgrid(np.arange(lengths[0]), np.arange(len(lengths)), indexing="ij")
    return (steps * len(lengths) + rows)[steps < lengths]


def _back_places(lengths: np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
    """For each place of a padded (total, N) array its packed element, and whether it has one."""
    live = np.arange(total)[:, None] < lengths
    place = np.zeros(live.shape, np.int64)
    place[live] = np.arange(live.sum())
    return place, live


def checked_lengths(asked: str, lengths: Any, steps: int, rows: int) -> np.ndarray:
    """Lengths (rows,) on the host; ShapeError or OutOfRange for what are none."""
    found = np.asarray(lengths.numpy() if isinstance(lengths, Tensor) else lengths)
    if found.size != rows or found.ndim > 1 or found.dtype.kind not in "iu":
        raise ShapeError(
            f"{asked}: lengths {found.tolist()} must be {rows} integers, one for each row"
        )
    if rows == 0 or found.min() < 1 or found.max() > steps:
        raise OutOfRange(
            f"{asked}: lengths {found.tolist()} must lie between 1 and the {steps} steps of the "
            "input"
        )
    return found.reshape(-1)


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack rows padded to one length: input (T, N, ...), or (N, T, ...) if ``batch_first``.

    ``lengths`` are read on the host. With ``enforce_sorted`` they must fall, longest first.

    >>> import jairika_nb as jrk
    >>> x = jrk.tensor([[1.0, 2.0], [3.0, 0.0]])
    >>> pack_padded_sequence(x, [2, 1], batch_first=True).data.tolist()
    [1.0, 3.0, 2.0]
    """
    if input.ndim < 2:
        raise ShapeError(f"pack_padded_sequence: input {input.shape} needs a batch and a time axis")
    x = input.transpose(0, 1) if batch_first else input
    count = checked_lengths("pack_padded_sequence", lengths, *x.shape[:2])
    order = back = None
    if enforce_sorted and (np.diff(count) > 0).any():
        raise OutOfRange(
            f"pack_padded_sequence: lengths {count.tolist()} are not longest first; sort the rows "
            "or give enforce_sorted=False"
        )
    if not enforce_sorted:
        order = np.argsort(-count, kind="stable")
        back, count = np.argsort(order), count[order]
        x = take(x, order, axis=1)
    flat = x.reshape((x.shape[0] * x.shape[1], *x.shape[2:]))
    sizes = (np.arange(count[0])[:, None] < count).sum(1)
    return PackedSequence(take(flat, _places(count), axis=0), sizes, order, back)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, np.ndarray]:
    """The padded rows of a packed sequence, (T, N, ...), and their lengths, (N,), on the host.

    ``total_length`` is the length to pad to, at least that of the longest row.

    >>> import jairika_nb as jrk
    >>> packed = PackedSequence(jrk.tensor([1.0, 3.0, 2.0]), np.array([2, 1]))
    >>> x, lengths = pad_packed_sequence(packed, batch_first=True, padding_value=-1.0)
    >>> x.tolist(), lengths.tolist()
    ([[1.0, 2.0], [3.0, -1.0]], [2, 1])
    """
    lengths = sequence.lengths
    steps = len(sequence.batch_sizes) if total_length is None else total_length
    if steps < len(sequence.batch_sizes):
        raise OutOfRange(
            f"pad_packed_sequence: total_length={steps} is less than the longest row, "
            f"{len(sequence.batch_sizes)}"
        )
    place, live = _back_places(lengths, steps)
    x = take(sequence.data, place.reshape(-1), axis=0)
    x = x.reshape((*place.shape, *sequence.data.shape[1:]))
    shown = tensor(live.reshape((*live.shape, *(1,) * (x.ndim - 2))), device=x.device)
    x = where(shown, x, padding_value)
    if sequence.unsorted_indices is not None:
        x = take(x, sequence.unsorted_indices, axis=1)
        lengths = lengths[sequence.unsorted_indices]
    return (x.transpose(0, 1) if batch_first else x), lengths


def pad_sequence(
    sequences: Sequence[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Tensors (L_i, ...) filled up to the longest: (T, N, ...), or (N, T, ...) if ``batch_first``.

    >>> import jairika_nb as jrk
    >>> pad_sequence([jrk.ones((2,)), jrk.ones((1,))], batch_first=True).tolist()
    [[1.0, 1.0], [1.0, 0.0]]
    """
    if padding_side not in ("left", "right"):
        raise ArgumentError(f"pad_sequence: padding_side={padding_side!r}; use left or right")
    rows = [s if isinstance(s, Tensor) else tensor(s) for s in sequences]
    if not rows or any(r.ndim < 1 or r.shape[1:] != rows[0].shape[1:] for r in rows):
        shapes = ", ".join(str(r.shape) for r in rows) or "none"
        raise ShapeError(f"pad_sequence: shapes {shapes} must differ in their first size only")
    longest = max(r.shape[0] for r in rows)
    filled = []
    for row in rows:
        more = longest - row.shape[0]
        widths = (0, 0) * (row.ndim - 1) + ((more, 0) if padding_side == "left" else (0, more))
        filled.append(pad(row, widths, value=padding_value) if more else row)
    return stack(filled, axis=0 if batch_first else 1)


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Tensors (L_i, ...) as a packed sequence; see :func:`pack_padded_sequence`."""
    lengths = [len(s) for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpad_sequence(
    padded_sequences: Tensor, lengths: Any, batch_first: bool = False
) -> list[Tensor]:
    """The rows of a padded batch, each of its own length: the reverse of :func:`pad_sequence`."""
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [x[i, : int(n)] for i, n in enumerate(lengths)]


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The rows of a packed sequence, each of its own length."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences))
