import asyncio
import time

import numpy as np
import pytest

from jairika_nb import store
from jairika_nb.server import models
from jairika_nb.server import watch as watching
from jairika_nb.server.watch import SCHEMA


@pytest.fixture
def events(jp_serverapp):
    """The events that were emitted so far."""
    seen = []

    async def note(logger, schema_id, data):
        seen.append({k: v for k, v in data.items() if not k.startswith("__")})

    jp_serverapp.event_logger.add_listener(schema_id=SCHEMA, listener=note)
    return seen


@pytest.fixture
def watch(jp_serverapp, monkeypatch):
    monkeypatch.setattr(watching, "RESCAN", 0.0)
    monkeypatch.setattr(models, "REST", 0)
    watch = jp_serverapp.web_app.settings["jairika_nb_watch"]
    yield watch
    watch._timer.stop()


async def until(done, seconds: float = 5.0) -> None:
    stop = time.monotonic() + seconds
    while not done() and time.monotonic() < stop:
        await asyncio.sleep(0.05)


def test_a_commit_is_told_to_who_listens(ask, run, make, events, watch):
    path = make("digits.jrk.h5", "PT")
    before = ask("models")[1]["models"][0]["generation"]
    with store.open(path, "a") as model:
        model.commit({"0.weight": np.ones((2, 3), "f4")}, name="FT")
    run(watch.look())
    run(until(lambda: events))
    assert events == [
        {"action": "changed", "path": "digits.jrk.h5", "generation": before + 1},
    ]


def test_what_changed_before_the_first_look_is_told(ask, run, make, events, watch):
    make("stays.jrk.h5")
    ask("models")
    make("new.jrk.h5")
    run(watch.look())
    run(until(lambda: events))
    assert [(each["action"], each["path"]) for each in events] == [("added", "new.jrk.h5")]


def test_new_and_removed_models_are_told(ask, run, make, events, watch):
    make("stays.jrk.h5")
    ask("models")
    run(watch.look())
    new = make("work/new.jrk.h5")
    run(watch.look())
    new.unlink()
    run(watch.look())
    run(until(lambda: len(events) == 2))
    assert [(each["action"], each["path"]) for each in events] == [
        ("added", "work/new.jrk.h5"),
        ("removed", "work/new.jrk.h5"),
    ]


def test_nothing_is_told_while_nothing_changes(ask, run, make, events, watch):
    make("digits.jrk.h5")
    ask("models")
    for _ in range(3):
        run(watch.look())
    run(asyncio.sleep(0.1))
    assert events == []


def test_looking_starts_with_a_request_and_ends_when_none_come(ask, run, watch, monkeypatch):
    assert not watch._timer.is_running()
    ask("models")
    assert watch._timer.is_running()
    monkeypatch.setattr(watching, "IDLE", -1.0)
    run(watch.look())
    assert not watch._timer.is_running()


def test_the_watch_runs_by_itself(ask, run, make, events, watch):
    path = make("digits.jrk.h5")
    ask("models")
    run(until(lambda: watch._known is not None))
    with store.open(path, "a") as model:
        model.commit({"0.weight": np.ones((2, 3), "f4")}, name="FT")
    run(until(lambda: events))
    assert [each["action"] for each in events] == ["changed"]
