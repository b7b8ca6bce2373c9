"""The Python array API standard's own test suite, version 2025.12, run on this package.

The suite is on no package registry: fetch it beside the project, with its submodule, and name it::

    git clone --recurse-submodules https://github.com/data-apis/array-api-tests
    pip install ndindex hypothesis pytest-json-report
    ARRAY_API_TESTS_DIR=$PWD/array-api-tests python -m pytest -s tests/conformance/test_array_api.py

``JRK_DEVICE=reference`` before that runs it on NumPy, ``JRK_DEVICE=opencl:1`` on another driver.
``JRK_ARRAY_API_EXAMPLES=100`` draws more examples a test than the usual number. One file or one
test of the suite, with any option of pytest, runs so::

    cd array-api-tests
    export ARRAY_API_TESTS_MODULE=jairika_nb ARRAY_API_TESTS_VERSION=2025.12
    export ARRAY_API_TESTS_SKIP_DTYPES=complex64,complex128 PYTHONPATH=.../tests/conformance
    python -m pytest -p array_api_plugin --disable-deadline --max-examples 20 \\
        array_api_tests/test_sorting_functions.py -k argsort
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
XFAILS = HERE / "array_api_xfails.txt"
EXAMPLES = "20"
MOST_XFAILS, MOST_SECONDS = 30, 600


def _suite() -> Path:
    named = os.environ.get("ARRAY_API_TESTS_DIR")
    if not named:
        pytest.skip("ARRAY_API_TESTS_DIR names no checkout of data-apis/array-api-tests")
    folder = Path(named).resolve()
    if not (folder / "array-api" / "spec").is_dir():
        pytest.skip(f"{folder} lacks the suite's submodule array-api")
    for needed in ("ndindex", "pytest_jsonreport"):
        pytest.importorskip(needed)
    return folder


def _environment(folder: Path) -> dict[str, str]:
    package = HERE.parents[1]
    return {
        **os.environ,
        "ARRAY_API_TESTS_MODULE": "jairika_nb",
        "ARRAY_API_TESTS_VERSION": "2025.12",
        "ARRAY_API_TESTS_SKIP_DTYPES": "complex64,complex128",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "examples"),
        "JRK_ARRAY_API_SCORE": str(folder / "score.json"),
        "PYTHONPATH": os.pathsep.join(map(str, (HERE, package))),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }


def _listed(path: Path) -> list[tuple[str, str]]:
    """Tests in a list with the comment above each: its reason."""
    rows, reason = [], ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            reason = line.removeprefix("#").strip()
        elif line.strip():
            rows.append((line, reason))
        else:
            reason = ""
    return rows


def test_the_list_of_expected_failures_is_short_and_gives_reasons():
    rows = _listed(XFAILS)
    assert len(rows) <= MOST_XFAILS
    assert all(reason for _, reason in rows), "a line without a reason above it"
    assert len({test for test, _ in rows}) == len(rows)


def test_the_namespace_passes_the_standards_suite(tmp_path):
    suite = _suite()
    command = [
        sys.executable, "-m", "pytest", "array_api_tests", "-q", "--tb=short", "--no-header",
        "-c", "pytest.ini", "-p", "array_api_plugin", "-p", "no:cacheprovider", "-W", "ignore",
        "--derandomize", "--disable-deadline",
        "--max-examples", os.environ.get("JRK_ARRAY_API_EXAMPLES", EXAMPLES),
        f"--skips-file={HERE / 'array_api_complex.txt'}", f"--xfails-file={XFAILS}",
    ]  # fmt: skip
    run = subprocess.run(
        command, cwd=suite, env=_environment(tmp_path), capture_output=True, text=True
    )
    score = tmp_path / "score.json"
    assert score.exists(), run.stdout[-4000:] + run.stderr[-4000:]
    counts = json.loads(score.read_text(encoding="utf-8"))
    failed = counts.pop("failures")
    print("\narray API 2025.12:", ", ".join(f"{n} {what}" for what, n in counts.items()))
    assert not failed, "\n".join(failed) + run.stdout[-8000:]
    assert run.returncode == 0 and counts["passed"] > 1000, run.stdout[-4000:]
    if "JRK_ARRAY_API_EXAMPLES" not in os.environ:
        assert counts["seconds"] < MOST_SECONDS
