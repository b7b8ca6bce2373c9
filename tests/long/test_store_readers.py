"""One writer and 32 readers for ten minutes: no error, nothing torn, no state goes back.

``JRK_LONG=1 python -m pytest tests/long/test_store_readers.py -q``; ``JRK_CROWD_SECONDS`` sets how
long. The short form is in tests/store/test_readers_and_writers.py.
"""

import os
import sys
from pathlib import Path

import pytest

from jairika_nb import store

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))
import crowd

READERS = 32
SECONDS = float(os.environ.get("JRK_CROWD_SECONDS", "600"))
pytestmark = [
    pytest.mark.skipif(os.environ.get("JRK_LONG") != "1", reason="takes minutes; set JRK_LONG=1"),
    pytest.mark.skipif(sys.platform == "win32", reason="processes are forked"),
]


def test_many_readers_for_minutes(tmp_path, capsys):
    told = crowd.crowd(tmp_path / "crowd.jrk.h5", READERS, SECONDS)
    with capsys.disabled():
        print(f"\n{READERS} readers, {SECONDS:.0f} s: {dict(told)}")
    assert not crowd.faults(told)
    assert told["commits"] > SECONDS and told["reads"] > READERS * SECONDS / 20
    assert store.open(tmp_path / "crowd.jrk.h5").verify().ok
