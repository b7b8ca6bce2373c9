"""Lets the array API suite load and run for a library without complex numbers.

The suite means to allow that (ARRAY_API_TESTS_SKIP_DTYPES=complex64,complex128), but one line of
its ``dtype_helpers`` takes the widest of no types: here ``max`` answers "none" in that module.
Its special cases and transforms of complex numbers run nevertheless, so they are skipped here.
"""

from __future__ import annotations

import builtins
import importlib.util
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

HELPERS = "array_api_tests.dtype_helpers"
REASON = "complex numbers are not supported"
COUNTED = ("passed", "failed", "error", "xfailed", "xpassed", "skipped")
START = time.perf_counter()


def _max(*values: Any, **options: Any) -> Any:
    if len(values) == 1 and not values[0]:
        return None, 0
    return builtins.max(*values, **options)


def _load_helpers() -> None:
    """Loads the suite's module about types before anything else does."""
    spec = importlib.util.find_spec(HELPERS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module)["max"] = _max
    sys.modules[HELPERS] = module
    spec.loader.exec_module(module)
    sys.modules["array_api_tests"].dtype_helpers = module  # type: ignore[attr-defined]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips the special cases of complex numbers."""
    for item in items:
        case = getattr(item, "callspec", None) and item.callspec.params.get("case")
        if getattr(case, "is_complex", False):
            item.add_marker(pytest.mark.skip(reason=REASON))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Writes the score, and which tests failed, to the file that JRK_ARRAY_API_SCORE names."""
    if "JRK_ARRAY_API_SCORE" in os.environ:
        rows = {name: terminalreporter.stats.get(name, []) for name in COUNTED}
        score: dict[str, Any] = {name: len(reports) for name, reports in rows.items()}
        score["seconds"] = round(time.perf_counter() - START)
        score["failures"] = [r.nodeid for name in ("failed", "error") for r in rows[name]]
        Path(os.environ["JRK_ARRAY_API_SCORE"]).write_text(json.dumps(score), encoding="utf-8")


_load_helpers()
