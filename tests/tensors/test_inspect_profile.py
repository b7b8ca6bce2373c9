"""What a profile counts: launches, compiles, bytes and operations that can be known beforehand."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.tensors.inspect.profile import KernelRun, Row
from jairika_nb.tensors.inspect.timeline import timeline


@pytest.fixture
def opencl(device):
    if device.is_reference:
        pytest.skip("the reference launches nothing")
    return device


def test_a_profile_counts_launches_bytes_and_operations(opencl):
    x = jrk.tensor(np.ones(1000, np.float32))
    with jrk.profile() as p:
        for _ in range(3):
            (x * 3.5 + 1).realize()
    assert p.launches == 3 == len(p.kernels)
    (row,) = p.rows()
    assert row.launches == 3 and row.bytes == 3 * 2 * 4000 and row.flops == 3 * 2 * 1000
    assert row.seconds == pytest.approx(sum(k.seconds for k in p.kernels))
    assert all(k.seconds > 0 and "kernel " in k.source for k in p.kernels)
    assert {k.device for k in p.kernels} == {opencl.id}


def test_starts_follow_each_other_and_lie_within_the_block(opencl):
    x = jrk.tensor(np.ones(200_000, np.float32))
    with jrk.profile() as p:
        for _ in range(5):
            x = (x * 1.01).realize()
    starts = [k.start for k in p.kernels]
    assert starts[0] == 0 and starts == sorted(starts)
    assert p.kernels[-1].start + p.kernels[-1].seconds <= p.seconds


def test_a_second_run_compiles_nothing(opencl):
    x = jrk.tensor(np.ones(77, np.float32))
    with jrk.profile() as first:
        (x.tanh() * 1.23456).realize()
    with jrk.profile() as second:
        (x.tanh() * 1.23456).realize()
    assert first.compiles <= 1 and second.compiles == 0
    assert second.launches == 1


def test_peak_bytes_see_what_is_alive_at_once(opencl):
    x = jrk.tensor(np.ones(1 << 20, np.float32))
    with jrk.profile() as p:
        y = (x + 1).realize()
    assert p.peak_bytes >= x.nbytes + y.nbytes


def test_what_numpy_computes_is_told_apart(opencl):
    x = jrk.tensor(np.eye(8, dtype=np.float32) * 2)
    with jrk.profile() as p:
        got = (jrk.linalg.inv(x * 2) + 1).numpy()
    np.testing.assert_allclose(got, np.eye(8) / 4 + 1)
    (step,) = p.host
    assert step.device == "host" and "inv" in step.name and step.seconds > 0
    assert p.launches == 2 and all("inv" not in k.name for k in p.kernels)
    assert "1 step on the host" in p.summary and "host_inv" in str(p)


def test_profiles_nest(opencl):
    x = jrk.tensor([1.0])
    with jrk.profile() as outer:
        (x + 1).realize()
        with jrk.profile() as inner:
            (x * 2).realize()
    assert (outer.launches, inner.launches) == (2, 1)


def test_a_profile_ends_where_the_block_fails(opencl):
    with pytest.raises(ZeroDivisionError), jrk.profile() as p:
        _ = 1 / 0
    (jrk.tensor([1.0]) + 1).realize()
    assert p.launches == 0


def test_an_empty_profile_says_so():
    with jrk.profile() as p:
        pass
    assert "no kernel ran" in str(p) and "no kernel ran" in p._repr_html_()
    assert p.to_json()["kernels"] == []


def test_the_table_sums_up_and_shares_add_to_all(opencl):
    x = jrk.tensor(np.ones((64, 64), np.float32))
    with jrk.profile() as p:
        jrk.eval((x @ x).sum(axis=0), x.exp())
    head, *rows = [re.split(r"  +", line.strip()) for line in str(p).splitlines()[1:]]
    assert head[:4] == ["kernel", "launches", "time", "share"]
    assert sum(float(row[3].rstrip("%")) for row in rows[:-1]) == pytest.approx(100, abs=0.5)
    assert rows[-1][0] == "all" and int(rows[-1][1]) == p.launches


def runs(count: int, device: str = "opencl:0", name: str = "map_{}") -> list[KernelRun]:
    return [KernelRun(name.format(i % 3), 1e-6, 8, 2, "", i * 2e-6, device) for i in range(count)]


def svg_of(rows: list[KernelRun]) -> str:
    html = timeline(rows, [r.name for r in rows])
    return base64.b64decode(re.search(r"base64,([^\"]+)", html)[1]).decode()


def test_each_device_has_a_lane():
    svg = svg_of(runs(4) + runs(4, "opencl:1"))
    assert ">opencl:0<" in svg and ">opencl:1<" in svg
    bars = re.findall(r'<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="20', svg)
    assert len(bars) == 8 and len(set(bars)) == 2


def test_many_launches_stay_a_small_picture():
    few, many = svg_of(runs(10)), svg_of(runs(20_000))
    assert len(many) < 300_000
    assert few.count("<rect") == 10 + 3  # the bars, and the legend's squares
    assert 650 < many.count("<rect") < 1000


def test_kernels_beyond_the_colours_share_one():
    svg = svg_of([KernelRun(f"k{i}", 1e-6, 8, 2, "", i * 2e-6, "d") for i in range(20)])
    assert "12 other kernels" in svg


def test_rates_are_bytes_and_operations_over_time():
    row = Row("k", launches=2, seconds=0.5, bytes=3_000_000_000, flops=1_000_000_000)
    cells = row.cells(total=2.0)
    assert cells[1:4] == ("2", "500 ms", "25.0%")
    assert cells[5] == "6" and cells[7] == "2" and cells[8] == "0.333"
