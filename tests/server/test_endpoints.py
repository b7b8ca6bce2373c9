import os

import pytest

import jairika_nb
from jairika_nb import store
from jairika_nb.server import reading
from jairika_nb.store import keys, reader, trust


def test_info_tells_the_version_of_the_package(ask):
    assert ask("info") == (200, {"version": jairika_nb.__version__, "api": 1})


def test_models_lists_what_is_there_with_its_state(ask, make):
    path = make("work/deep/digits.jrk.h5", "PT")
    status, answer = ask("models")
    assert status == 200 and answer["truncated"] is False
    (row,) = answer["models"]
    assert row["path"] == "work/deep/digits.jrk.h5"
    assert row["name"] == "digits"
    assert row["bytes"] == path.stat().st_size
    assert row["generation"] == reader.generation(path)
    assert "error" not in row


def test_no_models_is_an_empty_list(ask):
    assert ask("models") == (200, {"models": [], "truncated": False})


def test_a_damaged_model_is_listed_with_its_error_beside_a_whole_one(ask, make):
    make("good.jrk.h5")
    damaged = make("bad.jrk.h5")
    damaged.write_bytes(bytes(damaged.stat().st_size))
    _, answer = ask("models")
    bad, good = answer["models"]
    assert bad["generation"] is None and bad["error"]
    assert good["generation"] is not None


def test_tree_is_what_the_store_reads_with_a_relative_path(ask, make):
    path = make("work/digits.jrk.h5", "PT", "FT")
    status, tree = ask("tree", path="work/digits.jrk.h5")
    assert status == 200
    assert tree == {**reader.read_tree(path), "path": "work/digits.jrk.h5"}
    (variant,) = tree["variants"]
    assert [each["name"] for each in variant["iterations"]] == ["prime", "PT", "FT"]


def test_tree_reads_any_h5_with_our_marker(ask, make):
    make("renamed.jrk.h5").rename(make("x.jrk.h5").parent / "renamed.h5")
    _, answer = ask("models")
    assert [row["path"] for row in answer["models"]] == ["renamed.h5", "x.jrk.h5"]
    assert (ask("tree", path="renamed.h5"))[0] == 200


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x.jrk.h5", "a/../../x.jrk.h5", "a\\b.h5"])
def test_a_path_that_is_none_or_leaves_the_root_is_400(ask, path):
    status, answer = ask("tree", path=path)
    assert status == 400
    assert "path" in answer["message"]


@pytest.mark.parametrize(
    "path", ["missing.jrk.h5", "folder.jrk.h5", "notes.txt", ".hidden/a.jrk.h5"]
)
def test_what_is_no_visible_model_file_is_404(ask, make, jp_root_dir, path):
    (jp_root_dir / "folder.jrk.h5").mkdir()
    (jp_root_dir / "notes.txt").write_text("no model")
    make(".hidden/a.jrk.h5")
    status, answer = ask("tree", path=path)
    assert status == 404
    assert path in answer["message"]


def test_a_foreign_file_is_409_and_one_line(ask, jp_root_dir):
    (jp_root_dir / "foreign.jrk.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(9000))
    status, answer = ask("tree", path="foreign.jrk.h5")
    assert status == 409
    assert answer["message"] and "\n" not in answer["message"]


def test_a_link_that_leaves_the_root_is_refused_and_not_listed(
    ask, make, jp_root_dir, tmp_path_factory
):
    outside = tmp_path_factory.mktemp("outside") / "secret.jrk.h5"
    make("own.jrk.h5").rename(outside)
    (jp_root_dir / "link.jrk.h5").symlink_to(outside)
    (jp_root_dir / "folder").symlink_to(outside.parent)
    assert (ask("models"))[1]["models"] == []
    assert (ask("tree", path="link.jrk.h5"))[0] == 404
    assert (ask("tree", path="folder/secret.jrk.h5"))[0] == 404


def test_a_link_inside_the_root_is_a_model(ask, make, jp_root_dir):
    (jp_root_dir / "link.jrk.h5").symlink_to(make("work/own.jrk.h5"))
    _, answer = ask("models")
    assert [row["path"] for row in answer["models"]] == ["link.jrk.h5", "work/own.jrk.h5"]


def test_a_file_that_cannot_be_read_now_is_503_with_a_time_to_come_back(fetch, make, monkeypatch):
    make("busy.jrk.h5")

    def stale(root: os.PathLike, relative: str, who: str) -> dict:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(reading, "opened", stale)
    answer = fetch("tree", params={"path": "busy.jrk.h5"})
    assert answer.code == 503
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("endpoint", ["info", "models", "tree"])
def test_nobody_is_answered_without_signing_in(fetch, endpoint):
    answer = fetch(endpoint, headers={"Authorization": "token wrong"})
    assert answer.code == 403


@pytest.mark.parametrize("endpoint", ["info", "models", "tree"])
def test_an_authoriser_may_refuse_the_resource(fetch, jp_serverapp, monkeypatch, endpoint):
    asked = []

    def refuse(handler, user, action, resource):
        asked.append((action, resource))
        return False

    monkeypatch.setattr(jp_serverapp.authorizer, "is_authorized", refuse)
    answer = fetch(endpoint)
    assert answer.code == 403
    assert asked == [("read", "jairika-nb")]


def test_answers_are_never_kept_by_a_browser(fetch):
    answer = fetch("models")
    assert answer.headers["Cache-Control"] == "no-store"


def test_tree_tells_of_signatures_where_there_are_any(ask, jp_root_dir, tmp_path, monkeypatch):
    pytest.importorskip("cryptography")
    monkeypatch.setenv("JRK_CONFIG_DIR", str(tmp_path / "theirs"))
    bob, line = keys.new("bob"), keys.new("carol").public.line
    monkeypatch.setenv("JRK_CONFIG_DIR", str(tmp_path / "mine"))
    alice = keys.new("alice")
    with store.init(jp_root_dir / "signed.jrk.h5", {"0.weight": 1.0}, name="plain") as model:
        assert all("signature" not in row for row in rows_of(ask))
        model.commit({"0.weight": 2.0}, name="mine", sign=alice)
        model.commit({"0.weight": 3.0}, name="theirs", sign=bob)
    for _ in range(2):  # told from memory the second time
        told = [(row["name"], row["signature"]["state"]) for row in rows_of(ask)]
        assert told == [("plain", "unsigned"), ("mine", "trusted"), ("theirs", "unknown")]
    assert [row["signature"]["text"] for row in rows_of(ask)][1] == "signed by alice"
    trust.add(bob.public.line)
    assert rows_of(ask)[2]["signature"]["state"] == "trusted"
    trust.add(line)
    trust.place().chmod(0o666)
    told = [row["signature"] for row in rows_of(ask)]
    assert {each["state"] for each in told} == {"unchecked"} and "others may" in told[0]["text"]


def rows_of(ask):
    status, tree = ask("tree", path="signed.jrk.h5")
    assert status == 200
    return tree["variants"][0]["iterations"]
