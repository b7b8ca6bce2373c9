"""CSV and Parquet files, read by pandas or polars, whichever is installed."""

from __future__ import annotations

import csv
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jairika_nb.data.dataset import TensorDataset
from jairika_nb.data.option_names import check_options
from jairika_nb.data.tables import TableDataset, from_frame
from jairika_nb.errors import DataError, MissingPackage

DELIMITERS = (";", "\t", "|")
READERS = ("pandas", "polars")
MISSING = ("", "NA", "NaN", "nan", "null")
TRUTH = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}


def read_csv(
    path: str | os.PathLike[str],
    target: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    missing: Sequence[str] = MISSING,
    reader: str | None = None,
    **options: Any,
) -> TableDataset:
    """A dataset of the lines of a CSV file whose first line names the columns.

    Blank lines are left out. ``missing`` are the texts that stand for a missing value. ``reader``
    is "pandas" or "polars"; by default the first that is installed. Everything else is as in
    :func:`from_frame`, ``fill`` and ``categories`` too. Raises DataError for a line with more or
    fewer fields than the first, naming it, for missing values and for files that are no text;
    MissingPackage without a reader.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(f"{folder}/t.csv").write_text("height,kind\\n1.5,cat\\n9,horse\\n")
    ...     dataset = read_csv(f"{folder}/t.csv", target="kind")
    >>> dataset[1], dataset.classes
    ((array([9.], dtype=float32), array(1, dtype=int32)), ('cat', 'horse'))
    """
    check_options("read_csv", options, read_csv, from_frame, TensorDataset)
    chosen = _reader("read_csv", reader)
    blank = _check_lines(Path(path), delimiter, encoding)
    if chosen == "pandas":
        frame = _pandas_csv(path, delimiter, encoding, list(missing))
    else:
        frame = _polars_csv(path, delimiter, encoding, list(missing), blank)
    return _dataset(path, frame, target, features, options)


def read_parquet(
    path: str | os.PathLike[str],
    target: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    *,
    reader: str | None = None,
    **options: Any,
) -> TableDataset:
    """A dataset of the rows of a Parquet file; only the columns that are used are read.

    Arguments are those of :func:`read_csv`. Raises DataError for a file that is none, and
    MissingPackage without pandas and pyarrow, or polars.
    """
    check_options("read_parquet", options, read_parquet, from_frame, TensorDataset)
    chosen = _reader("read_parquet", reader)
    columns = None
    if features is not None:
        columns = [*features, *([target] if isinstance(target, str) else target or ())]
    try:
        frame = _parquet(chosen, path, columns)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except ImportError as error:
        raise MissingPackage(
            "read_parquet needs pyarrow beside pandas; `pip install pyarrow`"
        ) from error
    except Exception as error:
        raise DataError(f"{path}: cannot be read as Parquet ({_first_line(error)})") from error
    return _dataset(path, frame, target, features, options)


def _dataset(path: Any, frame: Any, target: Any, features: Any, options: Any) -> TableDataset:
    try:
        return from_frame(frame, target, features, **options)
    except DataError as error:
        raise DataError(f"{path}: {error}{_other_delimiter(frame)}") from error


def _other_delimiter(frame: Any) -> str:
    """A hint where all columns were read as one."""
    names = [str(name) for name in frame.columns]
    found = next((d for d in DELIMITERS if len(names) == 1 and d in names[0]), None)
    return f"; is the delimiter another one, as in delimiter={found!r}?" if found else ""


def _reader(word: str, wanted: str | None) -> str:
    if wanted is not None and wanted not in READERS:
        raise DataError(f"reader={wanted!r} is unknown; use one of {', '.join(READERS)}")
    for name in (wanted,) if wanted else READERS:
        if importlib.util.find_spec(name) is not None:
            return name
    needs = wanted or "pandas or polars"
    raise MissingPackage(f"{word} needs {needs}; `pip install {wanted or 'pandas'}` adds it")


def _check_lines(path: Path, delimiter: str, encoding: str) -> list[int]:
    """The rows that are blank lines, which do not count.

    All others must have as many fields as the first; readers would fill up or cut silently.
    """
    blank = []
    try:
        with path.open(newline="", encoding=encoding) as file:
            lines = csv.reader(file, delimiter=delimiter, strict=True)
            header = next(lines, [])
            if not header:
                raise DataError(f"{path}: the file is empty; its first line must name the columns")
            if len(set(header)) < len(header):
                twice = next(n for n in header if header.count(n) > 1)
                raise DataError(f"{path}: the first line names the column {twice!r} twice")
            for row, fields in enumerate(lines):
                if not fields:
                    blank.append(row)
                elif len(fields) != len(header):
                    raise DataError(
                        f"{path}: line {lines.line_num} has {len(fields)} fields, the first line "
                        f"names {len(header)} columns"
                    )
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except csv.Error as error:
        raise DataError(f"{path}: line {lines.line_num} is no CSV ({error})") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not text in {encoding} ({error.reason} at byte {error.start})"
        ) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    return blank


def _pandas_csv(path: Any, delimiter: str, encoding: str, missing: list[str]) -> Any:
    import pandas

    return pandas.read_csv(
        path, sep=delimiter, encoding=encoding, na_values=missing, keep_default_na=False,
        index_col=False, low_memory=False,
    )  # fmt: skip


def _polars_csv(
    path: Any, delimiter: str, encoding: str, missing: list[str], blank: list[int]
) -> Any:
    import polars

    frame = polars.read_csv(
        path, separator=delimiter, encoding=encoding, null_values=missing,
        infer_schema_length=None,
    )  # fmt: skip
    if blank:  # pandas leaves such lines out
        frame = frame[np.setdiff1d(np.arange(len(frame)), blank)]
    frame = frame.with_columns([_number(c) for c in frame if c.dtype == polars.String])
    # polars takes only lower-case truth values for booleans, pandas takes these.
    truths = [
        column.name for column in frame
        if column.dtype == polars.String and column.drop_nulls().is_in(list(TRUTH)).all()
        and column.null_count() < len(column)
    ]  # fmt: skip
    return frame.with_columns(
        [frame[name].replace_strict(TRUTH, return_dtype=polars.Boolean) for name in truths]
    )


def _number(column: Any) -> Any:
    """A column of text as numbers where all are some: with blanks around, or a plus."""
    import polars

    for kind in (polars.Int64, polars.Float64):
        found = column.str.strip_chars().cast(kind, strict=False)
        if found.null_count() == column.null_count() < len(column):
            return found
    return column


def _parquet(reader: str, path: Any, columns: list[str] | None) -> Any:
    if reader == "pandas":
        import pandas

        return pandas.read_parquet(path, columns=columns)
    import polars

    return polars.read_parquet(path, columns=columns)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
