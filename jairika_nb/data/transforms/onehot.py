"""Class indices as vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jairika_nb.errors import DataError


@dataclass(frozen=True)
class OneHot:
    """Class indices (...) as float32 vectors (..., classes) with a one at the class.

    Raises DataError for labels that are no integers or no class.

    >>> OneHot(3)(np.array([2, 0])).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """

    num_classes: int

    def __call__(self, labels: Any) -> np.ndarray:
        values = np.asarray(labels)
        if values.dtype.kind not in "biu":
            raise DataError(f"OneHot got {values.dtype} labels; classes are integers")
        if values.size and not (values.min() >= 0 and values.max() < self.num_classes):
            raise DataError(
                f"OneHot got labels from {values.min()} to {values.max()}: {self.num_classes} "
                f"classes are 0 to {self.num_classes - 1}"
            )
        return np.eye(self.num_classes, dtype=np.float32)[values.astype(np.int64)]
