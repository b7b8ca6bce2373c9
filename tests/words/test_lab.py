"""``jrk lab``: tutorials are copied once, changes are kept, JupyterLab gets the arguments."""

import importlib.metadata
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from jairika_nb import store
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
    monkeypatch.setattr(lab, "launch", lambda command: calls.append(command) or 0)
    return calls


def test_tutorials_are_copied_and_lab_opens_the_first(shipped, launched, capsys):
    result = run(["lab", "--no-browser", "--port", "9999"], Session())
    assert (shipped / "jairika-tutorials/01-first.ipynb").read_text() == "first"
    (command,) = launched
    assert command[:6] == [sys.executable, "-m", "jupyterlab", "--no-browser", "--port", "9999"]
    first = "/lab/tree/jairika-tutorials/01-first-network.ipynb"
    assert command[6:] == [f"--LabApp.default_url={first}"]
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


@pytest.mark.parametrize(
    "line",
    [
        ["--LabApp.default_url=/lab"],
        ["--notebook-dir", "/srv"],
        ["--ServerApp.root_dir=/srv"],
        ["jairika-tutorials/02-second.ipynb"],
        ["."],
    ],
    ids="_".join,
)
def test_the_users_own_starting_point_has_its_way(shipped, launched, line):
    run(["lab", *line], Session())
    assert launched == [[sys.executable, "-m", "jupyterlab", *line]]


@pytest.mark.skipif(os.name != "posix", reason="stops the server by a signal")
def test_the_models_of_the_folder_show_in_the_real_jupyterlab(tmp_path):
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    store.init(tmp_path / "demo.jrk.h5").close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = {"ServerApp": {"jpserver_extensions": {"jairika_nb": True}}}
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.json").write_text(json.dumps(config))
    line = ["lab", "--no-browser", f"--port={port}", "--IdentityProvider.token=t", "--allow-root"]
    environment = os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jairika_nb", *line],
            cwd=tmp_path, stdout=log, stderr=log, env=environment,
        )  # fmt: skip
    try:
        base = f"http://127.0.0.1:{port}"
        models = json.loads(fetched(f"{base}/jairika-nb/v1/models?token=t", process).read())
        assert [model["path"] for model in models["models"]] == ["demo.jrk.h5"]
        opened = fetched(f"{base}/?token=t", process).geturl()
        assert "/lab/tree/jairika-tutorials/01-first-network.ipynb" in opened
    finally:
        process.terminate()
        process.wait(20)


def fetched(url, process):
    """The answer at ``url``, once the server is up."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return urllib.request.urlopen(url, timeout=20)
        except urllib.error.HTTPError:
            raise
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)


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
