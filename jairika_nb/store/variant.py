"""A variant: a line of iterations of one architecture."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from jairika_nb.store import names, rules, times
from jairika_nb.store.catalogue import VariantRow
from jairika_nb.store.iteration import Iteration
from jairika_nb.store.reader import Reader


class Variant:
    """A variant of an open model; ``variant["PT"]`` is an ``Iteration``."""

    def __init__(self, reader: Reader, row: VariantRow) -> None:
        self.reader, self.row = reader, row

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def created(self) -> datetime:
        """When it was made, UTC."""
        return times.moment(self.row.created)

    @property
    def parent(self) -> tuple[str, str] | None:
        """Variant and iteration it was derived from, or None."""
        return self.row.parent

    @property
    def iterations(self) -> tuple[str, ...]:
        """Names of the iterations, oldest first."""
        return tuple(row.name for row in self.reader.iterations(self.name))

    @property
    def head(self) -> Iteration:
        """The newest iteration."""
        return Iteration(self.reader, rules.row_of(self.reader, self.name))

    @property
    def architecture(self) -> Any:
        """The newest iteration's architecture as JSON data, or None."""
        return self.head.architecture

    def __getitem__(self, iteration: str) -> Iteration:
        name = names.checked("iteration", iteration)
        return Iteration(self.reader, rules.row_of(self.reader, self.name, name))

    def __contains__(self, iteration: object) -> bool:
        return iteration in self.iterations

    def __iter__(self) -> Iterator[str]:
        return iter(self.iterations)

    def __len__(self) -> int:
        return len(self.iterations)

    def __repr__(self) -> str:
        return f"<Variant {self.name!r}: {', '.join(self.iterations)}>"
