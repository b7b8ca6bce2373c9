"""Lets the array API suite load for a library without complex numbers.

The suite means to allow that (ARRAY_API_TESTS_SKIP_DTYPES=complex64,complex128), but one line of
its ``dtype_helpers`` takes the widest of no types. Here ``max`` answers "none" in that module.
"""

from __future__ import annotations

import builtins
import importlib.util
import sys
from typing import Any

HELPERS = "array_api_tests.dtype_helpers"


def _max(*values: Any, **options: Any) -> Any:
    if len(values) == 1 and not values[0]:
        return None, 0
    return builtins.max(*values, **options)


def _load() -> None:
    """Loads the suite's module about types with a ``max`` of its own, before anything else does."""
    if HELPERS in sys.modules:
        return
    spec = importlib.util.find_spec(HELPERS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module)["max"] = _max
    sys.modules[HELPERS] = module
    spec.loader.exec_module(module)
    sys.modules["array_api_tests"].dtype_helpers = module  # type: ignore[attr-defined]



_load()
