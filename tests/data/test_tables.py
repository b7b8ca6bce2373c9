"""CSV, Parquet and tables: the same from pandas and polars, and what is missing or odd is named."""

import datetime

import numpy as np
import pytest

from jairika_nb.data import TensorDataset, from_frame, read_csv, read_parquet, table_files
from jairika_nb.errors import DataError, MissingPackage

COLUMNS = {
    "age": [31, 42, 23, 54],
    "height": [1.5, 1.75, 2.0, 1.25],
    "member": [True, False, True, True],
    "town": ["Oslo", "Bonn", "Oslo", "Ulm"],
    "class": ["b", "a", "c", "a"],
}
CSV = "age,height,member,town,class\n31,1.5,True,Oslo,b\n42,1.75,False,Bonn,a\n23,2,True,Oslo,c\n"
WANTED = np.float32([[31, 1.5, 1, 1], [42, 1.75, 0, 0], [23, 2, 1, 1], [54, 1.25, 1, 2]])


@pytest.fixture(params=["pandas", "polars"])
def library(request):
    return pytest.importorskip(request.param)


def frame(library, **changes):
    return library.DataFrame(COLUMNS | changes)


def test_columns_become_features_and_target(library):
    data = from_frame(frame(library), target="class")
    np.testing.assert_array_equal(data.arrays[0], WANTED)
    assert data.arrays[0].dtype == np.float32
    assert (data.arrays[1].tolist(), data.arrays[1].dtype) == ([1, 0, 2, 0], np.int32)
    assert data.classes == ("a", "b", "c")
    assert data.features == ("age", "height", "member", "town")
    assert data.categories == {"town": ("Bonn", "Oslo", "Ulm"), "class": ("a", "b", "c")}


def test_chosen_columns_and_kinds_of_targets(library):
    table = frame(library)
    ages = from_frame(table, "age", ["height"])
    assert (ages.arrays[1].tolist(), ages.arrays[1].dtype) == (COLUMNS["age"], np.int32)
    heights = from_frame(table, "height", ["age"])
    assert heights.arrays[1].dtype == np.float32
    both = from_frame(table, ["age", "height"], ["member"])
    np.testing.assert_array_equal(both.arrays[1], WANTED[:, :2])
    assert len(from_frame(table, features=["age"]).arrays) == 1


def test_later_tables_use_the_categories_of_the_first(library):
    first = from_frame(frame(library), target="class")
    later = frame(library, town=["Ulm"] * 4, **{"class": ["c"] * 4})
    data = from_frame(later, target="class", categories=first.categories)
    assert data.arrays[0][:, 3].tolist() == [2] * 4
    assert data.arrays[1].tolist() == [2] * 4
    odd = frame(library, town=["Ulm", "Rome", "Ulm", "Ulm"])
    with pytest.raises(
        DataError, match=r"row 1, column 'town' is 'Rome'.*\['Bonn', 'Oslo', 'Ulm'\]"
    ):
        from_frame(odd, target="class", categories=first.categories)


def test_money_and_whole_numbers_with_gaps_are_numbers():
    from decimal import Decimal

    polars = pytest.importorskip("polars")
    money = polars.DataFrame(
        {"price": [Decimal("1.25"), None]}, schema={"price": polars.Decimal(10, 2)}
    )
    assert from_frame(money, fill=9).arrays[0].tolist() == [[1.25], [9]]
    pandas = pytest.importorskip("pandas")
    whole = pandas.DataFrame({"n": pandas.array([3, None], dtype="Int64")})
    assert from_frame(whole, fill=9).arrays[0].tolist() == [[3], [9]]


def test_ordered_categories_keep_their_order():
    pandas = pytest.importorskip("pandas")
    sizes = pandas.Categorical(["small", "large"], ["small", "middle", "large"], ordered=True)
    data = from_frame(pandas.DataFrame({"size": sizes}))
    assert data.arrays[0].tolist() == [[0], [2]]
    polars = pytest.importorskip("polars")
    series = polars.Series(["small", "large"], dtype=polars.Enum(["small", "middle", "large"]))
    assert from_frame(polars.DataFrame({"size": series})).arrays[0].tolist() == [[0], [2]]


GAPS = {"height": [1.5, None, 2.0, None], "town": ["Oslo", "Bonn", None, "Ulm"]}


@pytest.mark.parametrize("name", ["height", "town", "age", "member"])
def test_missing_values_are_named_by_row_and_column(library, name):
    gaps = GAPS | {"age": [1, None, 3, 4], "member": [True, None, False, True]}
    row = 2 if name == "town" else 1
    with pytest.raises(DataError, match=rf"row {row}, column '{name}' is missing"):
        from_frame(frame(library, **{name: gaps[name]}), target="class")


def test_missing_values_are_filled_where_asked_for(library):
    table = frame(library, **GAPS)
    data = from_frame(table, target="class", fill={"height": -1, "town": "?"})
    assert data.arrays[0][:, 1].tolist() == [1.5, -1, 2, -1]
    assert data.arrays[0][2, 3] == 0  # "?" sorts first
    heights = from_frame(table, features=["height"], fill=0)
    assert heights.arrays[0][:, 0].tolist() == [1.5, 0, 2, 0]
    with pytest.raises(DataError, match=r"column 'town' is missing.*give text"):
        from_frame(table, fill=0)
    members = frame(library, member=[True, None, False, True])
    assert from_frame(members, features=["member"], fill=0).arrays[0].tolist() == [
        [1],
        [0],
        [0],
        [1],
    ]
    target = frame(library, age=[1, None, 3, 4])
    with pytest.raises(DataError, match="column 'age' is missing"):
        from_frame(target, "age", ["height"], fill=0)
    assert from_frame(target, "age", ["height"], fill={"age": 9}).arrays[1].tolist() == [1, 9, 3, 4]


