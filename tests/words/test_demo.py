"""``jrk demo``: the main job in one command, never over a file that is there."""

import json
import re
import subprocess
import sys

import pytest

from jairika_nb.words import Session, run
from jairika_nb.words.demo import command

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

TREE = re.compile(
    r'address: "file:///\S+/demo\.jrk\.h5"\n'
    r'├── variant: "main" - created at \S+Z\n'
    r'│   ├── iteration: "prime" - last trained at \S+Z\n'
    r'│   └── iteration: "PT" - last trained at \S+Z\n'
    r'└── variant: "experiment" - created at \S+Z\n'
    r'    └── iteration: "prime" - last trained at \S+Z\n'
)


def demo(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "jairika_nb", "demo", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def first(folder):
    return demo(folder)


def test_the_demo_reaches_the_accuracy_and_prints_the_tree(first):
    assert first.returncode == 0, first.stderr
    assert TREE.search(first.stdout)
    accuracy = re.search(r"accuracy (\d\.\d+) on \d+ held-out digits", first.stdout)
    assert accuracy
    assert float(accuracy[1]) >= 0.95
    hint = f"next: `{sys.executable} -m jairika_nb lab` opens"
    assert first.stdout.splitlines()[-1].startswith(hint)
    assert "sidebar" in first.stdout.splitlines()[-1]


def test_the_command_of_the_hint_is_one_that_runs_here(tmp_path, monkeypatch):
    script = tmp_path / "bin" / "jrk"
    script.parent.mkdir()
    script.touch(0o755)
    monkeypatch.setattr(sys, "argv", [str(script), "demo"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command() == str(script)
    monkeypatch.setenv("PATH", str(script.parent))
    assert command() == "jrk"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bin/jrk", "demo"])
    assert command() == "jrk"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command() == "bin/jrk"


@pytest.mark.parametrize("used", [None, "file:///models/mine.jrk.h5"])
def test_the_model_in_use_stays_in_use(tmp_path, monkeypatch, used):
    monkeypatch.setattr("jairika_nb.words.demo.EPOCHS", 1)
    session = Session(used, {}, quiet=True)
    shown = run(["demo", str(tmp_path / "new.jrk.h5")], session)
    made = (tmp_path / "new.jrk.h5").as_uri()
    assert shown.to_json()["tree"]["address"] == made
    assert session.address == (used or made)
    assert f"%jrk {f'open {tmp_path}/new.jrk.h5' if used else 'log'}`" in str(shown)
    assert str(used or "") in str(shown)


def test_a_second_demo_leaves_the_first_file_alone(first, folder):
    before = (folder / "demo.jrk.h5").read_bytes()
    second = demo(folder, "--json")
    assert second.returncode == 0, second.stderr
    report = json.loads(second.stdout)
    assert report["ok"]
    assert report["tree"]["address"].endswith("/demo-2.jrk.h5")
    prime, trained = report["tree"]["variants"][0]["iterations"]
    assert (prime["name"], trained["name"]) == ("prime", "PT")
    assert trained["metrics"]["accuracy"] == pytest.approx(report["accuracy"])
    assert (folder / "demo.jrk.h5").read_bytes() == before


def test_an_address_that_is_taken_is_one_line(first, folder):
    before = (folder / "demo.jrk.h5").read_bytes()
    third = demo(folder, "demo.jrk.h5")
    assert third.returncode == 1
    assert third.stderr.splitlines()[-1].startswith("jrk: ")
    assert "demo.jrk.h5" in third.stderr
    assert "Traceback" not in third.stderr
    assert (folder / "demo.jrk.h5").read_bytes() == before
