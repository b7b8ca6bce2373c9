"""Layers that give images and signals another resolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.nn.sizes import check_among, check_number, check_size
from jairika_nb.tensors.tensor import Tensor

MODES = ("nearest", "linear", "bilinear", "bicubic", "trilinear", "nearest-exact", "area")


@register
class Upsample(Module):
    """x (N, C, *space) resized to ``size``, or by ``scale_factor``.

    Each is one number, or one for each axis of space. ``mode`` and ``align_corners`` are those of
    :func:`jairika_nb.nn.functional.interpolate`.

    >>> import jairika_nb as jrk
    >>> Upsample(scale_factor=2)(jrk.tensor([[[1.0, 2.0]]])).tolist()
    [[[1.0, 1.0, 2.0, 2.0]]]
    """

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        name = type(self).__name__
        if (size is None) == (scale_factor is None):
            raise ArchitectureError(f"{name}: give either size or scale_factor")
        check_among(name, "mode", mode, MODES)
        self.size = None if size is None else _each(name, "size", size, check_size)
        self.scale_factor = None
        if scale_factor is not None:
            given = _each(name, "scale_factor", scale_factor, check_number)
            self.scale_factor = (
                tuple(map(float, given)) if isinstance(given, tuple) else float(given)
            )
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return functional.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners,
            self.recompute_scale_factor,
        )  # fmt: skip

    def extra_repr(self) -> str:
        name = "size" if self.scale_factor is None else "scale_factor"
        return f"{name}={getattr(self, name)!r}, mode={self.mode!r}"


def _each(layer: str, name: str, given: Any, check: Callable[[str, str, Any], None]) -> Any:
    """One number, or a tuple of them, checked."""
    several = isinstance(given, (tuple, list))
    for value in given if several else (given,):
        check(layer, name, value)
    return tuple(given) if several else given


@register
class UpsamplingNearest2d(Upsample):
    """x (N, C, H, W) with its nearest elements repeated."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "nearest")


@register
class UpsamplingBilinear2d(Upsample):
    """x (N, C, H, W) interpolated between its elements; the corners keep their values."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)