def test_what_is_no_number_and_no_text_is_refused(library):
    dates = [datetime.datetime(2026, 1, 1)] * 4
    for value in (dates, [[1], [2], [3], [4]]):
        with pytest.raises(DataError, match="column"):
            from_frame(frame(library, age=value))
    with pytest.raises(DataError, match=r"no column 'hight'.*did you mean 'height'"):
        from_frame(frame(library), "hight")
    with pytest.raises(DataError, match="no column is left"):
        from_frame(frame(library), list(COLUMNS))
    with pytest.raises(DataError, match="needs a sample"):
        from_frame(frame(library)[:0])
    with pytest.raises(DataError, match="is no table"):
        from_frame([1, 2])


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_both_readers_make_the_same_of_a_csv_file(library, write):
    data = read_csv(write(CSV), target="class", reader=library.__name__)
    np.testing.assert_array_equal(data.arrays[0], WANTED[:3])
    assert data.arrays[1].tolist() == [1, 0, 2]
    assert data.categories["town"] == ("Bonn", "Oslo")
    quoted = read_csv(
        write('a;b\n"x;y";1\n"two\nlines";2\n'), delimiter=";", reader=library.__name__
    )
    assert quoted.categories["a"] == ("two\nlines", "x;y")
    assert quoted.arrays[0].tolist() == [[1, 1], [0, 2]]


def test_blank_lines_and_blanks_around_numbers_do_not_count(library, write):
    data = read_csv(write("a,b,c\n1, 2,x\n\n3,+4.5, y\n\n"), reader=library.__name__)
    assert data.arrays[0].tolist() == [[1, 2, 1], [3, 4.5, 0]]
    assert data.categories == {"c": (" y", "x")}
    alone = read_csv(write("a\n\n1\n\n3\n"), reader=library.__name__)
    assert alone.arrays[0].tolist() == [[1], [3]]


@pytest.mark.parametrize("gap", ["", "NA", "nan"])
def test_missing_fields_are_named_or_filled(library, write, gap):
    path = write(f"a,b\n1,x\n{gap},y\n")
    with pytest.raises(DataError, match="row 1, column 'a' is missing"):
        read_csv(path, reader=library.__name__)
    filled = read_csv(path, fill={"a": 7}, reader=library.__name__)
    assert filled.arrays[0].tolist() == [[1, 0], [7, 1]]
    if gap == "NA":
        kept = read_csv(path, missing=[""], reader=library.__name__)
        assert kept.categories["a"] == ("1", "NA")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3\n4,5\n", "line 3 has 1 fields, the first line names 2 columns"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 fields"),
        ('a,b\n"x\ny",2\n3\n', "line 4 has 1 fields"),
        ("", "the file is empty"),
        ("a,a\n1,2\n", "column 'a' twice"),
        ('a,b\n"open,2\n', "line 2 is no CSV"),
        (b"a,b\n\xff,2\n", "not text in utf-8"),
        ("a,b\n", "needs a sample"),
    ],
)
def test_bad_csv_files_say_where(library, write, text, words):
    with pytest.raises(DataError, match=words):
        read_csv(write(text), reader=library.__name__)


def test_parquet_files_are_read_by_either(library, tmp_path):
    path = tmp_path / "table.parquet"
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pandas.DataFrame(COLUMNS).to_parquet(path)
    data = read_parquet(path, target="class", reader=library.__name__)
    np.testing.assert_array_equal(data.arrays[0], WANTED)
    part = read_parquet(path, "age", ["height"], reader=library.__name__)
    assert part.features == ("height",)
    with pytest.raises(DataError, match="no such file"):
        read_parquet(tmp_path / "none", reader=library.__name__)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_parquet(path, reader=library.__name__)


def test_without_a_reader_the_way_out_is_told(monkeypatch, write):
    path = write(CSV)
    with pytest.raises(DataError, match="'excel' is unknown"):
        read_csv(path, reader="excel")
    monkeypatch.setattr(table_files.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match="pip install pandas"):
        read_csv(path)
    with pytest.raises(MissingPackage, match="pip install polars"):
        read_parquet(path, reader="polars")


def test_a_table_trains_like_any_dataset(write):
    pytest.importorskip("pandas")
    data = read_csv(write(CSV), target="class")
    assert isinstance(data, TensorDataset)
    x, y = data[1:]
    assert (x.shape, y.tolist()) == ((2, 4), [0, 2])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sep": ";"}, r"read_csv takes no sep=; did you mean delimiter=\? its options are"),
        ({"na_values": "-"}, r"did you mean missing=\?"),
        ({"traget": "b"}, r"did you mean target=\?"),
        ({"clases": ("x",)}, r"did you mean classes=\?"),
        ({"zzz": 1}, "read_csv takes no zzz=; its options are delimiter, encoding, missing"),
    ],
)
def test_mistyped_options_are_told_before_the_file_is_read(tmp_path, options, words):
    with pytest.raises(DataError, match=words):
        read_csv(tmp_path / "nowhere.csv", **options)


def test_mistyped_options_of_tables_and_parquet_files(tmp_path):
    with pytest.raises(DataError, match=r"read_parquet takes no fil=; did you mean fill=\?"):
        read_parquet(tmp_path / "nowhere.parquet", fil=0)
    with pytest.raises(DataError, match=r"from_frame takes no transfrom=.*mean transform=\?"):
        from_frame(pytest.importorskip("pandas").DataFrame({"a": [1]}), transfrom=None)
