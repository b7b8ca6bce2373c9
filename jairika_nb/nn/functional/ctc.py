"""Connectionist temporal classification (Graves et al. 2006): labels without their places in time.

A target becomes a row of states: a blank before, between and after its labels. Which state is
reached when, and how likely, is a recurrence over time that :mod:`ctc_scan` runs in one launch.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.errors import ArgumentError, DataError, DTypeError, OutOfRange, ShapeError
from jairika_nb.nn.functional.ctc_scan import running
from jairika_nb.nn.functional.reducing import check_reduction, reduced
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.elementwise import exp, log, maximum, where
from jairika_nb.tensors.joining import concat, stack
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.scattering import take_along_axis
from jairika_nb.tensors.shaping import broadcast_to, expand_dims, permute_dims, reshape
from jairika_nb.tensors.tensor import Tensor

NEVER = -math.inf


@on_tensors
def ctc_loss(
    log_probs: Tensor,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """The negative log-likelihood of label sequences under all their alignments in time.

    ``log_probs`` is (T, N, classes), or (T, classes) for one sequence: logarithms of
    probabilities, as from ``log_softmax``. ``targets`` are (N, L) labels, of which each row's
    ``target_lengths`` count, or all of them after another in one axis. ``input_lengths`` (N,) say
    how many steps count. "mean" divides each loss by the length of its target, at least 1, and
    takes the mean over the batch. A target that does not fit into its steps has an infinite
    loss; ``zero_infinity`` makes it 0. Either has no part in the gradient.

    Labels and lengths on the host are looked at: DataError for labels that are no class or the
    blank, OutOfRange for lengths beyond what there is; on the device such labels make the loss
    NaN. Second derivatives raise GradientError.

    >>> import jairika_nb as jrk
    >>> even = jrk.zeros((2, 3)) - math.log(3)  # two steps, three classes
    >>> round(math.exp(-ctc_loss(even, [1], 2, 1, reduction="sum").item()) * 9)  # 1-, -1, 11
    3
    """
    check_reduction(reduction)
    if not dtypes.is_float(log_probs.dtype):
        raise DTypeError(f"ctc_loss: log_probs must be floats, not {log_probs.dtype.name}")
    if log_probs.ndim == 2:
        given = {"input_lengths": input_lengths, "target_lengths": target_lengths}
        lengths = [_one(name, value) for name, value in given.items()]
        row = targets if isinstance(targets, Tensor) else np.asarray(targets)
        batch = expand_dims(log_probs, 1)
        known = _labels_of(batch, row.reshape((1, -1)), lengths[0], lengths[1], blank)
        loss = reshape(_each(batch, known, zero_infinity), ())
        counts = reshape(known.lengths, ())
    elif log_probs.ndim == 3:
        known = _labels_of(log_probs, targets, input_lengths, target_lengths, blank)
        loss = _each(log_probs, known, zero_infinity)
        counts = known.lengths
    else:
        raise ShapeError(
            f"ctc_loss: log_probs {log_probs.shape} must be (T, N, classes) or (T, classes)"
        )
    if reduction == "mean":
        loss = loss / maximum(counts.astype(loss.dtype), 1.0)
    return reduced(loss, reduction)


@dataclass
class _Labels:
    """Labels (N, L), how many of them count (N,), how many steps do (N,), and the blank."""

    labels: Tensor
    lengths: Tensor
    steps: Tensor
    blank: int
    wrong: Tensor | None  # rows with labels that are no class; None where the host looked


def _each(log_probs: Tensor, known: _Labels, zero_infinity: bool) -> Tensor:
    """The loss of each sequence, (N,)."""
    wide = log_probs if log_probs.dtype.itemsize >= 4 else log_probs.astype("float32")
    states, may_skip = _states(known)
    rows, steps, many = states.shape[0], wide.shape[0], states.shape[1]
    index = broadcast_to(expand_dims(states, 1), (rows, steps, many))
    emitted = take_along_axis(permute_dims(wide, (1, 0, 2)), index, axis=2)
    reached = running(emitted, may_skip)
    last = reshape(maximum(known.steps - 1, 0), (rows, 1, 1))
    at_end = take_along_axis(reached, broadcast_to(last, (rows, 1, many)), axis=1)
    loss = -_ended(reshape(at_end, (rows, many)), known)
    if zero_infinity:
        loss = where(loss == math.inf, 0.0, loss)
    if known.wrong is not None:
        loss = where(known.wrong, float("nan"), loss)
    return loss.astype(log_probs.dtype)


def _states(known: _Labels) -> tuple[Tensor, Tensor]:
    """The class of each state (N, 2 L + 1), and 1 where a state is also reached over a blank."""
    rows, most = known.labels.shape
    blanks = known.labels * 0 + known.blank
    pairs = reshape(stack([blanks, known.labels], axis=2), (rows, 2 * most))
    end = broadcast_to(tensor([[known.blank]], "int32", pairs.device), (rows, 1))
    states = concat([pairs, end], axis=1)
    before = concat([broadcast_to(end, (rows, 2)), states[:, :-2]], axis=1)[:, : 2 * most + 1]
    new = (states != known.blank) & (states != before)
    return states, new.astype("int32")


def _ended(at_end: Tensor, known: _Labels) -> Tensor:
    """The log-likelihood of being in one of the last two states at the last step, (N,)."""
    blank_end = expand_dims(known.lengths * 2, 1)
    label_end = maximum(blank_end - 1, 0)
    a = take_along_axis(at_end, blank_end, axis=1)[:, 0]
    b = take_along_axis(at_end, label_end, axis=1)[:, 0]
    b = where(known.lengths == 0, NEVER, b)
    none = where(known.lengths == 0, 0.0, NEVER)
    a, b = where(known.steps == 0, none, a), where(known.steps == 0, NEVER, b)
    top = maximum(a, b)
    lost = top == NEVER
    # Where neither was reached nothing has a derivative, and exp(-inf + inf) none that is finite.
    a, b, top = (where(lost, 0.0, v) for v in (a, b, top))
    return where(lost, NEVER, top.detach() + log(exp(a - top.detach()) + exp(b - top.detach())))


# What was given


def _on(like: Tensor, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.astype("int32")
    return tensor(np.asarray(value, np.int32), device=like.device)


def _one(name: str, value: Any) -> Any:
    """The length of a single sequence as one of a batch."""
    if isinstance(value, Tensor):
        return value.reshape((1,))
    found = np.asarray(value).reshape(-1)
    if found.size != 1:
        raise ShapeError(f"ctc_loss: {name}={value!r} must be one number for (T, classes)")
    return found


def _lengths(name: str, value: Any, rows: int, most: int) -> Any:
    """Lengths (N,), checked where they are on the host."""
    given = value if isinstance(value, Tensor) else np.asarray(value)
    if tuple(given.shape) != (rows,):
        raise ShapeError(
            f"ctc_loss: {name} of shape {tuple(given.shape)} must be ({rows},): one for each "
            "sequence of the batch"
        )
    if isinstance(given, Tensor):
        return given
    if given.dtype.kind not in "iu":
        raise DTypeError(f"ctc_loss: {name} must be integers, not {given.dtype}")
    if given.size and not 0 <= given.min() <= given.max() <= most:
        raise OutOfRange(f"ctc_loss: {name}={given.tolist()} must be from 0 to {most}")
    return given


def _labels_of(
    log_probs: Tensor, targets: Any, input_lengths: Any, target_lengths: Any, blank: int
) -> _Labels:
    steps, rows, classes = log_probs.shape
    try:
        blank = operator.index(blank)
    except TypeError:
        raise ArgumentError(f"ctc_loss: blank={blank!r} must be the number of a class") from None
    if not 0 <= blank < classes:
        raise OutOfRange(f"ctc_loss: blank={blank} must be a class, 0 to {classes - 1}")
    given = targets if isinstance(targets, Tensor) else np.asarray(targets)
    whole = dtypes.is_integer(given.dtype) if isinstance(given, Tensor) else (
        given.dtype.kind in "iu" or given.size == 0
    )  # fmt: skip
    if not whole:
        raise DTypeError(f"ctc_loss: targets must be integers, not {given.dtype}")
    most = given.shape[-1] if given.ndim else 0
    counts = _lengths("target_lengths", target_lengths, rows, most)
    if given.ndim == 1:
        given = _in_rows(given, counts, rows)
    if given.ndim != 2 or given.shape[0] != rows:
        raise ShapeError(
            f"ctc_loss: targets of shape {tuple(given.shape)} do not fit log_probs of shape "
            f"{log_probs.shape}: they must be ({rows}, L), or all labels in one axis"
        )
    is_known = False
    if not isinstance(given, Tensor) and not isinstance(counts, Tensor):
        is_known = True
        _check_labels(given, counts, classes, blank)
    inputs = _lengths("input_lengths", input_lengths, rows, steps)
    labels, lengths, taken = (_on(log_probs, v) for v in (given, counts, inputs))
    place = arange(labels.shape[1], device=labels.device)
    counted = expand_dims(place, 0) < expand_dims(lengths, 1)
    wrong = counted & ((labels < 0) | (labels >= classes) | (labels == blank))
    labels = where(counted & ~wrong, labels, blank)
    return _Labels(labels, lengths, taken, blank, None if is_known else wrong.any(axis=1))


def _in_rows(given: Any, counts: Any, rows: int) -> Any:
    """Labels that follow each other in one axis as rows of a table, filled up."""
    if isinstance(counts, Tensor):
        raise ArgumentError(
            "ctc_loss: targets in one axis are cut by target_lengths, which must be on the host "
            "then; give a list or an array"
        )
    if int(counts.sum()) != given.shape[0]:
        raise ShapeError(
            f"ctc_loss: {given.shape[0]} labels in one axis, but target_lengths say "
            f"{int(counts.sum())}"
        )
    most = int(counts.max(initial=0))
    starts = np.cumsum(counts) - counts
    places = starts[:, None] + np.arange(most)
    places = np.minimum(places, max(given.shape[0] - 1, 0))
    if given.shape[0] == 0:
        return np.zeros((rows, 0), np.int32)
    if isinstance(given, Tensor):
        return given[tensor(places.astype(np.int32), device=given.device)]
    return given[places]


def _check_labels(given: np.ndarray, counts: np.ndarray, classes: int, blank: int) -> None:
    counted = np.arange(given.shape[1]) < counts[:, None]
    wrong = given[counted & ((given < 0) | (given >= classes) | (given == blank))]
    if wrong.size:
        raise DataError(
            f"ctc_loss: {wrong.size} labels are no class, the first is {wrong.flat[0]}: they must "
            f"be 0 to {classes - 1} and not the blank, {blank}"
        )
