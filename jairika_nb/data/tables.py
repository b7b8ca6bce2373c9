"""Tables of pandas or polars as datasets: columns become features, one of them the target."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jairika_nb.data.dataset import TensorDataset
from jairika_nb.data.option_names import check_options
from jairika_nb.errors import DataError

Fill = float | str | Mapping[str, float | str] | None


class TableDataset(TensorDataset):
    """Rows of a table: features float32 (N, columns), then the target where one was chosen.

    ``features`` are the columns' names, ``categories`` the values of those that hold text, in the
    order of their indices; give it to the next table so that equal texts get equal indices.
    """

    def __init__(
        self, *arrays: Any, features: Sequence[str], categories: dict[str, tuple], **options: Any
    ) -> None:
        self.features, self.categories = tuple(features), categories
        super().__init__(*arrays, **options)


def from_frame(
    frame: Any,
    target: str | Sequence[str] | None = None,
    features: Sequence[str] | None = None,
    *,
    fill: Fill = None,
    categories: Mapping[str, Sequence[str]] | None = None,
    **options: Any,
) -> TableDataset:
    """A dataset of the rows of a pandas or polars table.

    ``features`` are columns, by default all but the ``target``. Text becomes the index of its
    value among the column's sorted values (or those of an ordered category type); as a target its
    values are the dataset's ``classes``. A target of integers stays int32, of floats float32;
    several columns as the target make float32 (N, columns). ``options`` are those of
    TensorDataset.

    Missing values raise DataError naming row (from 0) and column, unless ``fill`` says what to
    take: one value for all features it fits, or one a column; a target is filled only by name.
    Raises DataError too for unknown columns, values outside ``categories``, dates and the like.

    >>> import pandas
    >>> table = pandas.DataFrame({"size": [1.5, 2.0], "kind": ["b", "a"]})
    >>> dataset = from_frame(table, target="kind")
    >>> dataset[0], dataset.classes
    ((array([1.5], dtype=float32), array(1, dtype=int32)), ('a', 'b'))
    """
    check_options("from_frame", options, from_frame, TensorDataset)
    names = _names(frame)
    targets = [target] if isinstance(target, str) else list(target or ())
    chosen = [n for n in names if n not in targets] if features is None else list(features)
    for name in (*chosen, *targets):
        _check_column(name, names)
    if not chosen:
        raise DataError("no column is left for the features; choose some by features=[...]")
    reading = _Reading(frame, fill, dict(categories or {}), tuple(targets))
    columns = [reading.numbers(name) for name in chosen]
    arrays = [np.stack(columns, axis=1).astype(np.float32)] if len(frame) else [np.zeros((0, 1))]
    if targets:
        values = [reading.numbers(name) for name in targets]
        many = not isinstance(target, str)
        arrays.append(np.stack(values, axis=1).astype(np.float32) if many else _target(values[0]))
    if isinstance(target, str) and target in reading.categories:
        options.setdefault("classes", reading.categories[target])
    return TableDataset(*arrays, features=chosen, categories=reading.categories, **options)


def _names(frame: Any) -> list[str]:
    if not hasattr(frame, "columns") or not hasattr(frame, "__len__"):
        raise DataError(
            f"{type(frame).__name__} is no table; give a DataFrame of pandas or polars (collected)"
        )
    names = list(frame.columns)
    double = {n for n in names if names.count(n) > 1}
    if double:
        raise DataError(
            f"the table has several columns {sorted(map(str, double))[0]!r}; rename them"
        )
    return names


def _check_column(name: str, names: list[str]) -> None:
    if name not in names:
        near = difflib.get_close_matches(str(name), map(str, names), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(f"the table has no column {name!r}, only {names}{hint}")


def _target(values: np.ndarray) -> np.ndarray:
    """Integers as int32 where they fit, floats as float32."""
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    fits = not values.size or (abs(int(values.min())) < 2**31 and int(values.max()) < 2**31)
    return values.astype(np.int32) if fits else values


@dataclass
class _Reading:
    """Columns of a table as numbers, remembering which index each text got."""

    frame: Any
    fill: Fill
    categories: dict[str, Any]
    targets: tuple[str, ...]

    def numbers(self, name: str) -> np.ndarray:
        """A column as integers or float64."""
        column = self.frame[name]
        values, missing, order = (_pandas if hasattr(column, "isna") else _polars)(column)
        if values.dtype.kind not in "biufOUT":
            raise DataError(
                f"column {name!r} holds {column.dtype}; make numbers or text of it first"
            )
        text = values.dtype.kind not in "biuf"
        if text:
            _check_texts(name, values, missing)
        if missing.any():
            values = self._filled(name, values, missing, text)
        if text or name in self.categories:
            return self._indices(name, values, order)
        return values.astype(np.int64) if values.dtype.kind == "b" else values

    def _filled(self, name: str, values: np.ndarray, missing: np.ndarray, text: bool) -> np.ndarray:
        named = self.fill if isinstance(self.fill, Mapping) else {}
        general = None if named or name in self.targets else self.fill
        value = named.get(name, general)
        fits = isinstance(value, str) if text else isinstance(value, int | float)
        if value is None or isinstance(value, Mapping) or not fits:
            row, count = int(np.flatnonzero(missing)[0]), int(missing.sum())
            others = f", and {count - 1} more" if count > 1 else ""
            kind = "text" if text else "a number"
            raise DataError(
                f"row {row}, column {name!r} is missing{others}; drop such rows or give {kind} to "
                f"take by fill={{{name!r}: ...}}"
            )
        return np.where(missing, value, values)

    def _indices(self, name: str, values: np.ndarray, order: list[str]) -> np.ndarray:
        texts = [str(value) for value in values.tolist()]
        known = [str(c) for c in self.categories.get(name, ())] or order or sorted(set(texts))
        place = {text: index for index, text in enumerate(known)}
        self.categories[name] = tuple(known)
        found = np.array([place.get(text, -1) for text in texts], np.int64)
        if (found < 0).any():
            row = int(np.flatnonzero(found < 0)[0])
            raise DataError(
                f"row {row}, column {name!r} is {texts[row]!r}, which is none of the categories "
                f"{known[:8]}{'...' if len(known) > 8 else ''}"
            )
        return found


def _pandas(column: Any) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Values, which of them are missing, and the order of an ordered type."""
    import pandas

    missing, dtype = column.isna().to_numpy(bool), column.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        return column.astype(object).to_numpy(), missing, [str(c) for c in dtype.categories]
    if pandas.api.types.is_bool_dtype(dtype) and not missing.any():
        return column.to_numpy(bool), missing, []
    if pandas.api.types.is_numeric_dtype(dtype):
        whole = pandas.api.types.is_integer_dtype(dtype) and not missing.any()
        return column.to_numpy(np.int64 if whole else np.float64, na_value=np.nan), missing, []
    values = column.to_numpy(object if pandas.api.types.is_string_dtype(dtype) else None)
    if values.dtype.kind == "O" and all(isinstance(v, int | float) for v in values[~missing]):
        # Truths and numbers become objects where one of them is missing.
        return np.where(missing, np.nan, values).astype(np.float64), missing, []
    return values, missing, []


