"""What Tab offers: words, options, files and variables (names in a model: tests/kernel)."""

import numpy as np
import pytest

from jairika_nb.words import WORDS, Session
from jairika_nb.words.completion import complete

SHELL = Session()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.jrk.h5", "b.h5", "notes.txt", ".hidden.jrk.h5", "arrays.npz"):
        (tmp_path / name).touch()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "c.jrk.h5").touch()
    return tmp_path


def test_words_come_first():
    assert set(complete("", SHELL)) == set(WORDS)
    assert complete("ver", SHELL) == ["verify"]
    assert complete("nonsense ", SHELL) == []


def test_options_of_the_word_but_not_those_given():
    offers = complete("derive a.jrk.h5 b --", SHELL)
    assert {"--source", "--iteration", "--switch", "--help"} <= set(offers)
    assert "--message" not in offers
    assert "--switch" not in complete("derive a.jrk.h5 b --switch --", SHELL)


def test_model_files_and_folders(folder):
    assert complete("info ", SHELL) == ["models/", "a.jrk.h5", "b.h5"]
    assert complete("info models/", SHELL) == ["models/c.jrk.h5"]
    assert complete("info absent/", SHELL) == []
    assert complete("log -m ", Session(variables={})) == ["models/", "a.jrk.h5", "b.h5"]


def test_a_new_model_is_offered_folders_only(folder):
    assert complete("init ", SHELL) == ["models/"]


def test_variables_that_hold_arrays_in_a_notebook(folder):
    class Net:
        def state_dict(self):
            return {}

    variables = {
        "net": Net(),
        "arrays": {"0.weight": np.zeros(2)},
        "Net": Net,
        "_hidden": Net(),
        "empty": {},
        "settings": {"rate": 1},
        "number": 3,
    }
    assert complete("commit ", Session(variables=variables)) == ["net", "arrays"]
    assert complete("commit net --optimizer n", Session(variables=variables)) == ["net"]
    assert complete("commit a.jrk.h5 a", SHELL) == ["arrays.npz"]


def test_the_value_of_a_free_option_is_left_to_the_user():
    assert complete("commit net --message ", Session(variables={"net": 1})) == []


def test_a_model_that_cannot_be_read_offers_nothing(folder):
    assert complete("switch a.jrk.h5 ", SHELL) == []
