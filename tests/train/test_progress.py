"""Displays: a log without control characters, a terminal line, static notebook HTML."""

import io
import math
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from jairika_nb.errors import TrainingError
from jairika_nb.train import progress
from jairika_nb.train import standing as standing_clock
from jairika_nb.train.curve import curve
from jairika_nb.train.history import History
from jairika_nb.train.progress import LogProgress, TerminalProgress, choose, html
from jairika_nb.train.standing import Standing


def play(display, epochs=2, steps=3, state="done"):
    """Send a display through a whole run."""
    standing = Standing(epochs, steps)
    for epoch in range(epochs):
        standing.epoch = epoch
        for step in range(steps):
            standing.step = step + 1
            standing.measures["loss"] = 1.0 / (epoch * steps + step + 1)
            standing.add_loss(standing.measures["loss"])
            display.step(standing)
        display.epoch(standing)
    standing.state = state
    display.end(standing)
    return standing


def test_the_log_has_one_plain_line_per_epoch():
    stream = io.StringIO()
    play(LogProgress(stream))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2 loss 0.3333 (")
    assert stream.getvalue().replace("\n", "").isprintable()


def test_the_log_says_when_a_run_ended_early():
    stream = io.StringIO()
    play(LogProgress(stream), state="interrupted")
    assert stream.getvalue().splitlines()[-1].startswith("interrupted after")


def screen(text):
    """What a terminal shows: carriage returns overwrite."""
    shown = []
    for line in text.split("\n"):
        cells = ""
        for part in line.split("\r"):
            cells = part + cells[len(part) :]
        shown.append(cells.rstrip())
    return shown


def test_the_terminal_rewrites_one_line_and_keeps_epochs():
    stream = io.StringIO()
    display = TerminalProgress(stream)
    display.interval = 0
    play(display)
    assert "\x1b" not in stream.getvalue()
    first, second, rest = screen(stream.getvalue())
    assert first.startswith("epoch 1/2 loss 0.3333")
    assert second.startswith("epoch 2/2 loss 0.1667")
    assert rest == ""
    bars = [part for part in stream.getvalue().split("\r") if "█" in part]
    assert "epoch 1/2 step 2/3" in bars[1]
    assert "ETA" in bars[1]


class Handle:
    def __init__(self):
        self.shown = []

    def update(self, value):
        self.shown.append(value.data)


def test_the_notebook_is_updated_in_place_with_static_html(monkeypatch):
    display = pytest.importorskip("IPython.display")
    handle, calls = Handle(), []

    def show(value, display_id=None):
        calls.append(display_id)
        return handle

    monkeypatch.setattr(display, "display", show)
    notebook = progress.NotebookProgress()
    notebook.interval = 0
    play(notebook)
    assert calls == [True]
    assert len(handle.shown) == 2 * 3 + 2 + 1
    last = handle.shown[-1]
    assert "<script" not in last
    assert "done after" in last
    assert "<svg" in last


def test_html_is_well_formed_and_accessible():
    standing = play(progress.Silent(), state="training")
    standing.measures["a<b"] = 1.0
    tree = ElementTree.fromstring(html(standing))
    (bar,) = [e for e in tree.iter() if e.get("role") == "progressbar"]
    assert bar.get("aria-valuenow") == "100"
    (chart,) = [e for e in tree.iter("svg") if e.get("role") == "img"]
    assert chart.get("aria-label") == "loss 1 to 0.1667"
    assert "a<b 1.0000" in "".join(tree.itertext())


def test_colours_come_from_the_theme_with_fallbacks():
    text = html(play(progress.Silent()))
    for variable in text.split("var(")[1:]:
        assert variable.startswith("--jp-")
        assert "," in variable.split(")")[0]


def test_time_left_follows_from_the_share_done(monkeypatch):
    monkeypatch.setattr(standing_clock.time, "perf_counter", lambda: 110.0)
    standing = Standing(4, 10, epoch=1, step=0, started=100.0)
    assert standing.remaining == pytest.approx(30.0)
    assert standing.clock() == "ETA 30.0 s"
    assert Standing(4, 10, started=100.0).clock() == "ETA ?"


def test_unknown_lengths_do_not_fail():
    standing = Standing(2, 0, step=5)
    assert "step 5" in standing.counters()
    html(standing)


@pytest.mark.parametrize(
    ("values", "empty"),
    [
        ([], True),
        ([1.0], True),
        ([1.0, math.nan], True),
        ([2.0, 2.0], False),
        ([1, math.inf, 2], False),
    ],
)
def test_the_curve_needs_two_finite_points(values, empty):
    assert (curve({"loss": values}) == "") is empty


def test_the_curve_stays_in_its_frame_and_small():
    svg = ElementTree.fromstring(curve({"loss": [math.sin(i) for i in range(100_000)]}))
    (line,) = svg.iter("polyline")
    points = [tuple(map(float, p.split(","))) for p in line.get("points").split()]
    assert 100 <= len(points) <= 200
    assert all(0 <= x <= 260 and 0 <= y <= 80 for x, y in points)


def test_long_runs_keep_few_losses():
    standing = Standing(1, 10**5)
    for i in range(10**5):
        standing.add_loss(float(i))
    assert len(standing.losses) < 1024
    assert standing.losses == sorted(standing.losses)


def test_the_place_decides_the_display(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(choose(True), LogProgress)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert isinstance(choose(True), TerminalProgress)
    assert type(choose(False)) is progress.Silent
    assert isinstance(choose("log"), LogProgress)
    with pytest.raises(TrainingError, match=r"progress='bars'.*notebook"):
        choose("bars")


def test_history_shows_itself():
    history = History()
    history.epochs = [{"loss": 1.0, "val_loss": 2.0}, {"loss": 0.5, "val_loss": 1.5}]
    history.steps, history.seconds = 20, 1.25
    assert history.metrics == {"loss": 0.5, "val_loss": 1.5}
    assert history["loss"] == [1.0, 0.5]
    assert str(history).splitlines()[-1] == "2 epochs, 20 steps in 1.2 s"
    ElementTree.fromstring(history._repr_html_())
    with pytest.raises(KeyError, match="no measure 'accuracy'; there are loss, val_loss"):
        history["accuracy"]
