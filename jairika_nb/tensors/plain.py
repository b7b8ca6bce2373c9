"""Python's numbers, out of what counts as one: NumPy's, and arrays without axes, but no bool."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np


def whole(value: Any) -> int | None:
    """The integer that a value is, else None.

    >>> import numpy as np
    >>> whole(np.int64(3)), whole(3.0), whole(True), whole("3")
    (3, None, None, None)
    """
    if isinstance(value, bool | np.bool_):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def number(value: Any) -> int | float | None:
    """The real number that a value is, else None; NaN is one.

    >>> import numpy as np
    >>> number(np.float64(0.5)), number(2), number(False), number("2")
    (0.5, 2, None, None)
    """
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, np.integer | np.floating):
        return value.item()
    return value if isinstance(value, int | float) else None
