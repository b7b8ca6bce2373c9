"""Padding of one axis by what stands at its ends: mirrored, repeated or wrapped around."""

from __future__ import annotations

from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors.joining import concat
from jairika_nb.tensors.shaping import broadcast_to, flip
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.tensors.windows import padded

MODES = ("constant", "reflect", "replicate", "circular")


def along(x: Tensor, axis: int, before: int, after: int, mode: str, fill: float = 0) -> Tensor:
    """``x`` with ``before`` and ``after`` more elements at the ends of ``axis``; negative crop.

    >>> import jairika_nb as jrk
    >>> along(jrk.tensor([1, 2, 3]), 0, 2, 1, "reflect").tolist()
    [3, 2, 1, 2, 3, 2]
    """
    if mode not in MODES:
        raise OutOfRange(f"pad: mode={mode!r} is unknown; use one of {', '.join(MODES)}")
    pads = [(0, 0)] * x.ndim
    if mode == "constant":
        pads[axis] = (before, after)
        return padded(x, pads, fill)
    pads[axis] = (min(before, 0), min(after, 0))
    x, before, after = padded(x, pads), max(before, 0), max(after, 0)
    _check_room(x, axis, before, after, mode)
    parts = _ENDS[mode](x, axis, before, after)
    return concat([p for p in parts if p.shape[axis]], axis=axis)


def _check_room(x: Tensor, axis: int, before: int, after: int, mode: str) -> None:
    most = {"reflect": x.shape[axis] - 1, "circular": x.shape[axis]}.get(mode, before + after)
    if max(before, after) > most or not x.shape[axis]:
        raise ShapeError(
            f"pad: ({before}, {after}) around axis {axis} of {x.shape}: mode {mode!r} can add at "
            f"most {max(most, 0)} at an end"
        )


def _part(x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    return x[(*(slice(None),) * axis, slice(start, stop))]


def _mirrored(x: Tensor, axis: int, before: int, after: int) -> list[Tensor]:
    n = x.shape[axis]
    left, right = _part(x, axis, 1, before + 1), _part(x, axis, n - 1 - after, n - 1)
    return [flip(left, axis=axis), x, flip(right, axis=axis)]


def _repeated(x: Tensor, axis: int, before: int, after: int) -> list[Tensor]:
    n = x.shape[axis]
    sizes = [(*x.shape[:axis], count, *x.shape[axis + 1 :]) for count in (before, after)]
    left, right = _part(x, axis, 0, 1), _part(x, axis, n - 1, n)
    return [broadcast_to(left, sizes[0]), x, broadcast_to(right, sizes[1])]


def _wrapped(x: Tensor, axis: int, before: int, after: int) -> list[Tensor]:
    n = x.shape[axis]
    return [_part(x, axis, n - before, n), x, _part(x, axis, 0, after)]


_ENDS = {"reflect": _mirrored, "replicate": _repeated, "circular": _wrapped}
