"""A model: variants of it, iterations of those, in one file that keeps every state."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from jairika_nb.errors import AddressError, Locked, ReadOnly
from jairika_nb.store import address, arrays, history, locks, names, rules, show, transaction
from jairika_nb.store.disk import WRITE, Disk
from jairika_nb.store.faults import telling
from jairika_nb.store.iteration import Iteration
from jairika_nb.store.note import noted
from jairika_nb.store.reader import Reader
from jairika_nb.store.variant import Variant
from jairika_nb.store.verify import Report, verify

MODES = ("r", "a")


class Model:
    """A model file, open for reading (``"r"``) or for reading and adding (``"a"``).

    ``model["mlp"]`` is a ``Variant``, ``model["mlp"]["PT"]`` an ``Iteration``; ``in``, ``len``
    and iteration go over the names of the variants, in order of creation. What it shows is the
    state it was opened at, and its own changes; ``refresh()`` shows what others added.
    """

    def __init__(
        self, path: Path, mode: str = "r", *, disk: Disk | None = None, wait: float = locks.WAIT
    ) -> None:
        if mode not in MODES:
            raise AddressError(f"cannot open {path} in mode {mode!r}: the modes are 'r' and 'a'")
        self.path, self.mode, self._disk, self._wait = path, mode, disk, wait
        self._reader = Reader(path, disk)
        self._attempted: set[str] = set()
        if mode == "a":
            self._check_writable()

    # What it holds.

    @property
    def address(self) -> str:
        """The file's URL."""
        return address.url(self.path)

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants, in order of creation."""
        return tuple(each.name for each in self._reader.catalogue.variants)

    @property
    def current(self) -> str:
        """Name of the variant in use: where commits go by default."""
        return self._reader.catalogue.current

    def __getitem__(self, variant: str) -> Variant:
        return Variant(self._reader, rules.branch_of(self._reader, _known(variant)))

    def __contains__(self, variant: object) -> bool:
        return variant in self.variants

    def __iter__(self) -> Iterator[str]:
        return iter(self.variants)

    def __len__(self) -> int:
        return len(self.variants)

    def __repr__(self) -> str:
        return f"<Model {self.address}: {', '.join(self.variants)}>"

    def _repr_html_(self) -> str:
        return show.tree_html(self.info())

    def log(self, variant: str | None = None) -> list[Iteration]:
        """The iterations of ``variant`` (default: the one in use), newest first."""
        branch = self[self.current if variant is None else variant]
        return [branch[name] for name in reversed(branch.iterations)]

    def info(self) -> dict[str, Any]:
        """The tree of variants and iterations as JSON data."""
        return self._reader.tree()

    def verify(self) -> Report:
        """Check every byte that an iteration leads to, and what other HDF5 programs see."""
        self.refresh()
        return verify(self._reader)

    def refresh(self) -> Model:
        """Show what others have committed since; gives the model itself."""
        self._reader.refresh()
        return self

    # How it grows.

    def commit(
        self,
        net: Any,
        variant: str | None = None,
        name: str | None = None,
        message: str = "",
        metrics: Mapping[str, Any] | None = None,
        optimizer: Any = None,
        training: Any = None,
        replaces: str | None = None,
        time: datetime | str | None = None,
        author: str | None = None,
    ) -> Iteration:
        """Keep the state of ``net`` as a new iteration; it is on the medium when this returns.

        ``net`` has ``state_dict()`` and perhaps ``architecture()``, or is a mapping of dotted
        names to arrays; ``optimizer`` likewise, its plain numbers are kept too; ``training`` is
        the state of a run of ``fit``, arrays by name. Default
        ``variant``: the one in use; ``name``: ``prime`` for the first, then ``iteration-N``;
        ``author``: the user's login name. Layers that have not changed take no room.

        ``replaces`` names the newest iteration of the variant, whose place the new one takes, as
        an automatic checkpoint does; both may have one name. The old one is no longer listed.

        Raises ``NameTaken``, ``BadName``, ``ArchitectureError`` (derive a variant first),
        ``DTypeError``, ``Locked``, ``NoSpace``, ``ReadOnly``, and ``StoreError`` where another
        program has added to the variant since the model was opened; nothing is lost then.
        """
        self._check_mode("commit to")
        kept = arrays.content(net, optimizer, training)
        note = noted(message, metrics, time, author)
        chosen = None if name is None else names.checked("iteration", name)
        branch = _known(self.current if variant is None else variant)
        if branch not in self:
            self.refresh()
        self._attempted.update(row.id for row in self._reader.iterations(branch)[-1:])
        before = None if replaces is None else _known(replaces)
        row = self._change(history.commit(branch, chosen, kept, note, self._attempted, before))
        return self[row.variant][row.name]

    def derive(
        self,
        name: str,
        source: str | None = None,
        iteration: str | None = None,
        *,
        time: datetime | str | None = None,
        switch: bool = False,
    ) -> Variant:
        """Start the variant ``name`` from an iteration of ``source``; no tensor is copied.

        Default ``source``: the variant in use, default ``iteration``: its newest. The new
        variant has one iteration, ``prime``; the next commit to it may have another
        architecture, later ones have that one. ``switch=True`` also makes it the one in use.

        Raises ``NameTaken``, ``NotFound``, ``BadName``.
        """
        self._check_mode("derive in")
        chosen = names.checked("variant", name)
        note = noted("", None, time, None)
        origin = _known(self.current if source is None else source)
        wanted = None if iteration is None else _known(iteration)
        self._change(history.derive(chosen, origin, wanted, note, switch=switch))
        return self[chosen]

    def switch(self, variant: str) -> Variant:
        """Make ``variant`` the one in use; raises ``NotFound``."""
        self._check_mode("switch in")
        chosen = _known(variant)
        self._change(history.switch(chosen))
        return self[chosen]

    def close(self) -> None:
        """Let the file go; commits are on the medium already."""
        self._reader.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _change(self, change: Any) -> Any:
        result = transaction.change(self.path, change, disk=self._disk, wait=self._wait)
        self._reader.refresh()
        self._attempted.clear()
        return result

    def _check_mode(self, verb: str) -> None:
        self._reader.ranges.check_open()
        if self.mode == "r":
            raise ReadOnly(
                f"cannot {verb} {self.path}: it was opened for reading; open it with mode='a'"
            )

    def _check_writable(self) -> None:
        """Say now, not after an hour of training, that the file refuses writes."""
        with telling("write", self.path):
            os.close(os.open(self.path, WRITE))
        if self._reader.ranges.size > self._reader.root.end:
            # A writer was killed here, or is at work; then it holds the lock and needs no help.
            with suppress(Locked):
                transaction.recover(self.path, disk=self._disk)
                self._reader.refresh()


def _known(name: object) -> str:
    """A name to look up: as it would have been stored, so that either Unicode form finds it."""
    return names.checked("variant or iteration", name)
