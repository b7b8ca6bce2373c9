"""What all tests share: every device in turn, real data where it is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jairika_nb.engine import device as devices


def _devices() -> list[str]:
    named = os.environ.get("JRK_TEST_DEVICES")
    if named:
        return named.split(",")
    return [d.id for d in devices.devices()]


@pytest.fixture(params=_devices())
def device(request: pytest.FixtureRequest):
    """Each working device in turn as the default: the NumPy reference and every driver.

    JRK_TEST_DEVICES names others; ``opencl:0-as-gpu`` is a CPU driver under the GPU schedule.
    """
    name, twin = request.param, request.param.endswith("-as-gpu")
    found = devices.find(name.removesuffix("-as-gpu"))
    if twin:
        found = devices.Device(name, found.name, found.driver, "gpu", found.handle, probe="")
    with devices.using(found) as chosen:
        yield chosen


@pytest.fixture
def data_dir() -> Path:
    """The folder with MNIST's IDX files and other real data, named by JRK_DATA_DIR."""
    named = os.environ.get("JRK_DATA_DIR")
    if not named or not Path(named).is_dir():
        pytest.skip("JRK_DATA_DIR names no folder with real data")
    return Path(named)
