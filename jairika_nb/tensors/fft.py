"""The array API's Fourier extension, as far as it goes without complex numbers.

Sample frequencies and shifts work. The transforms themselves have complex results or take complex
spectra, which tensors cannot hold: each raises DTypeError and names NumPy's function for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from jairika_nb.errors import DTypeError, ShapeError
from jairika_nb.tensors.arguments import answering, on_tensors
from jairika_nb.tensors.creation import Where
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.joining import roll
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.shaping import normal_axes
from jairika_nb.tensors.tensor import Axes, Tensor

__all__ = [
    "fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft",
    "irfftn", "rfft", "rfftfreq", "rfftn",
]  # fmt: skip


@answering
def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Where = None) -> Tensor:
    """The frequencies 0, 1, ..., -2, -1 over n d of a transform of ``n`` samples ``d`` apart.

    >>> import jairika_nb as jrk
    >>> jrk.fft.fftfreq(4, d=0.5).tolist()
    [0.0, 0.5, -1.0, -0.5]
    """
    ramp = _ramp("fftfreq", n, n, d, dtype, device)
    return where(ramp < (n + 1) // 2, ramp, ramp - n) * (1 / (n * d))


@answering
def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Where = None) -> Tensor:
    """The frequencies 0, 1, ..., n // 2 over n d of a transform of ``n`` real samples."""
    return _ramp("rfftfreq", n, n // 2 + 1, d, dtype, device) * (1 / (n * d))


def _ramp(name: str, n: int, count: int, d: float, dtype: Any, device: Where) -> Tensor:
    if n < 1 or d == 0:
        raise ShapeError(f"{name}(n={n}, d={d}): n must be 1 or more, and d not 0")
    return arange(count, dtype=dtype or "float32", device=device)


@on_tensors
def fftshift(x: Tensor, /, *, axes: Axes = None) -> Tensor:
    """``x`` with the frequency 0 moved from the start to the middle of ``axes`` (all axes)."""
    return _shifted("fftshift", x, axes, lambda n: n // 2)


@on_tensors
def ifftshift(x: Tensor, /, *, axes: Axes = None) -> Tensor:
    """What undoes :func:`fftshift`.

    >>> import jairika_nb as jrk
    >>> jrk.fft.ifftshift(jrk.fft.fftshift(jrk.arange(5))).tolist()
    [0, 1, 2, 3, 4]
    """
    return _shifted("ifftshift", x, axes, lambda n: -(n // 2))


def _shifted(name: str, x: Tensor, axes: Axes, by: Callable[[int], int]) -> Tensor:
    along = normal_axes(name, axes, x.shape)
    return roll(x, tuple(by(x.shape[a]) for a in along), axis=along) if along else x


def _along_axis(name: str) -> Callable[..., NoReturn]:
    def function(
        x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: str = "backward"
    ) -> NoReturn:
        _complex(name)

    return _named(function, name)


def _along_axes(name: str) -> Callable[..., NoReturn]:
    def function(
        x: Tensor,
        /,
        *,
        s: tuple[int, ...] | None = None,
        axes: tuple[int, ...] | None = None,
        norm: str = "backward",
    ) -> NoReturn:
        _complex(name)

    return _named(function, name)


def _named(function: Callable[..., NoReturn], name: str) -> Callable[..., NoReturn]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = "Not offered, as it needs complex numbers: raises DTypeError."
    return function


def _complex(name: str) -> NoReturn:
    raise DTypeError(
        f"{name} needs complex numbers, which tensors cannot hold yet; use "
        f"np.fft.{name}(x.numpy()) and make tensors of the real and imaginary parts"
    )


fft, ifft, rfft, irfft, hfft, ihfft = map(
    _along_axis, ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
)
fftn, ifftn, rfftn, irfftn = map(_along_axes, ("fftn", "ifftn", "rfftn", "irfftn"))
