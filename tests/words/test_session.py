"""Where the arrays of ``commit`` come from."""

from types import SimpleNamespace

import numpy as np
import pytest

from jairika_nb.errors import AddressError, DataError, WordError
from jairika_nb.words import Session


def test_a_notebook_finds_variables_and_their_attributes():
    net = {"0.weight": np.zeros(2)}
    session = Session(variables={"net": net, "run": SimpleNamespace(best=net)})
    assert session.arrays("net") is net
    assert session.arrays("run.best") is net


def test_a_mistyped_variable_gets_did_you_mean():
    with pytest.raises(WordError, match=r"no variable 'nett' .*did you mean 'net'"):
        Session(variables={"net": 1}).arrays("nett")
    with pytest.raises(WordError, match="has no attribute 'worst'"):
        Session(variables={"run": SimpleNamespace()}).arrays("run.worst")


def test_expressions_are_not_evaluated():
    for text in ("net()", "net[0]", "__import__('os')", "1"):
        with pytest.raises(WordError, match="no variable"):
            Session(variables={"net": dict}).arrays(text)


@pytest.mark.parametrize("variables", [None, {}], ids=["shell", "notebook"])
def test_an_npz_file_gives_its_arrays(tmp_path, variables):
    wanted = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez(tmp_path / "a.npz", **{"0.weight": wanted})
    found = Session(variables=variables).arrays(str(tmp_path / "a.npz"))
    assert list(found) == ["0.weight"]
    np.testing.assert_array_equal(found["0.weight"], wanted)


def test_pickled_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", bad=np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"a\.npz"):
        Session().arrays(str(tmp_path / "a.npz"))


def test_a_missing_foreign_or_other_file_is_one_line(tmp_path):
    with pytest.raises(AddressError, match="no file"):
        Session().arrays(str(tmp_path / "absent.npz"))
    with pytest.raises(WordError, match=r"not an \.npz file"):
        Session().arrays(str(tmp_path / "net.pt"))


def test_damaged_archives_are_one_line(tmp_path):
    np.savez(tmp_path / "whole.npz", a=np.arange(1000.0))
    whole = (tmp_path / "whole.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    np.save(tmp_path / "lone.npy", np.zeros(2))
    lone = (tmp_path / "lone.npy").read_bytes()
    for content in (b"not an archive", b"", whole[:500], bytes(flipped), lone):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(DataError, match="cannot be read") as caught:
            Session().arrays(str(tmp_path / "bad.npz"))
        assert "\n" not in str(caught.value)
