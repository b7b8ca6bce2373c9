"""The doctor: each broken part is named with its cure, and only needed parts count."""

import json

import pytest

from jairika_nb import __version__
from jairika_nb.engine.device import REFERENCE
from jairika_nb.errors import DeviceError
from jairika_nb.words import Session, checks, run
from jairika_nb.words.checks import Check
from jairika_nb.words.doctor import Checkup

GOOD = {
    "platform": "Good OpenCL",
    "device": "CPU",
    "kind": "cpu",
    "driver": "1.0",
    "source": "pip",
    "status": "ok",
    "reason": "",
    "cure": "",
    "seconds": 0.1,
}
BROKEN = GOOD | {"platform": "Bad", "status": "failed", "reason": "no target", "cure": "update it"}


@pytest.fixture
def drivers(monkeypatch):
    def pretend(*rows):
        monkeypatch.setattr("jairika_nb.engine.doctor.report", lambda: list(rows))
        monkeypatch.setattr("jairika_nb.engine.device.default", lambda: REFERENCE)
        return checks.opencl()

    return pretend


@pytest.fixture
def jupyter(monkeypatch, tmp_path):
    """Jupyter's folders, empty and apart from the machine's; JupyterLab counts as installed."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr("jupyter_core.paths.ENV_JUPYTER_PATH", [])
    monkeypatch.setattr("jupyter_core.paths.SYSTEM_JUPYTER_PATH", [])
    monkeypatch.setattr("jupyter_core.paths.ENV_CONFIG_PATH", [])
    monkeypatch.setattr("jupyter_core.paths.SYSTEM_CONFIG_PATH", [])
    return tmp_path


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def sidebar(folder, version=__version__):
    place = folder / "JUPYTER_DATA_DIR/labextensions/jairika-nb/package.json"
    write(place, {"version": version})


def server_setting(folder, value):
    place = folder / "JUPYTER_CONFIG_DIR/jupyter_server_config.d/jairika_nb.json"
    write(place, {"ServerApp": {"jpserver_extensions": {"jairika_nb": value}}})


def test_a_working_driver_is_ok(drivers):
    check, in_use = drivers(GOOD)
    assert check.state == in_use.state == "ok"
    assert "Good OpenCL: CPU (cpu)" in check.found
    assert in_use.found == "reference: NumPy (numpy)"


def test_a_cured_driver_is_ok_and_tells_what_was_cured(drivers):
    check, _ = drivers(GOOD | {"status": "cured", "reason": "a wrong path", "cure": "set right"})
    assert check.state == "ok"
    assert check.found.endswith("; a wrong path, set right")
    assert check.cure == ""


def test_a_driver_without_devices_is_named_by_its_entry(drivers):
    dead = BROKEN | {"platform": "dead.icd", "device": "", "kind": "", "source": "/lib/dead.so"}
    check = drivers(GOOD, dead)[1]
    assert check.found == "dead.icd: no target"


def test_a_device_named_by_the_user_that_fails_is_a_problem(drivers, monkeypatch):
    drivers(GOOD)

    def refuse():
        raise DeviceError("no working device 'gpu'")

    monkeypatch.setattr("jairika_nb.engine.device.default", refuse)
    problem = checks.opencl()[-1]
    assert problem.state == "problem"
    assert "JRK_DEVICE" in problem.cure


def test_a_broken_driver_beside_a_working_one_is_a_note_with_its_cure(drivers):
    states = {check.found.split(":")[0]: check for check in drivers(GOOD, BROKEN)}
    assert states["Bad"].state == "note"
    assert "no target" in states["Bad"].found
    assert states["Bad"].cure == "update it"


def test_no_working_driver_is_a_problem_that_names_packages(drivers, monkeypatch):
    monkeypatch.setattr("jairika_nb.engine.drivers._named_by_user", None)
    for rows in ((), (BROKEN,)):
        last = drivers(*rows)[-1]
        assert last.state == "problem"
        assert "pip install intel-opencl-rt" in last.cure


def test_the_sidebar_is_found_in_jupyters_folders(jupyter):
    sidebar(jupyter)
    assert [check.state for check in checks.sidebar()] == ["ok"]


def test_a_missing_sidebar_is_a_problem(jupyter):
    (check,) = checks.sidebar()
    assert check.state == "problem"
    assert "JAIRIKA_LABEXTENSION=build" in check.cure


def test_a_sidebar_of_another_version_is_a_problem(jupyter):
    sidebar(jupyter, "0.0.1")
    (check,) = checks.sidebar()
    assert check.state == "problem"
    assert "0.0.1" in check.found
    assert __version__ in check.found


@pytest.mark.parametrize("name", ["jairika-nb", "jairika-nb:plugin"])
def test_a_disabled_sidebar_is_a_problem(jupyter, name):
    sidebar(jupyter)
    write(
        jupyter / "JUPYTER_CONFIG_DIR/labconfig/page_config.json",
        {"disabledExtensions": {name: True}},
    )
    (check,) = checks.sidebar()
    assert check.state == "problem"
    assert "labextension enable" in check.cure


def test_without_jupyterlab_the_sidebar_is_only_a_note(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (check,) = checks.sidebar()
    assert check.state == "note"
    assert "pip install 'jairika-nb[lab]'" in check.cure


@pytest.mark.parametrize(("value", "state"), [(True, "ok"), (False, "problem")])
def test_the_server_part_follows_jupyters_configuration(jupyter, value, state):
    server_setting(jupyter, value)
    assert [check.state for check in checks.server()] == [state]


def test_an_unregistered_server_part_is_a_problem(jupyter):
    (check,) = checks.server()
    assert check.state == "problem"
    assert "server extension enable" in check.cure


def test_a_data_folder_that_is_missing_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setenv("JRK_DATA_DIR", str(tmp_path / "absent"))
    check = checks.folders()[0]
    assert check.state == "problem"
    assert str(tmp_path / "absent") in check.found


def test_a_missing_package_is_a_problem_with_its_pip_line(monkeypatch):
    monkeypatch.setattr(checks, "PACKAGES", ("numpy", "no-such-package"))
    ok, missing = checks.packages()
    assert ok.state == "ok"
    assert missing.cure == "`pip install no-such-package`"


def test_problems_make_the_checkup_fail_and_notes_do_not():
    note, problem = Check("note", "a", "b"), Check("problem", "c", "d", "do e")
    assert Checkup((note,)).ok
    bad = Checkup((note, problem))
    assert not bad.ok
    assert "cure: do e" in str(bad)
    assert "do e" in bad._repr_html_()
    assert json.loads(json.dumps(bad.to_json())) == bad.to_json()
    assert bad.to_json()["ok"] is False


def test_the_checkup_of_this_machine_looks_at_every_part():
    result = run(["doctor"], Session())
    parts = {check.part for check in result.checks}
    assert {"Python", "packages", "OpenCL", "sidebar", "server part", "cache"} <= parts
    assert all(check.cure for check in result.checks if check.state == "problem")
