"""``jrk tune``: what it tells, keeps and takes back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from jairika_nb.bench import tuner
from jairika_nb.bench.tuner import Candidate, Search
from jairika_nb.engine import device as devices
from jairika_nb.engine import tuned
from jairika_nb.engine.pieces import SIZES
from jairika_nb.errors import WordError
from jairika_nb.words import Session, run

QUIET = Session(quiet=True)
QUICKER = replace(SIZES, rows=12, piece=(512, 64))


@pytest.fixture
def driver(tmp_path, monkeypatch):
    found = [d for d in devices.devices() if d.kind == "cpu"]
    if not found:
        pytest.skip("no OpenCL driver for a CPU")
    monkeypatch.setenv("JRK_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tuned, "_chosen", {})
    with devices.using(found[0].id) as chosen:
        yield chosen
    tuned._use(chosen, SIZES)


@pytest.fixture
def searched(monkeypatch):
    shipped = Candidate(SIZES, "final", [0.002, 0.004], 1e-7)
    quicker = Candidate(QUICKER, "final", [0.001, 0.003], 2e-7)
    broken = Candidate(replace(SIZES, rows=4), "final", failed="wrong by 3.0e-01")
    found = Search(([shipped, broken, quicker],), quicker)
    monkeypatch.setattr(tuner, "search", lambda device, **options: found)


def test_the_winner_is_kept_and_shown_until_reset(driver, searched):
    result = run(["tune"], QUIET)
    text, page, data = str(result), result._repr_html_(), json.loads(json.dumps(result.to_json()))
    for part in (
        "rows 12, piece 512 x 64",
        "0.612",
        "2.0e-07",
        "winner",
        "wrong by 3.0e-01",
        "39%",
    ):
        assert part in text and part in page
    assert "in force: rows 12, piece 512 x 64" in text
    assert data["in_force"]["rows"] == 12 and data["winner"]["piece"] == [512, 64]
    assert [each["failed"] for each in data["candidates"]] == [None, "wrong by 3.0e-01", None]
    assert tuned.kept(driver) == QUICKER

    shown = run(["tune", "--show"], QUIET)
    assert ("rows", "12", "8") in shown.rows and shown.to_json()["in_force"]["rows"] == 12

    done = run(["tune", "--reset"], QUIET)
    assert "shipped parameters are in force" in str(done) and tuned.in_force(driver) == SIZES


def test_a_dry_run_keeps_nothing(driver, searched):
    assert "in force: shipped" in str(run(["tune", "--dry-run"], QUIET))
    assert not tuned.path().exists()


def test_where_nothing_wins_the_shipped_ones_come_back(driver, monkeypatch):
    tuned.keep(driver, QUICKER)
    shipped = Candidate(SIZES, "final", [0.002], 1e-7)
    monkeypatch.setattr(tuner, "search", lambda device, **_: Search(([shipped],), shipped))
    assert "nothing is quicker" in str(run(["tune"], QUIET))
    assert tuned.kept(driver) is None


def test_ctrl_c_keeps_what_was_in_force(driver, monkeypatch):
    def stopped(device, **options):
        raise KeyboardInterrupt

    tuned.keep(driver, QUICKER)
    monkeypatch.setattr(tuner, "search", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(["tune"], QUIET)
    assert tuned.kept(driver) == QUICKER


def test_wrong_lines_and_devices_without_parameters(driver):
    with pytest.raises(WordError, match="must be 1 or more"):
        run(["tune", "--rounds", "0"], QUIET)
    with devices.using("reference"), pytest.raises(WordError, match="only products on CPUs"):
        run(["tune"], QUIET)