def _polars(column: Any) -> tuple[np.ndarray, np.ndarray, list[str]]:
    missing, dtype = column.is_null(), column.dtype
    kind = str(dtype).split("(")[0]
    if kind in ("Categorical", "Enum"):
        order = dtype.categories.to_list() if kind == "Enum" else []
        return column.cast(str).to_numpy(), missing.to_numpy(), order
    if kind == "Decimal":
        column, dtype = column.cast(float), column.cast(float).dtype
    if dtype.is_float():
        missing = missing | column.is_nan().fill_null(False)
    if dtype.is_numeric() and column.null_count():
        return column.cast(float).fill_null(float("nan")).to_numpy(), missing.to_numpy(), []
    if kind == "Boolean" and column.null_count():
        return column.cast(float).fill_null(float("nan")).to_numpy(), missing.to_numpy(), []
    return column.to_numpy(), missing.to_numpy(), []


def _check_texts(name: str, values: np.ndarray, missing: np.ndarray) -> None:
    """Texts, numbers and truths may be categories; lists and the like may not."""
    for value, gone in zip(values.tolist(), missing.tolist(), strict=True):
        if not gone and not isinstance(value, str | int | float | bool):
            kind = type(value).__name__
            raise DataError(f"column {name!r} holds {kind} values; make numbers or text of them")
