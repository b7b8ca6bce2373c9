"""Tables as people see them: numbers under each other, titles on one line, nothing unescaped."""

from __future__ import annotations

import re

from jairika_nb.store.tables import markup, table_html

ROWS = (("iteration-6", "12", "495654b5ac", "a < b", ""), ("7", "1,234", "1234567890", "", ""))
COLUMNS = ("iteration", "bytes", "id", "message", "empty")


def classes(html: str, text: str) -> list[str]:
    return re.search(rf'class="([^"]*)">{re.escape(text)}<', html)[1].split()


def test_numbers_are_aligned_by_their_last_digit_and_names_are_not():
    html = markup("", COLUMNS, ROWS)
    assert classes(html, "1,234") == classes(html, "bytes") == ["jrk-short", "jrk-number"]
    for name in ("7", "1234567890", "id"):
        assert classes(html, name) == ["jrk-short"]
    for number in ("-0.5", "1e-05", "3 %", "2.5 MiB", "12 ms", "1.5x"):
        assert "jrk-number" in markup("", ("what", "size"), (("a", number),))
    for other in ("2026-11-28T10:57:04Z", "a", "1 of 2", "4 layers"):
        assert "jrk-number" not in markup("", ("what", "size"), (("a", other),))


def test_short_words_are_not_broken_and_long_texts_are():
    html = markup("", ("a", "b"), (("2026-11-28T10:57:04Z", "word " * 9),))
    assert classes(html, "2026-11-28T10:57:04Z") == ["jrk-short"]
    assert classes(html, "word " * 9) == []


def test_columns_without_content_are_left_out_and_text_is_escaped():
    html = table_html("a & b", COLUMNS, ROWS, "<note>")
    assert "empty" not in html and "a &lt; b" in html and "&lt;note&gt;" in html
    assert '<p class="jrk-caption">a &amp; b</p><table aria-label="a &amp; b">' in html
    assert "<table" not in table_html("nothing", COLUMNS, ())
