"""Named sets: fetched whole and right or not at all, found where they lie, never unpickled."""

import gzip
import hashlib
import io
import tarfile
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from jairika_nb.data import cifar10, fashion_mnist, mnist, names, shakespeare
from jairika_nb.data.sets import download
from jairika_nb.data.sets.download import fetch
from jairika_nb.data.sets.meter import Meter
from jairika_nb.data.sets.remotes import REMOTES, Remote
from jairika_nb.errors import DataError

CONTENT = np.random.default_rng(0).bytes(300_000)


class Handler(BaseHTTPRequestHandler):
    """A server whose paths behave in different ways; it notes what was asked for."""

    protocol_version = "HTTP/1.1"
    asked: list

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        getattr(self, self.path.strip("/").split("/")[0])(wanted)

    def send(self, content, status=200, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def good(self, wanted):
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send(CONTENT[start:], 206 if start else 200)

    def noranges(self, wanted):
        self.send(CONTENT)

    def truncated(self, wanted):
        self.send(CONTENT[:200_000], length=len(CONTENT))
        self.close_connection = True

    def wrong(self, wanted):
        self.send(bytes(len(CONTENT)))

    def endless(self, wanted):
        self.send(CONTENT + b"more", length=10**12)
        self.close_connection = True

    def missing(self, wanted):
        self.send(b"", 404)

    def moved(self, wanted):
        self.send(b"", 302, Location="/good/file")

    def away(self, wanted):
        self.send(b"", 302, Location="ftp://127.0.0.1/file")

    def loop(self, wanted):
        self.send(b"", 302, Location="/loop/file")

    def file(self, wanted):
        content = self.server.files[self.path.rpartition("/")[2]]
        self.send(content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.asked, made.files = [], {}
    thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def remote(server, *paths):
    place = f"http://127.0.0.1:{server.server_address[1]}"
    digest = hashlib.sha256(CONTENT).hexdigest()
    urls = tuple(f"{place}/{path}/file" for path in paths)
    return Remote("set.bin", len(CONTENT), f"sha256:{digest}", urls)


def kept(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".lock"))


@pytest.mark.parametrize("paths", [["good"], ["moved"], ["missing", "good"], ["wrong", "good"]])
def test_a_file_comes_whole_and_once(server, tmp_path, paths):
    wanted = remote(server, *paths)
    for _ in range(2):
        path = fetch(wanted, tmp_path / "new")
        assert path.read_bytes() == CONTENT
    assert kept(tmp_path / "new") == ["set.bin"]
    assert len(server.asked) == (2 if paths == ["moved"] else len(paths))


@pytest.mark.parametrize(
    ("path", "words", "rest"),
    [
        ("missing", "the server says 404", []),
        ("wrong", "its checksum is wrong", []),
        ("endless", "more than the 300,000 bytes", []),
        ("truncated", "ended after 200,000 of 300,000 bytes", [".set.bin.part"]),
        ("away", "ftp://127.0.0.1/file, which is not followed", []),
        ("loop", "loop", []),
    ],
)
def test_nothing_wrong_is_kept(server, tmp_path, path, words, rest):
    with pytest.raises(DataError, match=words) as caught:
        fetch(remote(server, path), tmp_path)
    assert kept(tmp_path) == rest
    assert "JRK_DATA_DIR" in str(caught.value)


def test_no_server_is_told(server, tmp_path):
    wanted = remote(server, "good")
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError, match=r"set\.bin cannot be fetched \(http.*refused"):
        fetch(wanted, tmp_path)


@pytest.mark.parametrize("path", ["good", "noranges"])
def test_a_broken_download_goes_on_where_it_was(server, tmp_path, path):
    with pytest.raises(DataError, match="ended after"):
        fetch(remote(server, "truncated"), tmp_path)
    assert fetch(remote(server, path), tmp_path).read_bytes() == CONTENT
    assert server.asked[-1] == (f"/{path}/file", "bytes=200000-")
    assert kept(tmp_path) == ["set.bin"]


@pytest.mark.parametrize("begun", [b"spoiled beginning", bytes(400_000)])
def test_a_spoiled_beginning_is_thrown_away(server, tmp_path, begun):
    (tmp_path / ".set.bin.part").write_bytes(begun)
    (tmp_path / "set.bin").write_bytes(b"an older, damaged one")
    assert fetch(remote(server, "good"), tmp_path).read_bytes() == CONTENT
    assert server.asked[-1][1] is None


def test_encrypted_connections_are_not_left(server):
    class Encrypted:
        full_url = "https://example.org/x"

    with pytest.raises(DataError, match="not followed"):
        download._Redirects().redirect_request(Encrypted(), None, 302, "", {}, "http://example.org")


def test_a_folder_that_cannot_be_written_is_told(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="JRK_DATA_CACHE"):
        fetch(remote(server, "good"), tmp_path / "file" / "cache")


