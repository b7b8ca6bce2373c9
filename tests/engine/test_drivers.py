"""Discovery: the pip runtime is cured, and what is missing or broken is said in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from jairika_nb.engine import device as devices
from jairika_nb.engine import doctor, drivers, pocl

SUM = "import jairika_nb as jrk; print(jrk.ones((3,)).sum().item())"


def run(code, **env):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **env}
    )


def clean_environment():
    return {k: v for k, v in os.environ.items() if k not in ("OCL_ICD_VENDORS", "JRK_DEVICE")}


def test_the_pip_runtime_is_found_without_any_setting():
    if drivers.pip_runtime() is None:
        pytest.skip("the pip CPU runtime has no wheel for this machine")
    code = "import jairika_nb as jrk; print([d.driver for d in jrk.devices()])"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=clean_environment()
    )
    assert "Intel(R) OpenCL" in out.stdout, out.stderr


AFFINITIES = """
import os, sys
if len(sys.argv) > 1:
    os.sched_setaffinity(0, {int(sys.argv[1])})
import jairika_nb as jrk
before = os.sched_getaffinity(0)
assert (jrk.ones((300, 300)) @ jrk.ones((300, 300))).sum().item() == 300**3
assert os.sched_getaffinity(0) == before
print(sorted(len(os.sched_getaffinity(int(t))) for t in os.listdir("/proc/self/task")))
"""


def affinities(*argv, **env):
    """How many processors each thread of a process that computes with PoCL may run on."""
    found = [d.id for d in devices.found() if d.driver == pocl.PLATFORM]
    if not found or not hasattr(os, "sched_getaffinity"):
        pytest.skip("PoCL on Linux")
    own = {k: v for k, v in os.environ.items() if k != "POCL_AFFINITY"}
    argv = [sys.executable, "-c", AFFINITIES, *argv]
    out = subprocess.run(
        argv, capture_output=True, text=True, env={**own, "JRK_DEVICE": found[0], **env}
    )
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


def test_each_thread_of_pocl_has_a_processor_of_its_own():
    if len(os.sched_getaffinity(0)) != os.cpu_count() or os.cpu_count() == 1:
        pytest.skip("a machine whose processors are all ours")
    found = affinities()
    assert found.count(1) == os.cpu_count() and os.cpu_count() in found


def test_threads_of_pocl_are_left_alone_where_somebody_chose():
    assert set(affinities(POCL_AFFINITY="0")) == {len(os.sched_getaffinity(0))}
    if os.cpu_count() > 1:
        assert set(affinities(str(max(os.sched_getaffinity(0))))) == {1}


def test_without_any_driver_the_error_is_one_line_with_the_cure(tmp_path):
    out = run(SUM, OCL_ICD_VENDORS=str(tmp_path))
    last = out.stderr.strip().splitlines()[-1]
    assert out.returncode != 0 and "DeviceError" in last
    assert ("unset it" if drivers.entries() else "pip install intel-opencl-rt") in last
    assert "jrk doctor" in last and "JRK_DEVICE=reference" in last


def test_the_reference_computes_without_any_driver(tmp_path):
    out = run(SUM, OCL_ICD_VENDORS=str(tmp_path), JRK_DEVICE="reference")
    assert out.stdout.strip() == "3.0", out.stderr


def test_a_driver_that_cannot_be_loaded_is_reported_and_not_used(tmp_path):
    (tmp_path / "broken.icd").write_text(str(tmp_path / "libmissing.so") + "\n")
    code = "from jairika_nb.engine import doctor; print(doctor.report())"
    out = run(code, OCL_ICD_VENDORS=str(tmp_path))
    assert "'failed'" in out.stdout and "cannot be loaded" in out.stdout, out.stderr
    assert run(SUM, OCL_ICD_VENDORS=str(tmp_path)).returncode != 0


def test_a_device_that_fails_its_probe_is_left_out(monkeypatch):
    real = [d for d in devices.found() if d.works()]
    if not real:
        pytest.skip("no OpenCL driver here")
    broken = devices.Device("opencl:9", "Broken", "Broken driver", "cpu", object())
    monkeypatch.setattr(devices, "_found", [broken, *real])
    assert broken not in devices.devices() and broken.probe
    with pytest.raises(devices.DeviceError, match="does not work"):
        devices.find("opencl:9")


def test_the_report_names_every_device():
    rows = doctor.report()
    assert {r["device"] for r in rows if r["status"] != "failed"} >= {
        d.name for d in devices.devices() if not d.is_reference
    }
    assert all(r["cure"] for r in rows if r["status"] != "ok")


def test_a_home_that_cannot_be_written_is_no_obstacle(tmp_path):
    if not any(not d.is_reference for d in devices.devices()):
        pytest.skip("no OpenCL driver here")
    nowhere = tmp_path / "a file, no folder"
    nowhere.write_text("")
    env = {k: v for k, v in clean_environment().items() if not k.startswith("XDG_")}
    code = "import jairika_nb as jrk; print(jrk.devices()[0].kind, jrk.ones((3,)).sum().item())"
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, env={**env, "HOME": str(nowhere)},
    )  # fmt: skip
    assert out.stdout.split()[-1:] == ["3.0"] and "reference" not in out.stdout, out.stderr
