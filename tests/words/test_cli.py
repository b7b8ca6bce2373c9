"""``jrk`` as a process: exit status, one-line errors, streams, a fast start."""

import ctypes
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from jairika_nb import __version__, store
from jairika_nb.engine import drivers
from jairika_nb.store.show import tree_html

TREE = re.compile(
    r'address: "file:///.+/digits\.jrk\.h5"\n'
    r'├── variant: "main" - created at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n'
    r'│   ├── iteration: "prime" - last trained at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n'
    r'│   └── iteration: "PT" - last trained at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n'
    r'└── variant: "wide" - created at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n'
    r'    └── iteration: "prime" - last trained at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n'
)


def jrk(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "jairika_nb", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def complaint(process, status):
    """The one line on stderr of a refused command."""
    assert process.returncode == status, process.stderr
    assert process.stdout == ""
    assert process.stderr.startswith("jrk: ")
    assert process.stderr.count("\n") == 1
    return process.stderr


@pytest.fixture
def arrays(tmp_path):
    numbers = np.random.default_rng(7).normal(size=(4, 3)).astype(np.float32)
    np.savez(tmp_path / "net.npz", **{"0.weight": numbers, "0.bias": numbers[0]})
    return tmp_path / "net.npz"


@pytest.fixture
def model(tmp_path, arrays):
    """A model made by the words alone: two iterations and a derived variant."""
    path = tmp_path / "digits.jrk.h5"
    for line in (
        ["init", path, arrays],
        ["commit", path, arrays, "--name", "PT", "--metric", "accuracy=0.97", "--message", "two"],
        ["derive", path, "wide", "--switch"],
    ):
        process = jrk(*line)
        assert process.returncode == 0, process.stderr
    return path


def test_help_and_version():
    assert jrk("--version").stdout == f"jrk {__version__}\n"
    for line in ([], ["--help"], ["-h"], ["help"]):
        process = jrk(*line)
        assert process.returncode == 0
        assert process.stdout.startswith("usage: jrk WORD")


def test_help_starts_without_the_heavy_packages():
    code = (
        "import sys; from jairika_nb.cli import main; main(['--help']); "
        "print([m for m in ('pyopencl', 'h5py', 'IPython', 'matplotlib', 'sklearn', 'numpy') "
        "if m in sys.modules], file=sys.stderr)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stderr == "[]\n"


def test_the_tree_is_printed_in_the_pinned_form(model):
    assert TREE.fullmatch(jrk("info", model).stdout)
    assert TREE.fullmatch(jrk("open", model).stdout)


def test_log_shows_newest_first_with_metrics(model):
    lines = jrk("log", model, "--variant", "main").stdout.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["PT", "prime"]
    assert "accuracy=0.97" in lines[2]
    assert lines[2].endswith("two")


def test_log_shows_the_metrics_of_older_files_whatever_they_are(model, arrays, monkeypatch):
    kept = {"a": "b", "good": True, "none": None, "step": 60_000, "loss": "nan"}
    with monkeypatch.context() as older:
        older.setattr("jairika_nb.store.arrays.measures", dict)
        with store.open(model, "a") as opened:
            opened.commit(dict(np.load(arrays)), variant="main", metrics=kept)
    shown = jrk("log", model, "--variant", "main")
    assert shown.returncode == 0, shown.stderr
    assert "a=b, good=True, loss=nan, none=None, step=60000" in shown.stdout
    newest = json.loads(jrk("log", model, "--variant", "main", "--json").stdout)["iterations"][0]
    assert newest["metrics"] == kept
    assert "good True" in tree_html(store.open(model).info())


def test_a_metric_that_is_no_number_yet_is_kept_as_such(model, arrays):
    made = jrk("commit", model, arrays, "--metric", "loss=nan", "--metric", "top=inf", "--json")
    assert json.loads(made.stdout)["metrics"] == {"loss": "nan", "top": "inf"}
    assert store.open(model)["wide"].head.metrics["top"] == float("inf")
    assert "loss=nan, top=inf" in jrk("log", model).stdout


@pytest.mark.parametrize("word", ["info", "open", "log", "verify"])
def test_json_of_a_model(model, word):
    process = jrk(word, model, "--json")
    assert process.returncode == 0
    assert json.loads(process.stdout)


def test_json_of_what_changes_a_model(tmp_path, arrays):
    path = tmp_path / "a.jrk.h5"
    assert json.loads(jrk("init", path, "--json").stdout)["variant"] == "main"
    made = json.loads(jrk("commit", path, arrays, "--name", "one", "--json").stdout)
    assert made["iteration"] == "one"
    assert made["address"] == path.as_uri()
    assert json.loads(jrk("derive", path, "b", "--json").stdout)["iteration"] == "one"
    assert json.loads(jrk("switch", path, "b", "--json").stdout)["variant"] == "b"
    (derived,) = json.loads(jrk("log", path, "--json").stdout)["iterations"]
    assert derived["parents"] == [made["id"]]


def test_verify_names_the_damage_and_exits_1(model):
    content = bytearray(model.read_bytes())
    weights = np.random.default_rng(7).normal(size=(4, 3)).astype(np.float32).tobytes()
    content[content.find(weights) + 5] ^= 1
    model.write_bytes(content)
    process = jrk("verify", model)
    assert process.returncode == 1
    assert 'iteration "prime" of variant "main"' in process.stdout
    assert "0.weight" in process.stdout.replace("/", ".")
    assert "Traceback" not in process.stderr


def test_a_whole_file_verifies(model):
    process = jrk("verify", model)
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (["comit"], "did you mean 'commit'"),
        (["info"], "usage: jrk info ADDRESS"),
        (["derive", "a", "b", "--sorce", "c"], "did you mean '--source'"),
        (["info", "a", "b"], "one argument too many"),
    ],
)
def test_wrong_lines_exit_2(line, part):
    assert part in complaint(jrk(*line), 2)


