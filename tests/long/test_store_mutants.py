"""A hundred thousand damaged and forged files: the right values, or one error.

``JRK_LONG=1 python -m pytest tests/long/test_store_mutants.py -q``; ``JRK_MUTANTS`` sets how many.
The short form is tests/store/test_mutants.py.
"""

import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))
from test_mutants import MOST_GROWN, mutated, whole_file

COUNT = int(os.environ.get("JRK_MUTANTS", "100000"))
pytestmark = [
    pytest.mark.skipif(os.environ.get("JRK_LONG") != "1", reason="takes minutes; set JRK_LONG=1"),
    pytest.mark.skipif(sys.platform == "win32", reason="no limits for processes there"),
]


def test_a_hundred_thousand_mutants_are_right_or_refused(tmp_path, capsys):
    started = time.monotonic()
    told = mutated(whole_file(tmp_path / "whole.jrk.h5"), COUNT)
    with capsys.disabled():
        print(f"\n{dict(told)} in {time.monotonic() - started:.0f} s")
    assert not [each for each in told if each.startswith("bad")]
    assert told["read"] + told["refused"] >= COUNT - 500 and told["grown KB"] < MOST_GROWN
