"""Discovery: the pip runtime is cured, and what is missing or broken is said in one line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from jairika_nb.engine import device as devices
from jairika_nb.engine import doctor, drivers

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