def test_the_meter_shows_parts_and_the_end(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    meter = Meter("set.bin", 2_000_000, True)
    meter.show(500_000)
    meter.show(600_000)
    meter.end()
    lines = [line.strip() for line in capsys.readouterr().err.split("\r") if line]
    assert lines == ["fetching set.bin: 25 % of 2.0 MB", "fetched set.bin, 2.0 MB"]
    Meter("set.bin", 1, False).end()
    assert capsys.readouterr().err == ""


def test_checksums_are_those_of_the_files_at_hand(data_dir):
    for name, files in REMOTES.items():
        for one in files:
            path = data_dir / one.file
            if name != "fashion_mnist" and path.is_file():
                assert download.is_right(path, one), one.file
    text = gzip.decompress((data_dir / "tinyshakespeare.txt.gz").read_bytes())
    (wanted,) = REMOTES["shakespeare"]
    assert (len(text), f"sha256:{hashlib.sha256(text).hexdigest()}") == (
        wanted.size,
        wanted.checksum,
    )
    assert len(names(data_dir)) == 32_033
    assert len(set(shakespeare(data_dir))) == 65


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """No data folder, and a cache of our own."""
    monkeypatch.delenv("JRK_DATA_DIR", raising=False)
    monkeypatch.setenv("JRK_DATA_CACHE", str(tmp_path / "cache"))
    return tmp_path


def served(server, monkeypatch, name, contents):
    """Let a set come from the local server with other contents."""
    place = f"http://127.0.0.1:{server.server_address[1]}/file/"
    rows = []
    for one in REMOTES[name]:
        if one.file in contents:
            content = contents[one.file]
            server.files[one.file] = content
            digest = f"md5:{hashlib.md5(content).hexdigest()}"
            rows.append(replace(one, size=len(content), checksum=digest, urls=(place + one.file,)))
    monkeypatch.setitem(REMOTES, name, tuple(rows))


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(head + array.astype(np.uint8).tobytes())


@pytest.mark.parametrize(("load", "name"), [(mnist, "mnist"), (fashion_mnist, "fashion_mnist")])
def test_images_are_fetched_into_the_cache(server, empty, monkeypatch, load, name):
    pixels, labels = np.arange(20 * 784).reshape(20, 28, 28) % 251, np.arange(20) % 10
    contents = {
        "train-images-idx3-ubyte.gz": idx(pixels), "train-labels-idx1-ubyte.gz": idx(labels),
        "t10k-images-idx3-ubyte.gz": idx(pixels[:5]), "t10k-labels-idx1-ubyte.gz": idx(labels[:5]),
    }  # fmt: skip
    served(server, monkeypatch, name, contents)
    with pytest.raises(DataError, match=rf"{name}\(download=True\)"):
        load()
    data = load(train=True, download=True)
    assert len(data) == 20
    np.testing.assert_allclose(data[7][0][0] * 255, pixels[7], atol=1e-4)
    assert len(load(train=False, download=True)) == 5
    asked = len(server.asked)
    assert len(load()) == 20
    assert asked == len(server.asked) == 4
    assert (empty / "cache" / name / "train-images-idx3-ubyte.gz").is_file()


def test_fashion_is_not_taken_from_the_files_of_digits(data_dir, empty, monkeypatch):
    monkeypatch.setenv("JRK_DATA_DIR", str(data_dir))
    assert len(mnist(train=False)) == 10_000
    with pytest.raises(DataError, match="no fashion_mnist in"):
        fashion_mnist()


def test_texts_are_fetched_too(server, empty, monkeypatch):
    served(server, monkeypatch, "names", {"names.txt": b"emma\nolivia\n"})
    served(server, monkeypatch, "shakespeare", {"tinyshakespeare.txt": b"First Citizen:\n"})
    for load, text in ((names, ["emma", "olivia"]), (shakespeare, "First Citizen:\n")):
        with pytest.raises(DataError, match="download=True"):
            load()
        assert load(download=True) == text
        assert load() == text


def records(count, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 256, (count, 3073)).astype(np.uint8)
    rows[:, 0] %= 10
    return rows


def archive(files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as made:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def whole():
    parts = {f"data_batch_{i}.bin": records(3, i) for i in range(1, 6)}
    return parts | {"test_batch.bin": records(4, 9)}


def test_cifar_comes_from_its_archive_or_what_that_unpacks_to(server, empty, monkeypatch):
    parts = whole()
    inside = {f"cifar-10-batches-bin/{n}": r.tobytes() for n, r in parts.items()}
    served(server, monkeypatch, "cifar10", {"cifar-10-binary.tar.gz": archive(inside)})
    with pytest.raises(DataError, match=r"not the pickled one.*cifar10\(download=True\)"):
        cifar10()
    train = cifar10(download=True)
    rows = np.concatenate([parts[f"data_batch_{i}.bin"] for i in range(1, 6)])
    assert train.arrays[1].tolist() == rows[:, 0].tolist()
    np.testing.assert_array_equal(train.arrays[0][7, 1, 2], rows[7, 1 + 1024 + 64 : 1 + 1024 + 96])
    folder = empty / "own" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for name, row in parts.items():
        (folder / name).write_bytes(row.tobytes())
    np.testing.assert_array_equal(cifar10(empty / "own").arrays[0], train.arrays[0])
    test = cifar10(empty / "own", train=False)
    assert len(test) == len(cifar10(train=False)) == 4
    assert test[0][0].shape == (3, 32, 32)
    assert test.classes[3] == "cat"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"cifar-10-batches-bin/test_batch.bin": records(2).tobytes()[:-1]}, "not up to 10,000"),
        ({"cifar-10-batches-bin/test_batch.bin": b""}, "not up to 10,000"),
        ({"cifar-10-batches-bin/test_batch.bin": bytes([10]) * 3073}, "image 0 has class 10"),
        ({"cifar-10-batches-py/test_batch": b"pickled"}, "has no test_batch.bin"),
        (None, "a damaged archive"),
    ],
)
def test_bad_archives_are_told(tmp_path, files, words):
    content = archive({"x": CONTENT})[:-5000] if files is None else archive(files)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(content)
    with pytest.raises(DataError, match=words):
        cifar10(tmp_path, train=False)
