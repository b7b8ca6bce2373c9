"""A variant: a line of iterations of one architecture."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from jairika_nb.store import names, rules, times
from jairika_nb.store.iteration import Iteration
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import VariantRow
from jairika_nb.store.table import Branch


class Variant:
    """A variant of an open model; ``variant["PT"]`` is an ``Iteration``."""

    def __init__(self, reader: Reader, row: VariantRow) -> None:
        self._reader, self._row = reader, row

    @property
    def name(self) -> str:
        return self._row.name

    @property
    def created(self) -> datetime:
        """When it was made, UTC."""
        return times.moment(self._row.created)

    @property
    def parent(self) -> tuple[str, str] | None:
        """Variant and iteration it was derived from, or None."""
        return self._row.parent

    @property
    def iterations(self) -> tuple[str, ...]:
        """Names of the iterations, oldest first."""
        return self._rows.names

    @property
    def head(self) -> Iteration:
        """The newest iteration."""
        return Iteration(self._reader, rules.row_of(self._reader, self.name))

    @property
    def architecture(self) -> Any:
        """The newest iteration's architecture as JSON data, or None."""
        return self.head.architecture

    def __getitem__(self, iteration: str) -> Iteration:
        name = names.checked("iteration", iteration)
        return Iteration(self._reader, rules.row_of(self._reader, self.name, name))

    def __contains__(self, iteration: object) -> bool:
        return isinstance(iteration, str) and self._rows.find(iteration) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.iterations)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return f"<Variant {self.name!r}: {', '.join(self.iterations)}>"

    @property
    def _rows(self) -> Branch:
        return self._reader.iterations(self.name)
