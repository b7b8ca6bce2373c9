"""What all tests share: every device in turn, real data where it is at hand."""

from __future__ import annotations

import gc
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


# Files that go over devices under the GPU schedule too, on one CPU driver: a sample of what a GPU
# would run, for machines without one.
ON_GPU_SCHEDULE = (
    "engine/test_products.py",
    "engine/test_corners.py",
    "engine/test_rows.py",
    "engine/test_replay_training.py",
    "nn/test_transformers.py",
    "nn/test_losses.py",
    "tensors/test_indexing.py",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Go over the devices where a test asks for one, and does not say for which."""
    given = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "device" not in metafunc.fixturenames or "device" in given:
        return
    names = _devices()
    sampled = metafunc.definition.path.as_posix().endswith(ON_GPU_SCHEDULE)
    if sampled and "JRK_TEST_DEVICES" not in os.environ:
        kinds = {d.id: d.kind for d in devices.devices()}
        cpus = [name for name in names if kinds[name] == "cpu"]
        names += [f"{cpu}-as-gpu" for cpu in cpus[:1] if "gpu" not in kinds.values()]
    metafunc.parametrize("device", names, indirect=True)


# A function with more cases than this deals them out to the drivers; the reference runs them all.
FEW = 4
# Here every driver runs every case: all that the others try with many arguments consists of it.
WHOLE = Path(__file__).parent / "engine"
# But for what is traced on the host, whichever driver launches it.
TRACED = "test_replay"


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
        whole = WHOLE in item.path.parents and not item.path.name.startswith(TRACED)
        if driver in drivers and not whole:
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


def pytest_collection_finish() -> None:
    """Spare later garbage collections the objects that imports and collecting made."""
    gc.collect()
    gc.freeze()


@pytest.fixture
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
