"""``jrk bench store`` on sizes that take no time: each row is there and adds up."""

from __future__ import annotations

import json

import pytest

from jairika_nb.errors import WordError
from jairika_nb.words import Session, bench_cold, bench_networks, bench_store, run


def test_the_rows_of_bench_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "EACH": 1000,
        "LARGE": 2000,
        "LONG": 300,
        "ITERATIONS": 4,
        "LAYER": 5000,
    }.items():
        monkeypatch.setattr(bench_store, name, value)
    pytest.importorskip("zstandard")
    monkeypatch.setattr(bench_cold, "STEPS", 3)
    monkeypatch.setattr(bench_cold, "STEPPED", 50_000)
    monkeypatch.setattr(bench_networks, "DEEP", 2)
    monkeypatch.setattr(bench_networks, "WIDTH", 8)
    result = run(["bench", "store"], Session(quiet=True))
    rows = json.loads(json.dumps(result.to_json()))["rows"]
    assert len(rows) == len(result.rows) == 13
    assert all(row["median_seconds"] >= row["least_seconds"] > 0 for row in rows[:-2])
    assert rows[0]["ratio"] > 0 and 1 < rows[-2]["ratio"] < 2 and 0.6 < rows[-1]["ratio"] < 0.9
    assert "load 2 layers, 0 MiB, lazy" in str(result)
    assert "write and sync" in str(result) and not list(tmp_path.iterdir())


def test_what_else_it_measures():
    with pytest.raises(WordError, match="'disk' is no workload"):
        run(["bench", "disk"], Session())
