"""A model file of two small iterations."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from jairika_nb import store

# The tests share plain modules with programs they run in other processes.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Path:
    """A folder of settings of the test's own, and passphrases that cost little to stretch."""
    from jairika_nb.store import keyring

    monkeypatch.setenv("JRK_CONFIG_DIR", str(tmp_path / "config"))
    for name in ("JRK_KEY", "JRK_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(keyring, "COST", 1 << 4)
    return tmp_path / "config"


@pytest.fixture
def alice(settings):
    """A key of the user's own."""
    from jairika_nb.store import keys

    return keys.new("alice")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a model may be made."""
    return tmp_path / "chat.jrk.h5"


@pytest.fixture
def model(path: Path):
    """A model with ``main``: ``prime`` of seed 0 and ``PT`` of seed 1."""
    from states import FIRST, SECOND, arrays

    with store.init(path, time=FIRST) as model:
        model.commit(arrays(0), time=FIRST, metrics={"loss": 0.5}, message="from scratch")
        model.commit(arrays(1), name="PT", time=SECOND, metrics={"loss": 0.25})
        yield model
