"""A run in the background in JupyterLab: charts grow, the notebook works on, Stop ends it."""

import nbformat
import pytest

from .test_tutorial import run_all, wait_until_idle

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect

CELLS = [
    """import os, time
os.environ["JRK_DEVICE"] = "reference"
import numpy as np, jairika_nb as jrk
from jairika_nb import nn, optim
rng = np.random.default_rng(0)
x = rng.normal(size=(512, 8)).astype(np.float32)
y = (x @ rng.normal(size=8) > 0).astype(np.int32)
jrk.random.seed(0)
net = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 2))
def slowly(history):
    time.sleep(0.2)
job = jrk.fit(net, (x[:400], y[:400]), epochs=500, optimizer=optim.Adam(lr=1e-3),
              validation=(x[400:], y[400:]), metrics=[jrk.metrics.Accuracy()],
              callbacks=[slowly], background=True)""",
    "print('meanwhile', job.state, net(x[:2]).shape)",
]
WAIT = 60_000


def test_a_job_is_charted_and_stopped(sidebar, folder, page, screenshots):
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}),
        folder / "training.ipynb",
    )
    sidebar.open("lab/tree/training.ipynb")
    run_all(page)
    bar = page.get_by_role("progressbar")
    expect(bar).to_be_visible(timeout=WAIT)
    expect(page.locator(".jp-OutputArea-output", has_text="meanwhile running")).to_be_visible(
        timeout=WAIT
    )
    # The cells are done, and the charts of the job go on growing.
    wait_until_idle(page)
    charts = page.locator("svg[role=img]")
    expect(charts).to_have_count(2, timeout=WAIT)
    before = charts.first.get_attribute("aria-label")
    page.wait_for_function(
        "before => document.querySelector('svg[role=img]').ariaLabel !== before",
        arg=before,
        timeout=WAIT,
    )
    for theme in sidebar.themes():
        page.screenshot(path=screenshots(f"training-{theme}"))
    stop = page.locator(".jupyter-button", has_text="Stop")
    stop.click()
    expect(page.get_by_text("interrupted after")).to_be_visible(timeout=WAIT)
    expect(stop).to_have_count(0, timeout=WAIT)
    page.screenshot(path=screenshots("training-stopped"))
