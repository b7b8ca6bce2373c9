"""Several transforms one after another, and functions as transforms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from jairika_nb.errors import DataError


class Compose:
    """Transforms one after another.

    >>> from jairika_nb.data.transforms import Lambda, Scale
    >>> Compose([Scale(10), Lambda(np.negative)])(np.array([5])).tolist()
    [-0.5]
    """

    def __init__(self, transforms: Iterable[Callable[[Any], Any]]) -> None:
        self.transforms = list(transforms)
        for number, transform in enumerate(self.transforms):
            if not callable(transform):
                raise DataError(f"transform {number} is a {type(transform).__name__}, no function")

    @property
    def output_size(self) -> tuple[int, int] | None:
        """The size of all results, as the last transform that sets one does; or None."""
        sizes = [getattr(t, "output_size", None) for t in self.transforms]
        return next((size for size in reversed(sizes) if size), None)

    def __call__(self, values: Any) -> Any:
        for transform in self.transforms:
            values = transform(values)
        return values

    def __repr__(self) -> str:
        return f"Compose({self.transforms})"


class Lambda:
    """A function of yours as a transform, with a name that shows in messages.

    Random ones take their numbers from :func:`jairika_nb.data.generator`, so that resuming
    repeats them. Raises DataError for what cannot be called.
    """

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise DataError(f"Lambda takes a function, not a {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, values: Any) -> np.ndarray:
        return self.lambd(values)

    def __repr__(self) -> str:
        return f"Lambda({getattr(self.lambd, '__name__', self.lambd)})"
