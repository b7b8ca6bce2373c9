"""Pushing to a real Jupyter server: what is missing goes over, and what went two ways is told."""

from __future__ import annotations

import getpass
import json

import h5py
import numpy as np
import pytest
from served import arrays, contents, staged

from jairika_nb import store
from jairika_nb.errors import (
    AddressError,
    Forbidden,
    HeadMoved,
    NotFound,
)
from jairika_nb.store import calling, transfer


def test_a_model_is_made_there_and_goes_on(here, place):
    path, address = place
    here.derive("wide")
    here.tag("v1", "main/PT")
    moved = here.push(address)
    assert moved.iterations == {"main": 2, "wide": 1} and moved.tags == ["v1"]
    with store.open(path, "a") as there:
        assert contents(there) == contents(here) and there.verify().ok
        assert there["wide"].parent == ("main", "PT") and there.current == "main"
        assert there["main"].head.optimizer_state()["m"].tolist() == [1, 1, 1, 1]
        with h5py.File(path) as file:
            shown = file["variants/main/PT/0/weight"][()]
        assert shown.tobytes() == arrays(1)["0.weight"].tobytes()
        assert str(here.push(address)).startswith("nothing new")
        here.commit({**arrays(1), "0.bias": arrays(2)["0.bias"]})
        moved = here.push(address, "main")
        assert moved.iterations == {"main": 1} and moved.bytes == arrays(2)["0.bias"].nbytes
        assert contents(there.refresh()) == contents(here) and there.verify().ok
        there.commit(arrays(5), variant="main")
        here.pull(address)
        assert contents(here) == contents(there)
        assert not staged(path)


def test_one_variant_alone_and_a_name_that_is_none(here, place):
    path, address = place
    here.commit(arrays(3), variant=here.derive("wide").name)
    with pytest.raises(NotFound):
        here.push(address, "wid")
    assert not path.exists()
    assert here.push(address, "wide").iterations == {"wide": 2}
    with store.open(path) as there:
        assert list(there) == ["wide"] and there.current == "wide"
    assert here.push(address).iterations == {"main": 2}


def test_what_went_two_ways_is_refused_and_merged(here, place):
    path, address = place
    here.push(path)
    with store.open(path, "a") as there:
        there.commit({**arrays(1), "0.bias": arrays(7)["0.bias"]})
        here.commit({**arrays(1), "encoder.mask": ~arrays(1)["encoder.mask"]})
        before = contents(there)
        with pytest.raises(HeadMoved, match="merge that, then push"):
            here.push(address)
        assert contents(there.refresh()) == before
        here.pull(address, into="theirs")
        made = here.merge("theirs").iteration
        assert here.push(address, "main").iterations == {"main": 2}
        assert there.refresh()["main"].head.id == made.id and there.verify().ok


def test_the_server_looks_at_the_line_itself(here, place, monkeypatch):
    """A client that leaves out its own check moves no head."""
    path, address = place
    here.push(path)
    with store.open(path, "a") as there:
        there.commit(arrays(7))
        here.commit(arrays(8))
        monkeypatch.setattr(
            transfer, "missing", lambda source, *rest: list(source.iterations("main"))[2:]
        )
        with pytest.raises(HeadMoved, match="different way on the server"):
            here.push(address)
        assert len(there.refresh()["main"]) == 3 and there.verify().ok


def test_a_server_of_one_person_is_that_persons(here, single):
    """An ordinary server: whoever has its token owns what is under its root; bases are found."""
    address = single.address("y.jrk.h5", "one")
    assert here.push(address).iterations == {"main": 2}
    with store.open(single.root / "y.jrk.h5", "a") as there:
        there.allow("nobody", "read")
        assert there.rules.owners == (getpass.getuser(),)
        here.commit(arrays(3))
        assert here.push(address).iterations == {"main": 1}
        there.own("somebody else")
        with pytest.raises(Forbidden):
            here.push(address)
    with pytest.raises(AddressError, match="jupyter server extension list"):
        store.open(address.replace("/user/me/", "/user/"))
    # Without a token given, the running server that Jupyter lists here is asked for it.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(single.runtime))
        patch.delenv("JRK_TOKEN", raising=False)
        calling._tokens.clear()
        with pytest.raises(Forbidden, match="do not let"):
            store.open(single.address("y.jrk.h5", ""))


def test_cold_history_is_read_and_pulled(here, place, tmp_path):
    pytest.importorskip("zstandard")
    path, address = place
    for n in range(4):
        here.commit({**arrays(1), "0.weight": arrays(1)["0.weight"] + np.float32(n)})
    here.push(path)
    with store.open(path, "a") as there:
        there.gc(days=0, cold=True)
    store.clone(address, tmp_path / "clone.jrk.h5")
    with store.open(tmp_path / "clone.jrk.h5") as clone:
        assert contents(clone) == contents(here) and clone.verify().ok
    here.commit(arrays(9))
    assert here.push(address).iterations == {"main": 1}
    with store.open(path) as there:
        assert contents(there) == contents(here) and there.verify().ok


def test_the_words_take_such_addresses(here, place, tmp_path):
    from jairika_nb.words import Session, run

    path, address = place
    mine, other = str(here.path), str(tmp_path / "other.jrk.h5")
    assert "pushed 2 to variant 'main'" in str(run(["push", mine, address], Session()))
    session = Session(variables={})
    assert 'variant: "main"' in str(run(["open", address], session))
    assert "token" not in session.address and "PT" in str(run(["log"], session))
    assert "olga" in str(run(["allow", "bob", "read"], session))
    assert "bob" in str(run(["rules"], session))
    assert "made" in str(run(["pull", other, address], Session()))
    here.commit(arrays(3))
    run(["push", mine, address], Session())
    told = run(["pull", other, address], Session())
    assert "pulled 1" in str(told) and "token" not in json.dumps(told.to_json())
    assert contents(store.open(other)) == contents(here) and path.exists()
