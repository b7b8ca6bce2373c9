"""A model as one of its users may see it.

The same reader serves two ends. Opened with ``as_=``, it stops mistakes in a process that could
read the file anyway, and is no boundary; in a Jupyter server, which hands out nothing that it
does not show, it is one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from jairika_nb.errors import Forbidden
from jairika_nb.store import address as addresses
from jairika_nb.store.disk import Disk
from jairika_nb.store.manifest import Tensor
from jairika_nb.store.names import layer_of
from jairika_nb.store.policy import Policy
from jairika_nb.store.reader import Guard, Reader
from jairika_nb.store.rows import Event, Row
from jairika_nb.store.vault import Vault

if TYPE_CHECKING:
    from jairika_nb.store.tensors import Lazy

MOST_NAMED = 4


class Viewed(Reader):
    """A reader that lists what ``who`` may read; raises ``Forbidden`` where that is nothing."""

    def __init__(
        self,
        path: addresses.Location,
        who: str,
        disk: Disk | None = None,
        *,
        guard: Guard | None = None,
        vault: Vault | None = None,
    ) -> None:
        self.who = who
        super().__init__(path, disk, guard=guard, vault=vault)

    def policy(self) -> Policy:
        """The access rules, for those who may see them; raises ``Forbidden``."""
        if not self.ruling.allows(self.who, "read-policy"):
            raise refused(self, "read-policy", ())
        return self.ruling

    def readable(self, row: Row, tensor: Tensor) -> bool:
        return self.ruling.allows(self.who, "read", row.variant, row.name, layer(tensor))

    def events(self) -> tuple[Event, ...]:
        """The lines of the reflog about what may be seen; those about the whole file are not."""
        if self.ruling.allows(self.who, "read", whole=True):
            return super().events()
        return tuple(each for each in super().events() if each.variant and self._sees(each))

    def _turn(self) -> None:
        super()._turn()
        self.ruling = super().policy()
        if not self.ruling.allows(self.who, "read"):
            raise refused(self, "read", ())
        self._hide()

    def _hide(self) -> None:
        rows = {
            name: branch.where(partial(self.ruling.allows, self.who, "read", name))
            for name, branch in self.branches.items()
        }
        self.branches = {variant: branch for variant, branch in rows.items() if branch}
        if not self.branches:
            raise refused(self, "read", ())
        kept, ids = self.catalogue, {row.id for row in self.rows()}
        # What is removed keeps its tag, and who may read it sees that.
        ids |= {row.id for row in self.removed()}
        self.catalogue = replace(
            kept,
            current=kept.current if kept.current in self.branches else next(iter(self.branches)),
            variants=tuple(each for each in kept.variants if each.name in self.branches),
            tags=tuple(each for each in kept.tags if each.id in ids),
        )

    def _sees(self, row: Event) -> bool:
        return self.ruling.allows(self.who, "read", row.variant, row.name)


def layer(tensor: Tensor) -> str:
    """The layer that a rule has to match for an array.

    A parameter that is in no layer is its own; the arrays of the optimiser and of a training run
    are in ``@optimizer`` and ``@training``.
    """
    if tensor.owner != "net":
        return f"@{tensor.owner}"
    return layer_of(tensor.name) or tensor.name


def refused(reader: Reader, verb: str, path: Iterable[str], who: str | None = None) -> Forbidden:
    """The error for what the rules do not allow."""
    name = getattr(reader, "who", "") if who is None else who
    where = "/".join(path)
    return Forbidden(
        f"the access rules of {addresses.title(reader.path)} do not let {name!r} {verb}"
        f"{f' {where!r}' if where else ' it'}; ask an owner for a rule"
    )


def check_readable(reader: Reader, row: Row, tensors: Iterable[Tensor]) -> None:
    """Raise ``Forbidden`` where some of the arrays may not be read, naming their layers."""
    shut = dict.fromkeys(layer(each) for each in tensors if not reader.readable(row, each))
    if shut:
        named = ", ".join([*shut][:MOST_NAMED]) + (", ..." if len(shut) > MOST_NAMED else "")
        raise Forbidden(
            f"the access rules do not let {getattr(reader, 'who', '')!r} read {named} of "
            f"{row.variant}/{row.name}; read other layers one by one with arrays(lazy=True)"
        )


def partly(lazy: Lazy, reader: Reader, row: Row) -> Lazy:
    """Let ``lazy`` refuse the arrays that may not be read, when they are touched."""
    shut = {
        name: tensor
        for name, (tensor, _) in lazy.placed.items()
        if not reader.readable(row, tensor)
    }
    if not shut:
        return lazy
    from jairika_nb.store.tensors import Lazy

    class Partly(Lazy):
        def __getitem__(self, name: str) -> object:  # type: ignore[override]
            if name in shut:
                check_readable(reader, row, [shut[name]])
            return super().__getitem__(name)

    return Partly(lazy.model, lazy.placed)
