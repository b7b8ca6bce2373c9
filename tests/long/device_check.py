"""Everything that wants a GPU, in one command: ``python tests/long/device_check.py --device gpu``.

The tests that go over devices on that one alone, random programs against NumPy, and the benchmark
beside PyTorch on the same GPU. What each step printed lies in the folder of ``--out``; the last
line tells what failed. ``--device opencl:0-as-gpu`` tries the tests on a CPU driver under the GPU
schedule.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from jairika_nb.engine import device as devices

TESTS = Path(__file__).parent.parent
ROOMS = ("engine", "tensors", "nn", "optim")
# Assertions about how many kernels a CPU launches, and about its threads.
OF_CPUS = ("test_fusion", "test_waiting")


def commands(device: str, count: int) -> dict[str, list[str]]:
    """Each step by its name."""
    rooms = [str(TESTS / room) for room in ROOMS]
    skipped = [f"--ignore={TESTS / 'engine' / name}.py" for name in OF_CPUS]
    python = [sys.executable]
    found = {
        "tests": [*python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *rooms, *skipped],
        "random": [*python, str(TESTS / "engine" / "fuzz_run.py"), "--device", device,
                   "--count", str(count)],
    }  # fmt: skip
    if not device.endswith("-as-gpu"):
        bench = [*python, "-m", "jairika_nb", "bench"]
        libraries = ["--libraries", "pytorch,torch.compile"]
        found |= {"bench": [*bench, *libraries], "operations": [*bench, "ops", *libraries]}
    return found


def main() -> int:
    """Run the steps and tell what failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="gpu", help="as in jrk.device; default: gpu")
    parser.add_argument("--out", type=Path, default=Path("device_check"))
    parser.add_argument("--count", type=int, default=300, help="random programs")
    parser.add_argument("--only", help="steps, with commas between them; default: all")
    given = parser.parse_args()
    twin = given.device.endswith("-as-gpu")
    device = given.device if twin else devices.find(given.device).id
    given.out.mkdir(parents=True, exist_ok=True)
    here = {"JRK_TEST_DEVICES": device} | ({} if twin else {"JRK_DEVICE": device})
    failed = []
    for name, command in commands(device, given.count).items():
        if given.only and name not in given.only.split(","):
            continue
        start = time.perf_counter()
        with (given.out / f"{name}.txt").open("w") as log:
            code = subprocess.run(
                command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **here},
                check=False,
            ).returncode  # fmt: skip
        failed += [name] if code else []
        print(f"{name}: status {code}, {time.perf_counter() - start:.0f} s", flush=True)
    print(f"{device}: " + (f"failed: {', '.join(failed)}" if failed else "all passed"))
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
