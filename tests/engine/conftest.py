"""Tables that tests here share are found beside them; CPU drivers that compute as GPUs would."""

import sys
from pathlib import Path

import pytest

from jairika_nb.engine import device as devices

sys.path.insert(0, str(Path(__file__).parent))
CPUS = [d for d in devices.devices() if d.kind == "cpu"]


def as_gpu(cpu: devices.Device) -> devices.Device:
    """A device of the same driver that gets the GPU schedule."""
    return devices.Device(f"{cpu.id}-as-gpu", cpu.name, cpu.driver, "gpu", cpu.handle, probe="")


@pytest.fixture(params=CPUS, ids=lambda d: d.id)
def gpu(request):
    """Each CPU driver in turn with the GPU schedule: the same numbers by other code."""
    with devices.using(as_gpu(request.param)) as twin:
        yield twin


@pytest.fixture(params=CPUS[:1], ids=lambda d: d.id)
def one_gpu(request):
    """One CPU driver with the GPU schedule, for what takes long to compile."""
    with devices.using(as_gpu(request.param)) as twin:
        yield twin
