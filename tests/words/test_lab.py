"""``jrk lab``: tutorials are copied once, changes are kept, JupyterLab gets the arguments."""

import importlib.metadata
import subprocess
import sys

import pytest

from jairika_nb.errors import JairikaError, ReadOnly, WordError
from jairika_nb.words import Session, lab, run


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    source = tmp_path / "shipped"
    source.mkdir()
    (source / "01-first.ipynb").write_text("first")
    (source / "02-second.ipynb").write_text("second")
    monkeypatch.setattr(lab, "shipped_tutorials", lambda: source)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


@pytest.fixture
def launched(monkeypatch):
    calls = []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr(lab, "launch", lambda command, folder: calls.append((command, folder)) or 0)
    return calls


def test_tutorials_are_copied_and_lab_started_there(shipped, launched, capsys):
    result = run(["lab", "--no-browser", "--port", "9999"], Session())
    assert (shipped / "jairika-tutorials/01-first.ipynb").read_text() == "first"
    command, folder = launched[0]
    assert command == [sys.executable, "-m", "jupyterlab", "--no-browser", "--port", "9999"]
    assert str(folder) == "jairika-tutorials"
    assert "2 copied, 0 already there" in capsys.readouterr().out
    assert result.ok


def test_the_users_changes_are_never_overwritten(shipped, launched, capsys):
    mine = shipped / "jairika-tutorials/01-first.ipynb"
    mine.parent.mkdir()
    mine.write_text("my own work")
    run(["lab"], Session())
    assert mine.read_text() == "my own work"
    assert (mine.parent / "02-second.ipynb").read_text() == "second"
    assert "1 copied, 1 already there" in capsys.readouterr().out


def test_without_jupyterlab_the_pip_line_is_named(shipped, launched, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(JairikaError, match=r"pip install 'jairika-nb\[lab\]'"):
        run(["lab"], Session())
    assert not launched


def test_in_a_notebook_it_points_to_the_terminal(shipped, launched):
    with pytest.raises(WordError, match="in a terminal"):
        run(["lab"], Session(variables={}))


def test_a_file_in_the_way_is_one_line(shipped, launched):
    (shipped / "jairika-tutorials").write_text("a file")
    with pytest.raises(ReadOnly, match="cannot be copied"):
        run(["lab"], Session())


def test_the_real_jupyterlab_starts_and_gets_the_arguments(tmp_path):
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    process = subprocess.run(
        [sys.executable, "-m", "jairika_nb", "lab", "--version"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    first, version = process.stdout.splitlines()
    assert first.startswith("tutorials in jairika-tutorials: ")
    assert version == importlib.metadata.version("jupyterlab")
    assert list((tmp_path / "jairika-tutorials").glob("*.ipynb"))
