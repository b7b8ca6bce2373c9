"""The benchmark shows what it measured in every form."""

from __future__ import annotations

import json
import math

import pytest

from jairika_nb.bench import WORKLOADS, Outcome
from jairika_nb.bench.roofline import Roofline, measured
from jairika_nb.errors import WordError
from jairika_nb.words import Session, run
from jairika_nb.words.bench_report import Overhead, Report, ratio_of

FAST = Outcome("jairika_nb", WORKLOADS["matmul"], [0.002, 0.001, 0.003], 0.5, 0.1, 1e-7,
               {"bytes": 3 << 22, "launches": 1})  # fmt: skip
SLOW = Outcome("numpy", WORKLOADS["matmul"], [0.004], warm=0.004, error=2e-7)
SLOWER = Outcome("pytorch", WORKLOADS["matmul"], [0.008], warm=0.02, error=3e-7)
BROKEN = Outcome("jax", WORKLOADS["matmul"], failed="RuntimeError: no memory")


@pytest.fixture
def report():
    limits = Roofline(bandwidth=4e10, peak=2e12)
    overhead = [Overhead("import jairika_nb", "ms", [0.2, 0.1], 0.3)]
    return Report("opencl:0", "a processor", limits, overhead, [[FAST, SLOW, SLOWER, BROKEN]])


def test_ratios_are_by_the_fastest_of_the_others(report):
    assert ratio_of([FAST, SLOW, SLOWER]) == 2.0 and report.mean == pytest.approx(2.0)
    assert ratio_of([FAST]) is None and ratio_of([SLOW, BROKEN]) is None


def test_text_page_and_json_hold_the_same(report):
    text, page, data = str(report), report._repr_html_(), json.loads(json.dumps(report.to_json()))
    for part in ("2 ms", "8 ms", "2.00", "54%", "12.0 MiB", "1.0e-07", "no memory", "150 ms"):
        assert part in text and part in page
    workload = data["workloads"][0]
    assert workload["ratio"] == 2.0 and workload["floor_seconds"] == pytest.approx(2**31 / 2e12)
    assert workload["libraries"][0]["cold_first_step_seconds"] == 0.5
    assert workload["libraries"][3] == {"library": "jax", "error": None,
                                        "failed": "RuntimeError: no memory"}  # fmt: skip
    assert data["overhead"][0]["target_seconds"] == 0.3


def test_it_is_drawn(report):
    ax = report.plot()
    assert [patch.get_width() for patch in ax.patches] == pytest.approx([4.0, 2.0])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["matmul"]


def test_the_word_measures(tmp_path):
    picture = tmp_path / "speed.svg"
    line = ["bench", "softmax", "--libraries", "numpy", "--rounds", "1", "--plot", str(picture)]
    report = run(line, Session(quiet=True))
    assert [each.library for each in report.outcomes[0]] == ["jairika_nb", "numpy"]
    assert not math.isnan(report.mean) and picture.read_text().startswith("<?xml")
    assert report.limits.peak > 1e9 and not report.overheads


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["bench", "fast"], "'fast' is no workload; there are mlp, cnn"),
        (["bench", "mlp", "--rounds", "0"], "must be 1 or more"),
        (["bench", "mlp", "--libraries", "keras"], "'keras' is no library"),
        (["bench", "mlp", "--plot", "nowhere/at/all.png"], "does not exist"),
    ],
)
def test_bad_input_is_told_before_anything_is_measured(line, told):
    with pytest.raises(WordError, match=told):
        run(line, Session(quiet=True))


def test_the_limits_are_those_of_this_machine():
    limits = measured(side=256, numbers=1 << 16)
    assert 1e8 < limits.bandwidth < 1e13 and 1e8 < limits.peak < 1e15
