"""The tuner: wrong candidates are not timed, the quickest wins, small gains count for nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from jairika_nb.bench import tuner
from jairika_nb.bench.tuner import Candidate, search
from jairika_nb.engine import device as devices
from jairika_nb.engine import tuned
from jairika_nb.engine.pieces import SIZES

SHAPES = ((40, 36, 300, "nn"), (40, 36, 300, "tt"))
FEW = {"rows": (8, 4), "columns": (32,), "sums": (512, 256), "shares": (8, 2)}


@pytest.fixture
def driver(monkeypatch):
    found = [d for d in devices.devices() if d.kind == "cpu"]
    if not found:
        pytest.skip("no OpenCL driver for a CPU")
    monkeypatch.setattr(tuner, "CHOICES", FEW)
    monkeypatch.setattr(tuned, "_chosen", {found[0]: SIZES})
    with devices.using(found[0].id) as chosen:
        yield chosen
    tuned._use(chosen, SIZES)


def clock(seconds):
    """Times of candidates, instead of what this machine happens to do: by what is in force."""

    def stage(name, choices, device, problems, rounds, say):
        found = [Candidate(each, name) for each in dict.fromkeys([SIZES, *choices])]
        for each in found:
            each.seconds = [seconds(each.sizes)] * len(problems)
        return found

    return stage


def test_every_candidate_is_measured_and_right(driver):
    told = []
    found = search(driver, rounds=1, shapes=SHAPES, say=told.append)
    first, second, final = found.stages
    assert [each.sizes.rows for each in first] == [8, 4]
    assert {each.sizes for each in second} >= {
        replace(SIZES, rows=min(first, key=lambda c: c.ratio(first[0])).sizes.rows, sums=256)
    }
    for each in (*first, *second, *final):
        assert not each.failed and each.error < 2e-6 and len(each.seconds) == len(SHAPES)
        assert all(0 < seconds < 10 for seconds in each.seconds)
    assert found.winner in final and found.shipped.sizes == SIZES
    assert told[0] == "tile: building and checking 2 candidates" and "cut: round 1 of 1" in told
    assert tuned.in_force(driver) == SIZES  # nothing stays behind


def test_the_best_values_together_win(driver, monkeypatch):
    def seconds(sizes):  # 8 shares and shorter sums are quicker, each by itself and together
        return (0.5 if sizes.rows == 4 else 1) + sizes.sums / 1e4 + (sizes.shares == 2) / 10

    monkeypatch.setattr(tuner, "_stage", clock(seconds))
    found = search(driver, shapes=SHAPES)
    assert found.winner.changes == {"rows": 4, "sums": 256}
    assert found.winner.ratio(found.shipped) == pytest.approx(0.5256 / 1.0512)


@pytest.mark.parametrize(("gain", "wins"), [(0.02, False), (0.05, True)])
def test_a_small_gain_is_chance(driver, monkeypatch, gain, wins):
    monkeypatch.setattr(tuner, "_stage", clock(lambda s: 1 - gain * (s.rows == 4)))
    found = search(driver, shapes=SHAPES)
    assert found.winner.changes == ({"rows": 4} if wins else {})


def test_wrong_numbers_are_never_timed(driver, monkeypatch):
    right = tuner._problem

    def wrong(*shape):
        problem = right(*shape)
        return replace(problem, expected=problem.expected + np.float64(1e-3))

    monkeypatch.setattr(tuner, "_problem", wrong)
    monkeypatch.setattr(tuner, "_timed", lambda step: pytest.fail("timed"))
    found = search(driver, rounds=1, shapes=SHAPES[:1])
    assert all(each.failed.startswith("wrong by") for stage in found.stages for each in stage)
    assert found.winner is found.shipped and math.isnan(found.winner.ratio(found.shipped))
