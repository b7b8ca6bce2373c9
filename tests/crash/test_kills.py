"""Kill a committing process at random moments: nothing acknowledged is ever lost.

``JRK_CRASH_KILLS`` sets the count of kills; ``tests/long/test_store_kills.py`` has thousands.
"""

from __future__ import annotations

import os

import pytest
from killing import differences, kill_at_random

from jairika_nb.store import isolated

KILLS = int(os.environ.get("JRK_CRASH_KILLS", "100"))
pytestmark = pytest.mark.crash


def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(isolated, "differences", differences)
    told = kill_at_random(tmp_path, KILLS, "kills")
    with capsys.disabled():
        print(
            f"\n{told['kills']} kills, {told['acknowledged']} acknowledged, {told['lost']} lost; "
            f"they landed: {told['landed']}"
        )
    assert told["in"]["writing"] > 0
