"""The benchmark measures, and shows what it measured in every form."""

from __future__ import annotations

import json

import pytest

from jairika_nb.words import Session, bench, run
from jairika_nb.words.bench import Row, summary


@pytest.fixture(scope="module")
def quick():
    patch = pytest.MonkeyPatch()
    patch.setattr(bench, "STEPS", 4)
    patch.setattr(bench, "LAUNCHES", 200)
    yield run(["bench"], Session(quiet=True))
    patch.undo()


def test_it_measures_import_launches_and_a_step(quick):
    rows = quick.to_json()["rows"]
    assert rows[0]["name"] == "import jairika_nb"
    for row in rows:
        assert 0 < row["least_seconds"] <= row["median_seconds"] < 10
    step = rows[-1]
    assert step["name"].startswith("training step")
    assert ("pytorch_median_seconds" in step) == bool(bench.importlib.util.find_spec("torch"))


def test_it_shows_itself_as_text_page_and_json(quick):
    text, page = str(quick), quick._repr_html_()
    for part in ("import jairika_nb", "training step", "median"):
        assert part in text and part in page
    json.dumps(quick.to_json())
    assert quick.ok


def test_without_pytorch_nothing_is_compared(monkeypatch):
    monkeypatch.setattr(bench, "imported", lambda: Row("import", "ms", (0.1, 0.1)))
    monkeypatch.setattr(bench, "launched", lambda: Row("launch", "us", (2e-6, 1e-6)))
    monkeypatch.setattr(bench, "STEPS", 2)
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: None)
    found = run(["bench"], Session(quiet=True))
    assert "not installed" in str(found) and "ratio" not in found.rows[0]
    assert not any(row[3] for row in found.rows)


def test_a_row_says_how_it_stands():
    row = Row("step", "ms", (0.002, 0.001), peer=(0.003, 0.002), target=0.004)
    assert row.cells() == ("step", "2 ms", "1 ms", "3 ms", "1.50", "at most 4 ms")
    assert summary([5.0, 1.0]) == (3.0, 1.0)
