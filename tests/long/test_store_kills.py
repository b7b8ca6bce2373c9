"""Thousands of kills of a committing process: nothing that was acknowledged is lost.

``JRK_LONG=1 python -m pytest tests/long/test_store_kills.py -q``; ``JRK_CRASH_KILLS`` sets how
many, 2,000 by default. The short form is tests/crash.
"""

import os
import sys
import time
from pathlib import Path

import pytest

from jairika_nb.store import isolated

sys.path.insert(0, str(Path(__file__).parents[1] / "crash"))
from killing import differences, kill_at_random

KILLS = int(os.environ.get("JRK_CRASH_KILLS", "2000"))
pytestmark = [
    pytest.mark.skipif(os.environ.get("JRK_LONG") != "1", reason="takes minutes; set JRK_LONG=1"),
    pytest.mark.skipif(sys.platform == "win32", reason="processes are forked"),
]


def test_thousands_of_kills_lose_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(isolated, "differences", differences)
    started = time.monotonic()
    told = kill_at_random(tmp_path, KILLS, "thousands")
    with capsys.disabled():
        print(f"\n{told} in {time.monotonic() - started:.0f} s")
    assert told["in"]["writing"] > KILLS // 20 and told["in"]["making the file"] > 0
