"""Displays: a log without control characters, a terminal line, static notebook HTML."""

import io
import itertools
import math
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from jairika_nb.errors import TrainingError
from jairika_nb.train import progress
from jairika_nb.train import standing as standing_clock
from jairika_nb.train.charts import charts
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
    assert chart.get("aria-label") == "loss: steps 1 to 0.1667"
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
def test_a_chart_needs_two_finite_points(values, empty):
    assert (charts([{"loss": value} for value in values]) == "") is empty


def test_a_chart_stays_in_its_frame_and_small():
    svg = ElementTree.fromstring(charts([{"loss": math.sin(i)} for i in range(100_000)]))
    (line,) = svg.iter("polyline")
    points = [tuple(map(float, p.split(","))) for p in line.get("points").split()]
    assert 100 <= len(points) <= 200
    assert all(46 <= x <= 280 and 22 <= y <= 140 for x, y in points)


def test_each_measure_has_a_chart_of_training_against_validation():
    rows = [
        {"loss": 4.0, "accuracy": 0.5, "val_loss": 5.0, "val_accuracy": 0.25},
        {"loss": 1.0, "accuracy": 0.75, "val_loss": 2.0, "val_accuracy": 0.5},
    ]
    tree = ElementTree.fromstring(charts(rows, losses=[6.0, 3.0, 2.0, 1.0], epochs=4))
    labels = [svg.get("aria-label") for svg in tree.iter("svg")]
    assert labels == [
        "loss: steps 6 to 1, training 4 to 1, validation 5 to 2",
        "accuracy: training 0.5 to 0.75, validation 0.25 to 0.5",
    ]
    loss = next(tree.iter("svg"))
    steps, training, validation = (
        [tuple(map(float, p.split(","))) for p in line.get("points").split()]
        for line in loss.iter("polyline")
    )
    # Two of four epochs fill half of the width; higher losses stand higher.
    middle = 46 + (290 - 46 - 10) / 2
    assert training[-1][0] == validation[-1][0] == pytest.approx(middle, abs=0.1)
    assert max(x for x, _ in steps) < middle
    assert validation[0][1] < training[0][1]
    assert steps[0][1] == pytest.approx(22)


def test_what_falls_by_powers_of_ten_is_shown_on_a_logarithmic_scale():
    svg = charts([{"loss": 10.0**-i} for i in range(5)])
    assert "loss (logarithmic)" in svg
    (line,) = ElementTree.fromstring(svg).iter("polyline")
    heights = [float(p.split(",")[1]) for p in line.get("points").split()]
    steps = [b - a for a, b in itertools.pairwise(heights)]
    assert steps == pytest.approx([steps[0]] * 4, abs=0.2)
    assert "logarithmic" not in charts([{"loss": 10.0**-i} for i in range(-1, 1)])
    assert "logarithmic" not in charts([{"loss": 100.0}, {"loss": -1.0}])


def test_names_of_measures_are_text():
    tree = ElementTree.fromstring(charts([{"a<b&'": 1.0}, {"a<b&'": 2.0}]))
    assert "a<b&'" in "".join(tree.itertext())


def test_a_run_that_failed_says_why():
    standing = Standing(2, 3, state="failed", error="TrainingError: <nan>")
    assert "TrainingError: <nan>" in "".join(ElementTree.fromstring(html(standing)).itertext())


def test_time_left_of_a_run_that_goes_on_counts_its_own_steps(monkeypatch):
    monkeypatch.setattr(standing_clock.time, "perf_counter", lambda: 110.0)
    standing = Standing(4, 10, epoch=3, step=0, started=100.0, share_at_start=0.5)
    assert standing.remaining == pytest.approx(10.0)


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
