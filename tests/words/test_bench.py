"""The benchmark shows what it measured in every form."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from jairika_nb import bench
from jairika_nb.bench import OPERATIONS, WORKLOADS, Outcome, roofline
from jairika_nb.bench.operations import BANDWIDTH, PEAK, workload
from jairika_nb.bench.roofline import Roofline
from jairika_nb.errors import WordError
from jairika_nb.words import Session, run
from jairika_nb.words.bench_report import OURS, Overhead, Report, ratio_of

FAST = Outcome("jairika_nb", WORKLOADS["matmul"], [0.002, 0.001, 0.003], 0.5, 0.1, 1e-7,
               {"bytes": 3 << 22, "launches": 1})  # fmt: skip
SLOW = Outcome("numpy", WORKLOADS["matmul"], [0.004], warm=0.004, error=2e-7)
SLOWER = Outcome("pytorch", WORKLOADS["matmul"], [0.008], warm=0.02, error=3e-7)
BROKEN = Outcome("jax", WORKLOADS["matmul"], failed="RuntimeError: no memory")


@pytest.fixture
def report():
    limits = Roofline({0: 4e10, 1 / 3: 5e10}, peak=2e12, by=("jax", "loops", "numpy"))
    overhead = [Overhead("import jairika_nb", "ms", [0.2, 0.1], 0.3)]
    return Report("opencl:0", "a processor", limits, overhead, [[FAST, SLOW, SLOWER, BROKEN]])


def test_ratios_are_by_the_fastest_of_the_others(report):
    assert ratio_of([FAST, SLOW, SLOWER]) == 2.0 and report.mean == pytest.approx(2.0)
    assert ratio_of([FAST]) is None and ratio_of([SLOW, BROKEN]) is None


def test_who_computes_something_else_does_not_count(report):
    wrong = dataclasses.replace(SLOW, error=1.0)
    assert ratio_of([FAST, wrong, SLOWER]) == 4.0 and ratio_of([FAST, wrong]) is None
    found = dataclasses.replace(report, outcomes=[[FAST, wrong, SLOWER]])
    assert "matmul: numpy gives other numbers" in str(found) and "other numbers" not in str(report)


def test_text_page_and_json_hold_the_same(report):
    text, page, data = str(report), report._repr_html_(), json.loads(json.dumps(report.to_json()))
    for part in ("2 ms", "8 ms", "2.00", "54%", "12.0 MiB", "1.0e-07", "no memory", "150 ms",
                 "1074 GFLOP/s", "40 GB/s reading (jax), 50 GB/s writing 1/3 (loops)",
                 "2000 GFLOP/s (numpy)"):  # fmt: skip
        assert part in text and part in page
    row = data["workloads"][0]
    assert row["ratio"] == 2.0 and row["floor_seconds"] == pytest.approx(2**31 / 2e12)
    assert row["libraries"][0]["cold_first_step_seconds"] == 0.5
    assert row["libraries"][3] == {"library": "jax", "error": None,
                                        "failed": "RuntimeError: no memory"}  # fmt: skip
    assert data["overhead"][0]["target_seconds"] == 0.3


def test_it_is_drawn(report):
    ax = report.plot()
    assert [patch.get_width() for patch in ax.patches] == pytest.approx([4.0, 2.0])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["matmul"]


def test_the_word_measures(tmp_path, monkeypatch):
    monkeypatch.setattr(roofline, "measured", lambda **_: Roofline({0: 4e10}, 3e11))
    picture = tmp_path / "speed.svg"
    line = ["bench", "softmax", "--libraries", "numpy", "--rounds", "1", "--plot", str(picture)]
    report = run(line, Session(quiet=True))
    assert [each.library for each in report.outcomes[0]] == ["jairika_nb", "numpy"]
    assert not math.isnan(report.mean) and picture.read_text().startswith("<?xml")
    assert not report.overheads


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


def made(name, library, seconds):
    return Outcome(library, workload(name), [seconds])


def test_the_limits_are_the_best_of_all_libraries_and_of_plain_loops(monkeypatch):
    scale, triad, total, product = (workload(name) for name in (*BANDWIDTH, *PEAK))
    found = [
        [made("scale", "numpy", 0.5)],
        [made("triad", "numpy", 2.0), made("triad", "jax", 1.0)],
        [made("sum", "numpy", 0.25), Outcome("jax", total, failed="no memory")],
        [made("matmul-2048", "pytorch", 0.5), made("matmul-2048", "jairika_nb", 0.1)],
    ]
    monkeypatch.setattr(roofline, "measure_together", lambda names, libraries, **_: found)
    loops = {0: 1e8, 1 / 3: 1e9, 1 / 2: 1e8}
    monkeypatch.setattr(roofline.streams, "rates", lambda device: loops)
    limits = roofline.measured(device="opencl:0")
    assert limits.bandwidths == {0: 4 * total.bytes, 1 / 3: 1e9, 1 / 2: 2 * scale.bytes}
    assert limits.peak == product.flops / 0.1
    assert limits.by == ("numpy", "loops", "numpy", "jairika_nb")
    alone = roofline.measured(device="reference")
    assert alone.bandwidths[1 / 3] == triad.bytes


def test_a_limit_is_that_of_what_reads_and_writes_alike():
    limits = Roofline({0: 1e9, 1 / 3: 2e9, 1 / 2: 4e9}, peak=1e15)
    rates = {"sum": 1e9, "sum-columns": 1e9, "chain": 1e9, "cross-entropy": 1e9, "triad": 2e9,
             "add": 2e9, "softmax-grad": 2e9, "scale": 4e9, "exp": 4e9, "softmax": 4e9,
             "adam": 4e9}  # fmt: skip
    for name, rate in rates.items():
        assert limits.bandwidth(workload(name)) == rate, name
        assert limits.floor(workload(name)) == pytest.approx(workload(name).bytes / rate)


def test_the_limits_are_those_of_this_machine():
    limits = roofline.measured(["numpy"], rounds=1)
    assert set(limits.bandwidths) == {0, 1 / 3, 1 / 2} and len(limits.by) == 4
    assert all(1e8 < rate < 1e13 for rate in limits.bandwidths.values())
    assert 1e8 < limits.peak < 1e15


def test_operations_have_a_table_and_ctrl_c_keeps_what_was_measured(monkeypatch):
    def interrupted(names, libraries, **options):
        assert names == list(OPERATIONS) and libraries is None
        yield [made("matmul-1024", OURS, 0.010), made("matmul-1024", "jax", 0.011)]
        yield [made("dense-gelu-1024", OURS, 0.0102), made("dense-gelu-1024", "jax", 0.012)]
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "measure_together", interrupted)
    monkeypatch.setattr(roofline, "measured", lambda **_: Roofline({0: 4e10}, 3e11))
    found = run(["bench", "ops"], Session(quiet=True))
    assert not found.ok and f"stopped after 2 of {len(OPERATIONS)} workloads" in str(found)
    assert "bias and GELU cost 2.0% of the bare product" in found._repr_html_()
    assert found.to_json()["stopped"] and found.mean == pytest.approx((1.1 * 12 / 10.2) ** 0.5)


def test_ctrl_c_before_anything_was_measured_ends_it(monkeypatch):
    def interrupted(names, libraries, **options):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(bench, "measure_together", interrupted)
    monkeypatch.setattr(roofline, "measured", lambda **_: Roofline({0: 4e10}, 3e11))
    with pytest.raises(KeyboardInterrupt):
        run(["bench", "ops"], Session(quiet=True))
