"""The same run in a real notebook kernel, a real terminal and a pipe, stopped by real signals."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

RUN = """
import numpy as np, jairika_nb as jrk
x = np.ones((640, 3), np.float32)
net = jrk.nn.Linear(3, 3)
"""
SHORT = RUN + "h = jrk.fit(net, (x, x), epochs=2, loss=jrk.nn.MSELoss(), batch_size=64)"
LONG = RUN + (
    "h = jrk.fit(net, (x, x), epochs=10**6, loss=jrk.nn.MSELoss(), batch_size=64)\n"
    "print('ended', h.interrupted, np.isfinite(net.weight.numpy()).all())"
)
REFERENCE = {**os.environ, "JRK_DEVICE": "reference"}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """The outputs of a notebook's cells: a run, and a job that is stopped by its button."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    cells = [
        SHORT + "\nh",
        "job = jrk.fit(net, (x, x), epochs=10**6, loss=jrk.nn.MSELoss(), background=True)",
        # The button does what it would do where somebody clicks it.
        "import time, gc, ipywidgets\n"
        "while job.history.steps < 5: time.sleep(0.01)\n"
        "found = jrk.evaluate(net, (x, x), loss=jrk.nn.MSELoss())\n"
        "(button,) = [w for w in gc.get_objects() if type(w) is ipywidgets.Button]\n"
        "print(button.description, job.state)\n"
        "button.click()\n"
        "history = job.wait(30)\n"
        "print(button.description, job.state, history.interrupted, found['loss'] >= 0)",
        "job",
        "%load_ext jairika_nb",
        "%%jrk train net\ndata = (x, x)\nloss = jrk.nn.MSELoss()\nepochs = 2",
    ]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JRK_DEVICE", "reference")
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        nbclient.NotebookClient(made, timeout=60, kernel_name="python3").execute()
    return [cell.outputs for cell in made.cells]


def test_a_notebook_keeps_the_last_state_as_static_html(notebook):
    outputs = notebook[0]
    shown = [o for o in outputs if o.output_type == "display_data"]
    assert len(shown) == 1
    html = shown[0].data["text/html"]
    assert "done after" in html
    assert "<svg" in html
    assert "script" not in html
    assert not [o for o in outputs if o.output_type == "stream"]
    (result,) = [o for o in outputs if o.output_type == "execute_result"]
    assert "<table>" in result.data["text/html"]


def test_a_job_in_a_notebook_is_watched_and_stopped_from_other_cells(notebook):
    first, second, third = notebook[1:4]
    pages = [o.data["text/html"] for o in first if o.output_type == "display_data"]
    assert "interrupted after" in pages[0]
    # The button is gone, so that the saved notebook has none that nothing listens to.
    assert pages[1:] == [""]
    lines = "".join(o.text for o in second if o.output_type == "stream").splitlines()
    assert lines == ["Stop running", "Stopping… interrupted True True"]
    assert "interrupted after" in third[0].data["text/html"]


def test_a_cell_may_hold_the_arguments(notebook):
    (result,) = [o for o in notebook[5] if o.output_type == "execute_result"]
    assert "2 epochs" in result.data["text/html"]


def test_a_pipe_gets_plain_lines():
    done = subprocess.run(
        [sys.executable, "-c", SHORT], env=REFERENCE, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"(epoch \d/2 loss [\d.e-]+ \(\d+\.\d s\)\n){2}", done.stdout)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_a_terminal_gets_a_line_that_is_rewritten():
    import pty

    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        pytest.skip(f"no pseudo-terminal can be had here: {error}")
    with subprocess.Popen([sys.executable, "-c", SHORT], env=REFERENCE, stderr=theirs) as process:
        os.close(theirs)
        text = b""
        try:
            while chunk := os.read(ours, 4096):
                text += chunk
        except OSError:
            pass  # how Linux tells that the other end of a terminal closed
        os.close(ours)
    assert process.returncode == 0
    shown = text.decode()
    assert "\repoch 2/2 loss" in shown
    assert "step 1/10" in shown


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_from_outside_ends_a_run_cleanly():
    with subprocess.Popen(
        [sys.executable, "-uc", LONG], env=REFERENCE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().startswith("epoch 1/")
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 0
    assert "interrupted after" in rest
    assert rest.endswith("ended True True\n")
