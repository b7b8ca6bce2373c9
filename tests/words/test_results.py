"""Results: text, HTML that escapes, JSON that survives a round trip."""

import json

from jairika_nb.words import Session, run
from jairika_nb.words.results import Done, Sheet, aligned

HOSTILE = "<img src=x onerror=alert(1)>"


def test_text_from_outside_is_escaped_in_every_result():
    results = [
        Done(HOSTILE, {}, HOSTILE),
        Sheet(HOSTILE, (HOSTILE,), ((HOSTILE,),), None, (HOSTILE,)),
    ]
    for result in results:
        page = result._repr_html_()
        assert "<img" not in page
        assert "&lt;img src=x" in page


def test_html_is_static_and_themed_with_fallbacks():
    page = run(["--help"], Session())._repr_html_()
    assert "<script" not in page
    assert "var(--jp-ui-font-color1, currentColor)" in page
    assert page.count("var(") == page.count("var(--jp-")


def test_help_round_trips_as_json():
    result = run(["commit", "-h"], Session())
    assert json.loads(json.dumps(result.to_json())) == result.to_json()
    assert result.to_json()["usage"].startswith("jrk commit ADDRESS NET")


def test_columns_stand_under_each_other_and_empty_ones_are_left_out():
    assert aligned(("a", "empty", "c"), (("longer", "", "1"), ("x", "", "22"))) == [
        "a       c",
        "longer  1",
        "x       22",
    ]
