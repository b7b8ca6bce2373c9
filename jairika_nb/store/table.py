"""The rows of a segment, and those of a variant: made when they are asked for.

A list of twenty thousand names, or the tree that a sidebar shows, is told from the columns.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, overload

from jairika_nb.store import times
from jairika_nb.store.columns import Columns, packed
from jairika_nb.store.rows import Row

Key = tuple[str, str]  # variant and name


class Rows(Sequence[Row]):
    """Rows that are made one by one, by ``_at``, when they are asked for."""

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        if isinstance(index, slice):
            return tuple(self._at(i) for i in range(*index.indices(len(self))))
        return self._at(range(len(self))[index])

    def _at(self, index: int) -> Row:
        raise NotImplementedError


class Table(Rows):
    """The rows of a segment."""

    def __init__(self, columns: Columns) -> None:
        self.columns, self.names, self._made = columns, columns.names, dict[int, Row]()
        for number, more in columns.more.items():
            self._made[int(number)] = self._row(int(number)).with_more(more)

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Table:
        """Rows that were not sealed in this form."""
        table = cls(Columns(packed(rows)))
        table._made.update(enumerate(rows))
        return table

    def __len__(self) -> int:
        return self.columns.count

    def _at(self, index: int) -> Row:
        if index not in self._made:
            self._made[index] = self._row(index)
        return self._made[index]

    @cached_property
    def ids(self) -> list[str]:
        """The ids of the rows."""
        return self.columns.hashes[: len(self)]

    @cached_property
    def variants(self) -> list[str]:
        """The variants of the rows."""
        return [self.columns.variants[each] for each in self.columns.column("variant")]

    @cached_property
    def groups(self) -> dict[str, Sequence[int]]:
        """The numbers of each variant's rows."""
        column = self.columns.column("variant")
        if len(set(column)) == 1:
            return {self.columns.variants[column[0]]: range(len(self))}
        found: dict[str, list[int]] = {}
        for i, variant in enumerate(self.variants):
            found.setdefault(variant, []).append(i)
        return {**found}

    @cached_property
    def places(self) -> dict[Key, int]:
        """The numbers of the rows by variant and name."""
        return {key: i for i, key in enumerate(zip(self.variants, self.names, strict=True))}

    def leaves(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """What a tree shows of the rows of these numbers."""
        columns = self.columns
        plain = (self.names, self.ids, columns.column("time"), columns.messages)
        sizes = (columns.column("layers"), columns.column("bytes"))
        chosen = [[column[i] for i in numbers] for column in (*plain, *sizes)]
        made = zip(*chosen, columns.metrics(numbers), columns.parents(numbers), strict=True)
        return [
            {
                "name": name,
                "id": id,
                "time": times.printed(time),
                "message": message,
                "metrics": metrics,
                "parents": parents,
                "layers": layers,
                "bytes": size,
            }
            for name, id, time, message, layers, size, metrics, parents in made
        ]

    def _row(self, i: int) -> Row:
        columns = self.columns
        return Row(
            id=self.ids[i],
            variant=self.variants[i],
            name=self.names[i],
            time=columns.column("time")[i],
            parents=tuple(*columns.parents([i])),
            message=columns.messages[i],
            metrics=columns.metrics([i])[0],
            layers=columns.column("layers")[i],
            bytes=columns.column("bytes")[i],
            architecture=columns.architecture(i),
            at=columns.at(i),
            signatures=columns.signatures(i),
        )


class Branch(Rows):
    """The iterations of a variant, oldest first."""

    def __init__(self, variant: str, parts: Iterable[tuple[Table, Sequence[int]]] = ()) -> None:
        self.variant, self.parts = variant, [(t, numbers) for t, numbers in parts if numbers]
        self.ends = list(accumulate(len(numbers) for _, numbers in self.parts))

    @classmethod
    def of(cls, variant: str, tables: Iterable[Table]) -> Branch:
        """The rows of ``variant`` in all of ``tables``."""
        return cls(variant, ((each, each.groups.get(variant, ())) for each in tables))

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __iter__(self) -> Iterator[Row]:
        return (table[i] for table, numbers in self.parts for i in numbers)

    def __reversed__(self) -> Iterator[Row]:
        return (table[i] for table, numbers in reversed(self.parts) for i in reversed(numbers))

    def _at(self, index: int) -> Row:
        part = bisect_right(self.ends, index)
        table, numbers = self.parts[part]
        return table[numbers[index - self.ends[part]]]  # from the end of the part

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the iterations."""
        return tuple(table.names[i] for table, numbers in self.parts for i in numbers)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the iterations."""
        return tuple(
            id for table, numbers in self.parts for id in map(table.ids.__getitem__, numbers)
        )

    @property
    def is_signed(self) -> bool:
        """Whether any of the iterations has a signature."""
        columns = ((table.columns.column("signatures"), numbers) for table, numbers in self.parts)
        return any(column[i] for column, numbers in columns for i in numbers)

    def find(self, name: str) -> Row | None:
        """The iteration called ``name``, or None."""
        for table, numbers in reversed(self.parts):
            if (number := table.places.get((self.variant, name), -1)) in numbers:
                return table[number]
        return None

    def where(self, seen: Callable[[str], bool]) -> Branch:
        """The iterations for whose names ``seen`` holds."""
        parts = [(t, [i for i in numbers if seen(t.names[i])]) for t, numbers in self.parts]
        return Branch(self.variant, parts)

    def leaves(self) -> list[dict[str, Any]]:
        """What a tree shows of the iterations."""
        return [leaf for table, numbers in self.parts for leaf in table.leaves(numbers)]
