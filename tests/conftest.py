"""What all tests share: every device in turn, real data where it is at hand."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from jairika_nb.engine import device as devices


def _devices() -> list[str]:
    named = os.environ.get("JRK_TEST_DEVICES")
    if named:
        return named.split(",")
    return [d.id for d in devices.devices()]


# A function with more cases than this deals them out to the drivers; the reference runs them all.
FEW = 4
# Here every driver runs every case: all that the others try with many arguments consists of it.
WHOLE = Path(__file__).parent / "engine"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each of many cases run on one of the drivers, unless JRK_TEST_EVERY or devices are set.

    A case costs a driver a tenth of a second to compile, and another driver gets the same source.
    """
    if "JRK_TEST_EVERY" in os.environ or "JRK_TEST_DEVICES" in os.environ:
        return
    drivers = [name for name in _devices() if name != "reference"]
    cases: dict[Any, dict[Any, int]] = defaultdict(dict)
    places = {}
    for item in items:
        spec = getattr(item, "callspec", None)
        driver = spec and spec.params.get("device")
        if driver in drivers and WHOLE not in item.path.parents:
            known = cases[item.path, item.cls, item.originalname]
            case = spec.id.replace(driver, "", 1)
            places[item] = known, known.setdefault(case, len(known))
    left = [
        item
        for item, (known, place) in places.items()
        # Of the bits, so that arguments which take two values in turn meet every driver.
        if len(known) > FEW
        and drivers[place.bit_count() % len(drivers)] != item.callspec.params["device"]
    ]
    config.hook.pytest_deselected(items=left)
    gone = set(left)
    items[:] = [item for item in items if item not in gone]


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
