"""Pushes that are cut off, killed or race each other: nothing is lost, doubled or moved wrongly."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from served import Wire, arrays, contents, staged

from jairika_nb import store
from jairika_nb.errors import (
    HeadMoved,
    JairikaError,
    Locked,
)
from jairika_nb.store import calling, delivering, staging, transfer

KILLS = int(os.environ.get("JRK_STORE_KILLS", "1"))


def test_of_two_that_push_at_once_one_wins(here, place, tmp_path):
    path, address = place
    here.push(path)
    others = []
    for seed in (11, 12, 13):
        store.clone(path, tmp_path / f"{seed}.jrk.h5")
        others.append(store.open(tmp_path / f"{seed}.jrk.h5", "a"))
        others[-1].commit(arrays(seed), name=f"of-{seed}")
    told: list = []
    gate = threading.Barrier(len(others))

    def push(model) -> None:
        gate.wait()
        try:
            told.append(model.push(address).iterations)
        except (HeadMoved, Locked) as error:
            told.append(error)

    threads = [threading.Thread(target=push, args=(model,)) for model in others]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each for each in told if isinstance(each, dict)] == [{"main": 1}]
    with store.open(path) as there:
        assert len(there["main"]) == 3 and there.verify().ok
        won = [m for m in others if m["main"].head.id == there["main"].head.id]
        assert len(won) == 1
    for model in others:
        if model not in won:
            with pytest.raises(HeadMoved):
                model.push(address)
        model.close()


def test_a_writer_that_holds_the_lock_is_waited_for_and_named(here, place, monkeypatch):
    path, address = place
    here.push(path)
    here.commit(arrays(3))
    monkeypatch.setattr(calling, "PATIENCE", 0.0)
    holder = (
        "import sys, time; from pathlib import Path; from jairika_nb.store import locks\n"
        "with locks.writing(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(Locked, match=f"process {child.pid}"):
            here.push(address)
        child.kill()
    assert here.push(address).iterations == {"main": 1}


@pytest.fixture
def large(here, monkeypatch):
    """Several iterations that go in several commits, in pieces of 40 kB."""
    monkeypatch.setattr(transfer, "BATCH", 300_000)
    monkeypatch.setattr(staging, "PIECE", 40_000)
    monkeypatch.setattr(delivering, "PIECE", 40_000)
    for n in range(4):
        here.commit(arrays(20 + n), optimizer={"m": np.full(30_000, n, np.float32)})
    return here


def is_blank(model) -> bool:
    """Whether it is a model that was made for a push, before anything was committed to it."""
    return len(model["main"]) == 1 and not model["main"].head.layers


def pushed(model, address) -> None:
    with contextlib.suppress(JairikaError):
        model.push(address)


def test_a_push_that_is_cut_at_any_byte_goes_on(large, place, serving):
    """P15: neither side lost, nothing doubled, the head one of those that were sent."""
    path, _ = place
    wire, chosen = Wire(serving.port), random.Random(7)
    address = serving.address(path.name, port=wire.port)
    wanted, sent, broken = contents(large)["main"], 0, 0
    try:
        while True:
            way, most = chosen.choice([("up", 90_000), ("up", 300_000), ("down", 2500)])
            wire.breaks(**{way: chosen.randrange(200, most)})
            try:
                large.push(address)
                break
            except JairikaError as error:
                assert "token" not in str(error) and broken < 40
                broken += 1
            finally:
                sent += wire.passed["up"]
            if path.exists():
                with store.open(path) as there:
                    part = contents(there)["main"]
                    assert part == wanted[: len(part)] or is_blank(there)
                    assert there.verify().ok
        # Each break costs the pieces that were on their way, and nothing is sent once more.
        assert broken > 3 and sent < 4 * 120_000 + 40_000 + broken * 50_000
        with store.open(path) as there:
            assert contents(there)["main"] == wanted and there.verify().ok
        wire.breaks()
        assert str(large.push(address)).startswith("nothing new")
        assert wire.passed["up"] < 3000 and not staged(path)
    finally:
        wire.close()


def test_a_server_that_is_killed_during_a_push_loses_nothing(large, single):
    """SIGKILL of the server, and a push that goes on with the next one."""
    address, chosen, other = single.address("x.jrk.h5", "one"), random.Random(3), single
    wanted = contents(large)["main"]
    for _ in range(KILLS):
        thread = threading.Thread(target=pushed, args=(large, address))
        thread.start()
        time.sleep(chosen.uniform(0.2, 1.2))
        other.kill()
        thread.join()
        path = other.root / "x.jrk.h5"
        if path.exists():
            with store.open(path) as there:
                part = contents(there)["main"]
                assert part == wanted[: len(part)] or is_blank(there)
        other.start()
    large.push(address)
    with store.open(other.root / "x.jrk.h5") as there:
        assert contents(there)["main"] == wanted and there.verify().ok