@pytest.mark.parametrize("word", ["info", "log", "help", "--version"])
def test_a_closed_or_full_output_is_one_line(model, word):
    line = f"{sys.executable} -m jairika_nb {word} {model if word in ('info', 'log') else ''}"
    for where, part in (
        (">&-", "closed"),
        (">/dev/full", "jrk: the output cannot be written: No space"),
    ):
        if not os.path.exists("/dev/full"):
            pytest.skip("needs /dev/full")
        assert part in complaint(
            subprocess.run(["bash", "-c", f"{line} {where}"], capture_output=True, text=True), 1
        )


def test_the_next_line_can_be_typed(model):
    for name in ("wide one", "-dashed", "$HOME"):
        line = f"--source=main -- {shlex.quote(str(model))} {shlex.quote(name)}"
        made = jrk("derive", *shlex.split(line))
        assert made.returncode == 0, made.stderr
        word, *rest = shlex.split(made.stdout.splitlines()[-1].removeprefix("next: jrk "))
        assert jrk(word, *rest).returncode == 0
        assert store.open(model).current == name


def test_the_log_shows_the_first_line_of_a_message(model, arrays):
    jrk("commit", model, arrays, "--message", "\nlonger training\n\nwith half the rate\n")
    jrk("commit", model, arrays, "--message", "one line\n")
    lines = jrk("log", model).stdout.splitlines()
    assert lines[2].endswith("one line")
    assert lines[3].endswith("longer training …")
    assert len(lines) == 5


def test_a_name_of_spaces_is_refused(model, arrays):
    assert "may not be empty" in complaint(jrk("commit", model, arrays, "--name", "  "), 1)


def test_counts_agree_with_their_nouns(tmp_path):
    np.savez(tmp_path / "one.npz", w=np.zeros(1, np.int8))
    jrk("init", tmp_path / "a.jrk.h5", tmp_path / "one.npz")
    assert "1 iteration, 1 tensor, 1 byte\n" in jrk("verify", tmp_path / "a.jrk.h5").stdout


def test_a_missing_file(tmp_path):
    for word in ("info", "open", "log", "verify"):
        assert "absent.jrk.h5" in complaint(jrk(word, tmp_path / "absent.jrk.h5"), 1)


def test_a_foreign_file(tmp_path):
    path = tmp_path / "foreign.jrk.h5"
    for content in (b"", b"not a model", os.urandom(20_000)):
        path.write_bytes(content)
        assert "foreign.jrk.h5" in complaint(jrk("info", path), 1)
        assert path.read_bytes() == content


def test_an_existing_model_is_not_overwritten(model, arrays):
    before = model.read_bytes()
    assert f"a model of that name already; open it with `jrk open {model}`" in complaint(
        jrk("init", model), 1
    )
    assert "PT" in complaint(jrk("commit", model, arrays, "--variant", "main", "--name", "PT"), 1)
    assert model.read_bytes() == before


