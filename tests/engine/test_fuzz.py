"""Random small programs on every device, compared with the NumPy reference.

Here run the first of them; the long run, whose failures shrink and print as Python, is

    PYOPENCL_NO_CACHE=1 POCL_KERNEL_CACHE=0 \\
        python tests/engine/fuzz_run.py --device opencl:0 --count 20000

once for each driver. ``JRK_FUZZ_EXAMPLES`` and ``JRK_FUZZ_FIRST`` change how many run here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from random import Random

import fuzz_operations as operations
import fuzz_programs as programs
import fuzz_run
import numpy as np
import pytest
from fuzz_drawing import draw
from fuzz_shrinking import shrunk

from jairika_nb.engine import device as devices
from jairika_nb.engine.graph import TABLE, topological

EXAMPLES = int(os.environ.get("JRK_FUZZ_EXAMPLES", "48"))
FIRST = int(os.environ.get("JRK_FUZZ_FIRST", "0"))
ROWS = sorted(TABLE)
# Made by the planner and by other rows' expansions, through which devices reach them.
INSIDE = {
    "gemm",
    "leaf",
    "stored",
    *(r for r in ROWS if TABLE[r].kind == "routine" and not TABLE[r].vjp),
}
# One unit in the last place decides: no device has to agree with another there.
UNSTEADY = {"nextafter"}


def targets():
    rows = [d for d in devices.devices() if not d.is_reference]
    twins = [f"{d.id}-as-gpu" for d in rows if d.kind == "cpu"]
    return [*(d.id for d in rows), *twins]


@pytest.mark.parametrize("name", targets())
def test_random_programs_equal_the_reference(name, capsys):
    # Every device has programs of its own.
    first = FIRST + 1000 * targets().index(name)
    wrong = fuzz_run.chunk(fuzz_run.target(name), first, EXAMPLES)
    assert not wrong, capsys.readouterr().out


def test_every_row_of_the_table_is_fuzzed():
    missing = {*ROWS} - INSIDE - UNSTEADY
    for seed in range(6000):
        if not missing:
            break
        with devices.using("reference"):
            found = programs.build(draw(Random(seed)))
        missing -= {n.op for n in topological([t.node for t in found], through_values=True)}
    assert not missing, f"no random program uses {sorted(missing)}; add an operation that does"


def test_programs_print_as_python_that_runs():
    # One with derivatives, so that all parts are there.
    program = next(p for seed in range(100) if (p := draw(Random(seed))).order == 1
                   and len(p.live()) > 3 and all(np.size(v) < 50 for v in _arrays(p)))  # fmt: skip
    environment = {**os.environ, "JRK_DEVICE": "reference"}
    ran = subprocess.run([sys.executable, "-c", repr(program)], env=environment, check=False,
                         capture_output=True, text=True)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [str(v.tolist()) for v in _arrays(program)]


def _arrays(program):
    with devices.using("reference"):
        return programs.run(program)


def test_an_element_that_overflows_hides_no_other_one():
    wide = np.array([1.0, np.inf, 3.0])
    reference, wrong = wide.astype(np.float32), np.array([1.0, np.inf, 3.5], np.float32)
    fuzz_run.close(reference, reference, wide)
    with pytest.raises(AssertionError):
        fuzz_run.close(wrong, reference, wide)


def test_a_failing_program_shrinks_to_what_fails():
    def fails(program):
        rows = [program.values[i] for i in replace(program, sources=()).live()]
        return any(getattr(row, "name", "") == "jrk.sin" for row in rows)

    program = next(p for seed in range(2000) if fails(p := draw(Random(seed)))
                   and len(p.live()) > 4)  # fmt: skip
    small = shrunk(program, fails)
    assert [type(small.values[i]).__name__ for i in small.live()] == ["Input", "Step"]


def test_every_operation_of_random_programs_is_in_one_family():
    groups = [operations.SMOOTH, operations.JUMPS, operations.PLAIN, operations.BINARY,
              operations.BINARY_JUMPS, operations.REDUCE, operations.REDUCE_JUMPS,
              operations.ALONG, operations.ALONG_JUMPS, operations.OTHERS]  # fmt: skip
    assert sum(map(len, groups)) == len(operations.OPS)
