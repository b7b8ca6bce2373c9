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
    """Each working device in turn as the default: the NumPy reference and every driver."""
    with devices.using(request.param) as chosen:
        yield chosen


@pytest.fixture
def data_dir() -> Path:
    """The folder with MNIST's IDX files and other real data, named by JRK_DATA_DIR."""
    named = os.environ.get("JRK_DATA_DIR")
    if not named or not Path(named).is_dir():
        pytest.skip("JRK_DATA_DIR names no folder with real data")
    return Path(named)
