"""Runs many random programs on a device and compares them with the NumPy reference.

    python tests/engine/fuzz_run.py --device opencl:0 --count 20000 --first 0

Program ``n`` is drawn from seed ``n``, so a failure repeats with ``--first n --count 1``; it is
shrunk and printed as Python. Kernels of a batch compile together. Each chunk of programs runs in a
process of its own, whose memory is reported. The exit status tells whether all agreed.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import subprocess
import sys
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent))

import fuzz_noise
import fuzz_programs as programs
import numpy as np
from fuzz_drawing import draw
from fuzz_shrinking import shrunk

from jairika_nb.engine import device as devices
from jairika_nb.errors import JairikaError

BATCH = 16
# Relative tolerance beyond what the reference itself lacks against float64.
RTOL = {"float16": 2e-3, "bfloat16": 1.6e-2}


def close(got, reference, wide, noisy=()):
    """Raise unless equal for integers; for floats within a multiple of what the type lacks.

    ``noisy`` are results of runs whose roundings differ, where those matter.
    """
    assert got.dtype == reference.dtype, f"{got.dtype} is not {reference.dtype}"
    assert got.shape == reference.shape, f"{got.shape} is not {reference.shape}"
    name = got.dtype.name
    if got.dtype.kind != "f" and name != "bfloat16":
        np.testing.assert_array_equal(got, reference)
        return
    got, wide, *others = (a.astype(np.float64) for a in (got, wide, reference, *noisy))
    # Where one of them overflows or is no number, nobody knows what is right; elsewhere they do.
    known = np.logical_and.reduce([np.isfinite(a) for a in (wide, *others)])
    got, wide, *others = (a[known] for a in (got, wide, *others))
    error = max(np.abs(a - wide).max(initial=0) for a in others)
    scale = np.abs(wide).max(initial=0)
    rtol = RTOL.get(name, 2e-5)
    np.testing.assert_allclose(got, wide, rtol=rtol, atol=rtol / 10 * scale + 30 * error + 1e-6)


def target(name):
    """A device by name; ``opencl:0-as-gpu`` is a CPU driver under the GPU schedule."""
    if not name.endswith("-as-gpu"):
        return devices.find(name)
    d = devices.find(name.removesuffix("-as-gpu"))
    return devices.Device(name, d.name, d.driver, "gpu", d.handle, probe="")


def expected(program):
    """Results of the reference in the program's own types, and in float64."""
    with devices.using("reference"):
        return programs.run(program), programs.run(program, wide=True)


def check(program, device):
    """Raise AssertionError where a device disagrees with the reference."""
    reference, wide = expected(program)
    with devices.using(device):
        found = programs.run(program)
    assert len(found) == len(reference)
    try:
        for rows in zip(found, reference, wide, strict=True):
            close(*rows)
    except AssertionError:
        # Sums that cancel and products that overflow in one order but not in another say nothing.
        noisy = zip(*fuzz_noise.runs(program), strict=True)
        for own, *rows, spread in zip(found, reference, wide, noisy, strict=True):
            # How many values are unique may depend on roundings too: no two runs need agree then.
            alike = [other for other in spread if other.shape == own.shape]
            if alike or own.shape != rows[0].shape:
                close(own, *rows, alike)


def complaint(program, device):
    """What is wrong with a program on a device; "" where nothing is."""
    try:
        check(program, device)
    except Exception as error:  # whatever it is, it is no agreement
        return f"{type(error).__name__}: {error}"
    return ""


def compile_together(batch, device):
    """Build the kernels of several programs at once, which is several times faster."""
    from jairika_nb.engine.build import build
    from jairika_nb.engine.execute import planned
    from jairika_nb.engine.program import capture

    sources = []
    with devices.using(device):
        for program in batch:
            try:
                nodes = [t.node for t in programs.build(program)]
                todo = [n for n in nodes if n.value is None]
                kernels = planned(capture(todo), device).sources if todo else []
                sources += [s for s in kernels if s.host is None]
            except Exception:
                continue  # the check itself will tell
        with contextlib.suppress(JairikaError):
            build(device, sources)


def chunk(device, first, count):
    """Check programs; how many failed."""
    wrong = 0
    for start in range(first, first + count, BATCH):
        seeds = range(start, min(start + BATCH, first + count))
        batch = [draw(Random(seed)) for seed in seeds]
        compile_together(batch, device)
        for seed, program in zip(seeds, batch, strict=True):
            message = complaint(program, device)
            if message:
                wrong += 1
                kind = message.split(":")[0]
                small = shrunk(program, lambda p, kind=kind: complaint(p, device).startswith(kind))
                print(
                    f"seed {seed} on {device.id}: {complaint(small, device)}\n{small!r}", flush=True
                )
    return wrong


def main():
    """Parse the command line and run the chunks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="opencl:0")
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--chunk", type=int, default=500)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside or given.count <= given.chunk:
        start = time.perf_counter()
        wrong = chunk(target(given.device), given.first, given.count)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        seeds = f"{given.first} to {given.first + given.count - 1}"
        seconds = time.perf_counter() - start
        print(f"{given.device}: {seeds}: {wrong} disagree, {seconds:.0f} s, {peak} MiB at most",
              flush=True)  # fmt: skip
        return bool(wrong)
    end = given.first + given.count
    starts = range(given.first, end, given.chunk)
    agreed = [agree(given.device, s, min(given.chunk, end - s)) for s in starts]
    return not all(agreed)


def agree(device, first, count):
    """Whether programs agree, found in a process of their own; one that dies is looked for."""
    command = [sys.executable, __file__, "--inside", "--device", device,
               "--first", str(first), "--count", str(count)]  # fmt: skip
    code = subprocess.run(command, check=False).returncode
    if code in (0, 1):
        return code == 0
    print(f"{device}: {first} to {first + count - 1}: ended with status {code}", flush=True)
    if count > 1:
        half = count // 2
        return all([agree(device, first, half), agree(device, first + half, count - half)])
    print(f"{draw(Random(first))!r}", flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main())
