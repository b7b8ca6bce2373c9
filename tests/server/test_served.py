"""Models read through a real Jupyter server: the same as the file, as far as one may see it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from served import Wire, arrays, ask, contents

from jairika_nb import store
from jairika_nb.errors import AddressError, Damaged, Forbidden, JairikaError, NoSuchFile, ReadOnly
from jairika_nb.store import calling


@pytest.fixture
def model(serving, request):
    """A model under the root of the server, with two variants."""
    path = serving.root / f"{abs(hash(request.node.name))}.jrk.h5"
    with store.init(path) as made:
        made.commit(arrays(0), metrics={"loss": 0.5}, message="first")
        made.commit(arrays(1), name="PT", optimizer={"m": np.ones(4)})
        made.derive("wide")
        made.tag("v1", "main/PT")
        made.commit({**arrays(1), "0.bias": arrays(2)["0.bias"]}, variant="wide")
        yield made


def test_a_served_model_is_the_model(serving, model, tmp_path):
    address = serving.address(model.path.name)
    with store.open(address) as served:
        assert contents(served) == contents(model)
        assert served.log()[0].metrics == model.log()[0].metrics
        assert [each.message for each in served.log()] == [each.message for each in model.log()]
        assert served["wide"].parent == ("main", "PT") and list(served.tags) == ["v1"]
        assert served["main"].head.optimizer_state()["m"].tolist() == [1, 1, 1, 1]
        assert served.diff("main", "wide").layers and served.verify().ok
        assert not served.rules and served.reflog() == ()
        lazy = served["main"].head.arrays(lazy=True)
        assert lazy["0.weight"].tobytes() == arrays(1)["0.weight"].tobytes()
        with pytest.raises(ReadOnly):
            served.commit(arrays(3))
        model.commit(arrays(4))
        assert served.refresh()["main"].head.id == model["main"].head.id
    with pytest.raises(ReadOnly):
        store.open(address, "a")
    store.clone(address, tmp_path / "clone.jrk.h5")
    with store.open(tmp_path / "clone.jrk.h5", "a") as clone:
        assert contents(clone) == contents(model) and clone.verify().ok
        model.commit(arrays(5))
        assert clone.pull(address).iterations == {"main": 1}
        assert contents(clone) == contents(model)


def test_requests_are_few(serving, model, monkeypatch):
    """P19: a listing in at most 3 requests, one layer in at most 4 and its parameters."""
    asked = []
    once = calling.Server._once
    monkeypatch.setattr(
        calling.Server, "_once", lambda self, *rest: asked.append(rest[0]) or once(self, *rest)
    )
    with store.open(serving.address(model.path.name)) as served:
        served.info()
        assert len(asked) <= 3
        asked.clear()
        lazy = served["main"].head.arrays(lazy=True)
        assert lazy["0.weight"].size and lazy["0.bias"].size and len(asked) <= 4 + 2
        asked.clear()
        served["wide"].head.arrays()
        assert len(asked) <= 3


def test_a_token_is_needed_and_never_shown(serving, model, monkeypatch):
    monkeypatch.delenv("JRK_TOKEN", raising=False)
    calling._tokens.clear()
    name = model.path.name
    for user in ("", "mallory"):
        with pytest.raises(Forbidden, match="sign in") as told:
            store.open(serving.address(name, user))
        assert "mallory" not in str(told.value)
    calling._tokens.clear()
    monkeypatch.setenv("JRK_TOKEN", "token-bob")
    with store.open(serving.address(name, "")) as served:
        assert served._reader.who == "bob"
    with store.open(serving.address(name, "ann")) as served:
        assert served._reader.who == "ann"
        shown = [served, served.path, served.address, served.info(), served["main"].head]
        shown += [served._reader.path, served._reader.server.url]
        assert "token-ann" not in "".join(map(repr, shown)) + "".join(map(str, shown))
        # What a notebook keeps as the address in use leads there again.
        assert store.open(served.address)._reader.who == "ann"
    with pytest.raises(NoSuchFile) as told:
        store.open(serving.address("none.jrk.h5", "ann"))
    assert "token" not in str(told.value)


def test_what_is_not_there(serving, model):
    with pytest.raises(NoSuchFile):
        store.open(serving.address("none.jrk.h5"))
    (serving.root / "text.jrk.h5").write_text("no model" * 1000)
    with pytest.raises(AddressError, match="not an HDF5 file"):
        store.open(serving.address("text.jrk.h5"))
    with pytest.raises(JairikaError, match="check the address"):
        store.open(f"jrk+http://127.0.0.1:9/{model.path.name}")
    with pytest.raises(JairikaError, match="must not leave"):
        store.open(serving.address("a/../../x.jrk.h5"))
    with pytest.raises(AddressError):
        store.open("jrk+http:///x.jrk.h5")


GLOBS = {"main": "main", "wide/*": "wide", "*/PT": "*/PT", "*/*/0": "*/*/0", "*": "*"}


@pytest.mark.parametrize("glob", GLOBS)
def test_what_a_rule_shows_is_what_the_view_shows(serving, model, glob):
    """P16 at the server: its answers are those of the same rules in this process, path by path."""
    model.allow("bob", "read", GLOBS[glob])
    model.deny("bob", "read", "*/*/encoder")
    model.own("olga")
    with (
        store.open(serving.address(model.path.name, "bob")) as served,
        store.open(model.path, as_="bob") as view,
    ):
        assert list(served) == list(view) and served.current == view.current
        assert list(served.tags) == list(view.tags)
        for variant in view:
            assert served[variant].iterations == view[variant].iterations
            for name in view[variant]:
                mine, theirs = view[variant][name].arrays(lazy=True), served[variant][name]
                for each in mine:
                    if each == "empty.none":
                        continue  # of no bytes there is nothing to ask for
                    try:
                        wanted = mine[each].tobytes()
                    except Forbidden:
                        with pytest.raises(Forbidden, match="bob"):
                            theirs.arrays(lazy=True)[each]
                    else:
                        assert theirs.arrays(lazy=True)[each].tobytes() == wanted
        with pytest.raises(Forbidden, match="encoder"):
            served[next(iter(served))].head.arrays()
        with pytest.raises(Forbidden, match="read-policy"):
            _ = served.rules
    with pytest.raises(Forbidden, match="'ann' read"):
        store.open(serving.address(model.path.name, "ann"))
    with store.open(serving.address(model.path.name, "olga")) as hers:
        assert contents(hers) == contents(model) and hers.rules.owners == ("olga",)


def test_an_iteration_that_is_partly_shut_is_not_cloned(serving, model, tmp_path):
    model.allow("bob", "read", "*/*/0")
    with pytest.raises(Forbidden, match="bob"):
        store.clone(serving.address(model.path.name, "bob"), tmp_path / "x.jrk.h5")
    assert not (tmp_path / "x.jrk.h5").exists()


def test_hostile_requests_are_refused(serving, model):
    path = model.path.name
    head = model["main"].head
    objects = [each.digest for each in head.tensors]
    whole = {"path": path, "iteration": head.id, "objects": objects}
    assert ask(serving, "objects", body=whole)[0] == 200
    for change, status in (
        ({"path": "../" + path}, 400),
        ({"path": "/etc/passwd"}, 400),
        ({"path": None}, 400),
        ({"path": [path]}, 400),
        ({"path": "none.jrk.h5"}, 404),
        ({"iteration": "0" * 64}, 409),
        ({"iteration": {}}, 409),
        ({"objects": []}, 400),
        ({"objects": objects * 1000}, 400),
        ({"objects": ["0" * 64]}, 409),
        ({"objects": [7]}, 400),
        ({"objects": "all"}, 400),
    ):
        found, told = ask(serving, "objects", body={**whole, **change})
        assert found == status and told["message"] and "Traceback" not in told["message"], change
    for records in ([["x", "manifest"]], [[head.id, "architecture"]]):
        assert ask(serving, "records", body={"path": path, "records": records})[0] == 409
    for records in (None, [[head.id]], [[head.id, "catalogue"]], [[head.id, "meta"]] * 1001):
        assert ask(serving, "records", body={"path": path, "records": records})[0] == 400
    for body in (b"no JSON", b"[]", b"\xff", b"[" * 100_000):
        assert ask(serving, "records", body=body)[0] == 400
    assert ask(serving, "records", body=b" " * (5 << 20))[0] == 413
    for user in ("", "mallory"):
        for endpoint in ("objects", "records"):
            assert ask(serving, endpoint, user, body=whole)[0] == 403
        for endpoint in ("catalogue", "rules", "tree"):
            assert ask(serving, endpoint, user, path=path)[0] == 403


def test_an_array_is_only_had_through_an_iteration_and_a_layer_that_may_be_read(serving, model):
    model.allow("bob", "read", "wide/*/0")
    path, main, wide = model.path.name, model["main"]["prime"], model["wide"].head
    named = {each.name: each.digest for each in wide.tensors}
    own = {"path": path, "iteration": wide.id, "objects": [named["0.bias"]]}
    assert ask(serving, "objects", body=own)[0] == 200
    assert ask(serving, "objects", body={**own, "objects": [named["steps"]]})[0] == 403
    hidden = {**own, "iteration": main.id, "objects": [main.tensors[0].digest]}
    assert ask(serving, "objects", body=hidden)[0] == 409
    assert ask(serving, "records", body={"path": path, "records": [[main.id, "meta"]]})[0] == 409
    assert ask(serving, "tree", path=path)[0] == 200
    tree = json.loads(ask(serving, "tree", path=path)[1])
    assert [each["name"] for each in tree["variants"]] == ["wide"]
    assert ask(serving, "tree", "ann", path=path)[0] == 403


def test_what_comes_damaged_or_short_is_found(serving, model, tmp_path):
    model.commit({"0.weight": np.arange(60_000.0)}, variant=model.derive("big").name)
    wire = Wire(serving.port)
    address = serving.address(model.path.name, port=wire.port)
    try:
        with store.open(address) as served:
            for count in (100, 1000, 200_000):
                wire.breaks(down=count)
                with pytest.raises(JairikaError) as told:
                    served["big"].head.arrays()
                assert "token" not in str(told.value)
            wire.breaks()
            assert served["big"].head.arrays()["0.weight"][-1] == 59_999
        wire.breaks(down=50_000)
        with pytest.raises(JairikaError):
            store.clone(address, tmp_path / "cut.jrk.h5")
        assert not list(tmp_path.iterdir())
    finally:
        wire.close()
    row = model._reader.iterations("big")[-1]
    offset = model._reader.locations(row, model._reader.manifest(row))[0][0]
    with open(model.path, "r+b") as file:
        file.seek(offset + 800)
        file.write(b"\x01")
    with store.open(serving.address(model.path.name)) as served, pytest.raises(Damaged):
        served["big"].head.arrays()


def lies(monkeypatch, change) -> None:
    stream = calling.Server.stream
    monkeypatch.setattr(
        calling.Server, "stream", lambda self, *a, **k: change(b"".join(stream(self, *a, **k)))
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda data: [data[:-1]],
        lambda data: [data, b"more"],
        lambda data: [data[:-1] + bytes([data[-1] ^ 1])],
        lambda data: [],
        lambda data: [b"\xff" * len(data)],
    ],
    ids=["short", "long", "a bit", "nothing", "ones"],
)
def test_a_server_that_lies_is_found(serving, model, monkeypatch, change):
    with store.open(serving.address(model.path.name)) as served:
        head = served["main"].head
        head.layers  # noqa: B018 the manifest is here, the arrays are not
        lies(monkeypatch, change)
        with pytest.raises(Damaged):
            head.arrays()
        with pytest.raises(Damaged):
            _ = served["main"]["prime"].layers, served["main"]["prime"].author


@pytest.mark.parametrize("change", [(b"0.weight", b"9.weight"), (b"first", b"worst")])
def test_records_that_read_well_but_are_others_are_found(serving, model, monkeypatch, change):
    """A layer by another name in a manifest, another message in the notes."""
    with store.open(serving.address(model.path.name)) as served:
        lies(monkeypatch, lambda data: [data.replace(*change)])
        with pytest.raises(Damaged):
            _ = served["main"]["prime"].layers, served["main"]["prime"].author
