"""Models behind a URL: a plain web server with byte ranges, one that lies, and fsspec's memory."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from states import arrays, same

from jairika_nb import store
from jairika_nb.errors import AddressError, Damaged, HeadMoved, JairikaError, ReadOnly, StoreError

RANGE = re.compile(r"bytes=(\d+)-(\d+)")


class Ranges(http.server.BaseHTTPRequestHandler):
    """Answers byte ranges of the files in a folder; ``claim`` is added to every size it tells."""

    claim = 0
    ranges = True
    asked: list[tuple[int, int]] = []  # noqa: RUF012 one list for all requests of a test

    def __init__(self, *arguments, folder: Path) -> None:
        self.folder = folder
        super().__init__(*arguments)

    def do_GET(self) -> None:
        path = self.folder / self.path.lstrip("/")
        found = RANGE.fullmatch(self.headers.get("Range", ""))
        if not path.is_file():
            self.send_error(404)
        elif not self.ranges or not found:
            self._answer(200, path.read_bytes())
        else:
            first, last = map(int, found.groups())
            self.asked.append((first, last))
            with open(path, "rb") as file:
                file.seek(first)
                data = file.read(min(last - first + 1, 1 << 24))
            total = path.stat().st_size + self.claim
            self._answer(206, data, f"bytes {first}-{first + len(data) - 1}/{total}")

    def _answer(self, status: int, data: bytes, span: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if span:
            self.send_header("Content-Range", span)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture
def web(model, monkeypatch):
    """The address of ``model`` on a web server of this machine."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Ranges, "asked", [])
    handler = functools.partial(Ranges, folder=model.path.parent)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{model.path.name}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_model_on_a_web_server_is_read_in_place(model, web):
    with store.open(web) as remote:
        listing = len(Ranges.asked)
        assert listing <= 3 and sum(last - first for first, last in Ranges.asked) < 20_000
        assert remote.variants == ("main",) and remote.info()["address"] == web
        assert same(remote["main"]["PT"].arrays(), arrays(1))
        assert same(remote["main"]["prime"].arrays(lazy=True), arrays(0))
        assert remote.diff("prime", "PT").layers and remote.verify().ok
        assert remote.info()["name"] == "chat"


def test_one_layer_of_many_is_all_that_is_asked_for(model, web):
    state = {f"{n}.weight": np.full(20_000, n, np.float32) for n in range(10)}
    model.commit(state, variant=model.derive("big").name)
    with store.open(web) as remote:
        Ranges.asked.clear()
        assert remote["big"].head.arrays(lazy=True)["7.weight"][0] == 7
        assert sum(last - first + 1 for first, last in Ranges.asked) < 90_000
        assert len(Ranges.asked) <= 5


def test_it_can_be_cloned_and_pulled_from(model, web, tmp_path):
    store.clone(web, tmp_path / "mine.jrk.h5")
    with store.open(tmp_path / "mine.jrk.h5", "a") as mine:
        assert same(mine["main"].head.arrays(), arrays(1)) and mine.verify().ok
        model.commit(arrays(2), name="third")
        assert mine.pull(web).iterations == {"main": 1}
        assert mine["main"].head.id == model["main"].head.id


def test_new_states_are_seen_after_a_refresh(model, web):
    with store.open(web) as remote:
        model.commit(arrays(2), name="third")
        assert remote.refresh()["main"].head.name == "third"
        model.gc(days=0)
        assert same(remote.refresh()["main"].head.arrays(), arrays(2))


def test_it_is_for_reading(web):
    with pytest.raises(ReadOnly, match="pull it into a file of your own"):
        store.open(web, "a")
    with store.open(web) as remote, pytest.raises(ReadOnly):
        remote.commit(arrays())


def test_what_is_not_there_or_no_model(model, web):
    with pytest.raises(AddressError, match="no such file"):
        store.open(web.replace("chat", "cat"))
    (model.path.parent / "a.txt").write_text("nothing " * 2000)
    with pytest.raises(AddressError, match="not an HDF5 file"):
        store.open(web.replace(model.path.name, "a.txt"))
    with pytest.raises(StoreError, match="check the address"):
        store.open("http://127.0.0.1:9/x.jrk.h5")


def test_a_server_without_ranges_is_told(web, monkeypatch):
    monkeypatch.setattr(Ranges, "ranges", False)
    with pytest.raises(AddressError, match="does not answer byte ranges"):
        store.open(web)


def test_sizes_are_not_trusted(model, web, monkeypatch):
    monkeypatch.setattr(Ranges, "claim", 1 << 60)
    with store.open(web) as remote:
        tensor = remote["main"].head
        assert same(tensor.arrays(), arrays(1))
    reader = model._reader
    row = reader.iterations("main")[-1]
    at = row.at["locations"][0]
    data = bytearray(model.path.read_bytes())
    data[at : at + 16] = (1 << 50).to_bytes(8, "little") + (1 << 40).to_bytes(8, "little")
    model.path.write_bytes(data)
    with store.open(web) as remote, pytest.raises(Damaged):
        remote["main"].head.arrays()


def test_bytes_that_the_server_changes_are_found(model, web, monkeypatch):
    answer = Ranges._answer

    def lie(self, status, data, span=""):
        answer(self, status, data[:-1] + bytes([data[-1] ^ 1]) if len(data) > 100 else data, span)

    with store.open(web) as remote:
        head = remote["main"].head
        monkeypatch.setattr(Ranges, "_answer", lie)
        with pytest.raises(Damaged):
            head.arrays()
    with pytest.raises(JairikaError):
        store.open(web)


def test_addresses_of_fsspec(model):
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://models/net.jrk.h5", "wb") as file:
        file.write(model.path.read_bytes())
    with store.open("memory://models/net.jrk.h5") as remote:
        assert same(remote["main"].head.arrays(), arrays(1)) and remote.verify().ok
    with pytest.raises(AddressError, match="no such file"):
        store.open("memory://models/none.jrk.h5")
    with pytest.raises(AddressError, match="nonsense"):
        store.open("nonsense://models/none.jrk.h5")


def test_a_model_is_published_where_fsspec_writes(model, tmp_path):
    pytest.importorskip("fsspec")
    place = f"memory://published/{tmp_path.name}.jrk.h5"
    assert model.push(place).iterations == {"main": 2}
    with store.open(place) as remote:
        assert remote["main"].head.id == model["main"].head.id and remote.verify().ok
    assert not model.push(place).iterations
    model.commit(arrays(2))
    model.tag("v1")
    moved = model.push(place)
    assert moved.iterations == {"main": 1} and moved.tags == ["v1"]
    store.clone(place, tmp_path / "other.jrk.h5")
    with store.open(tmp_path / "other.jrk.h5", "a") as other:
        assert other.tags["v1"].id == model["main"].head.id
        other.commit(arrays(8))
        other.push(place)
    model.commit(arrays(9))
    with pytest.raises(HeadMoved, match=r"would be lost; pull it first"):
        model.push(place)
    with store.open(place) as remote:
        assert same(remote["main"].head.arrays(), arrays(8))
    with pytest.raises(ReadOnly, match="all of the model"):
        model.push(place, "main")


def test_a_password_is_not_shown(web):
    secret = web.replace("//", "//me:secret@")
    with pytest.raises(JairikaError) as told:
        store.open(secret.replace("chat", "cat"))
    assert "secret" not in str(told.value)