def test_unknown_names_in_a_model(model):
    assert "nowhere" in complaint(jrk("switch", model, "nowhere"), 1)
    assert "nowhere" in complaint(jrk("log", model, "--variant", "nowhere"), 1)
    assert "nothing" in complaint(jrk("derive", model, "c", "--iteration", "nothing"), 1)


def mortal():
    """Take root's right to write everywhere from the process to be started."""
    if os.geteuid() == 0:
        drop_from_bounding_set, dac_override = 24, 1
        ctypes.CDLL(None).prctl(drop_from_bounding_set, dac_override, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux capabilities where run by root")
def test_a_read_only_folder(model, arrays, tmp_path):
    before = model.read_bytes()
    tmp_path.chmod(0o555)
    model.chmod(0o444)
    try:
        new = jrk("init", tmp_path / "new.jrk.h5", preexec_fn=mortal)
        assert "new.jrk.h5" in complaint(new, 1)
        added = jrk("commit", model, arrays, preexec_fn=mortal)
        assert "digits.jrk.h5" in complaint(added, 1)
        lab = jrk("lab", cwd=tmp_path, preexec_fn=mortal)
        assert "run `jrk lab` in a folder you can write" in complaint(lab, 1)
        assert TREE.fullmatch(jrk("info", model, preexec_fn=mortal).stdout)
    finally:
        tmp_path.chmod(0o755)
    assert model.read_bytes() == before


def test_no_driver(tmp_path):
    (tmp_path / "vendors").mkdir()
    environment = os.environ | {"OCL_ICD_VENDORS": str(tmp_path / "vendors"), "JRK_DEVICE": ""}
    process = jrk("doctor", env=environment)
    assert process.returncode == 1
    assert "no driver works here" in process.stdout
    hidden = f"OCL_ICD_VENDORS={tmp_path / 'vendors'} hides the installed drivers; unset it"
    cure = hidden if drivers.entries() else "pip install intel-opencl-rt"
    assert cure in process.stdout
    assert "Traceback" not in process.stderr
    assert "no OpenCL driver works here" in jrk("devices", env=environment).stdout
    message = complaint(jrk("demo", tmp_path / "demo.jrk.h5", env=environment), 1)
    assert "no usable OpenCL device" in message
    assert cure in message
    assert "JRK_DEVICE=reference in a terminal" in message
    assert not (tmp_path / "demo.jrk.h5").exists()


def test_an_unknown_device_is_told_with_those_there_are():
    process = jrk("doctor", env=os.environ | {"JRK_DEVICE": "nonsense"})
    assert process.returncode == 1
    assert "no working device 'nonsense'; found: " in process.stdout
    assert "reference (numpy, reference)" in process.stdout
    assert "as in JRK_DEVICE=reference" in process.stdout


def test_a_broken_driver_is_named_with_its_cure(tmp_path):
    (tmp_path / "broken.so").write_bytes(b"not a library")
    (tmp_path / "broken.icd").write_text(str(tmp_path / "broken.so"))
    environment = os.environ | {"OCL_ICD_VENDORS": str(tmp_path), "JRK_DEVICE": ""}
    process = jrk("doctor", env=environment)
    assert process.returncode == 1
    assert "broken.icd" in process.stdout
    assert "cannot be loaded" in process.stdout
    assert "Traceback" not in process.stderr


def test_a_stream_without_unicode_gets_plain_signs(model):
    process = jrk("info", model, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert process.returncode == 0
    assert '|-- variant: "main"' in process.stdout
    assert "?" not in process.stdout


def test_a_closed_pipe_is_quiet(model):
    command = f"{sys.executable} -m jairika_nb log {model} | true; {sys.executable} -m jairika_nb"
    process = subprocess.run(
        ["bash", "-c", f"{command} --help | head -1"], capture_output=True, text=True
    )
    assert process.stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_ctrl_c_ends_with_130_and_a_short_line(tmp_path):
    code = (
        "import sys, time\nfrom jairika_nb import cli\n"
        "def wait(*_): print('waiting', flush=True); time.sleep(30)\n"
        "cli.run = wait\nsys.exit(cli.main(['devices']))"
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.strip() == "jrk: stopped"
