"""What looks like data and is none is told with a way out, before a step or where it was met."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import data, nn
from jairika_nb.errors import DataError

X, Y = np.ones((8, 3), np.float32), np.zeros(8, np.int64)
pytestmark = pytest.mark.usefixtures("reference")


def fit(given, **options):
    options = {"epochs": 1, "batch_size": 4, "progress": False, "compiled": False} | options
    return jrk.fit(nn.Linear(3, 2), given, **options)


class Columns:
    """A table as pandas and polars have it."""

    columns = ("a", "b")

    def __len__(self):
        return 2

    def __getitem__(self, name):
        raise KeyError(name)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([X, Y], r"list of 2 arrays \(\(8, 3\), \(8,\)\).*in a tuple: \(inputs, targets\)"),
        ([jrk.zeros((8, 3)), Y], "list of 2 arrays"),
        (X, r"one array of shape \(8, 3\) has no targets: give a tuple"),
        (jrk.zeros((8, 3)), r"one array of shape \(8, 3\)"),
        ("rows.csv", r"'rows.csv' is a path, not data: read it first, by data\.read_csv"),
        (Columns(), r"Columns does not tell inputs from targets: give data\.from_frame\(table"),
        ((X,), r"batch 0 is a tuple of 1, no inputs and targets: samples are \(input, target\)"),
    ],
)
def test_what_is_no_data(given, words):
    with pytest.raises(DataError, match=words):
        fit(given)
    with pytest.raises(DataError, match=words):
        jrk.evaluate(nn.Linear(3, 2), given)


def test_labels_out_of_range_in_validation_data_are_told_as_its_own():
    seen = []
    labels = np.where(np.arange(8) == 5, 7, Y)
    with pytest.raises(DataError, match="the first is 7") as told:
        fit((X, Y), validation=(X, labels), callbacks=[seen.append])
    assert told.value.__notes__ == ["raised by the validation data after epoch 1"]
    assert not seen


def test_numpys_types_name_a_precision():
    history = fit((X, Y), precision=np.float16)
    assert (history.steps, history.skipped) == (2, 0)


def test_a_csv_file_with_another_delimiter(tmp_path):
    pytest.importorskip("pandas")
    path = tmp_path / "rows.csv"
    path.write_text("a;b\n1;2\n")
    with pytest.raises(DataError, match=r"no column 'b'.*another one, as in delimiter=';'\?"):
        data.read_csv(path, target="b")
    assert data.read_csv(path, target="b", delimiter=";").features == ("a",)
