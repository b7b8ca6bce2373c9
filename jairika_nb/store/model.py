"""A model: variants of it, iterations of those, in one file that keeps every state."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jairika_nb.errors import DataError, NotFound
from jairika_nb.store import address, arrays, graph, history, names, rules, show, signing
from jairika_nb.store.iteration import Iteration
from jairika_nb.store.note import noted
from jairika_nb.store.opened import known
from jairika_nb.store.revising import Revising
from jairika_nb.store.ruling import Ruling
from jairika_nb.store.space import Space, space
from jairika_nb.store.variant import Variant
from jairika_nb.store.verify import Report, verify
from jairika_nb.store.vouching import Signer

if TYPE_CHECKING:
    from jairika_nb.store.difference import Difference


class Model(Revising, Ruling):
    """A model file, open for reading (``"r"``) or for reading and adding (``"a"``).

    ``model["mlp"]`` is a ``Variant``, ``model["mlp"]["PT"]`` an ``Iteration``; ``in``, ``len``
    and iteration go over the names of the variants, in order of creation. What it shows is the
    state it was opened at, and its own changes; ``refresh()`` shows what others added.
    """

    # What it holds.

    @property
    def address(self) -> str:
        """The file's URL."""
        return address.url(self.path)

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants, in order of creation."""
        return tuple(each.name for each in self._reader.catalogue.variants)

    def __getitem__(self, variant: str) -> Variant:
        return Variant(self._reader, rules.branch_of(self._reader, known(variant)))

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
        rows = self._reader.iterations(branch.name)
        return [Iteration(self._reader, row) for row in reversed(rows)]

    def graph(self) -> list[graph.Node]:
        """All iterations with their lines of descent, children first: see ``store.graph``."""
        labels: dict[str, list[str]] = {}
        for name in self.variants:
            mark = f"{name} *" if name == self.current else name
            labels.setdefault(self[name].head.id, []).append(mark)
        for tag in self._reader.catalogue.tags:
            labels.setdefault(tag.id, []).append(f"tag {tag.name}")
        return graph.laid_out(self._reader.rows(), labels)

    def info(self) -> dict[str, Any]:
        """The tree of variants and iterations as JSON data."""
        return signing.told(self._reader, self._reader.tree())

    def diff(self, left: str | None = None, right: str | None = None) -> Difference:
        """What changed from one iteration to another: layers, norms, metrics, settings.

        Both are what ``find`` takes. Default ``right``: the newest of the variant in use; default
        ``left``: the one before it. Raises ``NotFound``.
        """
        from jairika_nb.store.difference import difference

        newest = self[self.current].head
        end = newest if right is None else self.find(right)
        return difference(self._before(end) if left is None else self.find(left), end)

    def _before(self, iteration: Iteration) -> Iteration:
        rows = self._reader.iterations(iteration.variant)
        place = rows.ids.index(iteration.id) if iteration.id in rows.ids else 0
        if place == 0:
            raise NotFound(
                f"nothing comes before iteration {iteration.name!r} of variant "
                f"{iteration.variant!r}; name two iterations to compare"
            )
        return Iteration(self._reader, rows[place - 1])

    def verify(self) -> Report:
        """Check every byte that an iteration leads to, and what other HDF5 programs see."""
        self.refresh()
        return verify(self._reader)

    def space(self) -> Space:
        """Which iterations hold bytes that no other one holds, and what the file is besides."""
        return space(self._reader, self.address)

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
        sign: Signer = None,
    ) -> Iteration:
        """Keep the state of ``net`` as a new iteration; it is on the medium when this returns.

        ``net`` has ``state_dict()`` and perhaps ``architecture()``, or is a mapping of dotted
        names to arrays; ``optimizer`` likewise, its plain numbers are kept too; ``training`` is
        the state of a run of ``fit``, arrays by name. Default
        ``variant``: the one in use; ``name``: ``prime`` for the first, then ``iteration-N``;
        ``author``: the user's login name. Layers that have not changed take no room.

        ``sign`` is the key that signs it, a name of one or its file; default: the model's ``key``,
        if it has one; ``False`` for none.

        ``replaces`` names the newest iteration of the variant, whose place the new one takes, as
        an automatic checkpoint does; both may have one name. The old one is no longer listed.

        Raises ``NameTaken``, ``BadName``, ``ArchitectureError`` (derive a variant first),
        ``DTypeError``, ``Locked``, ``NoSpace``, ``ReadOnly``, ``KeyProblem``, and ``StoreError``
        where another program has added to the variant since the model was opened; nothing is lost
        then.
        """
        self._check_mode("commit to")
        kept = arrays.content(net, optimizer, training)
        note = self._noted(message, metrics, time, author, sign)
        chosen = None if name is None else names.checked("iteration", name)
        branch = known(self.current if variant is None else variant)
        if branch not in self:
            self.refresh()
        self._attempted.update(row.id for row in self._reader.iterations(branch)[-1:])
        before = None if replaces is None else known(replaces)
        row = self._change(history.commit(branch, chosen, kept, note, self._attempted, before))
        return self[row.variant][row.name]

    def check_fits(self, net: Any, variant: str | None = None) -> None:
        """Raise now what a ``commit`` of ``net`` to ``variant`` would raise for its architecture.

        So a long training need not come to its end to learn it. Raises ``NotFound``,
        ``ArchitectureError`` (derive a variant first), ``ReadOnly``.
        """
        self._check_mode("commit to")
        branch = rules.branch_of(self._reader, known(self.current if variant is None else variant))
        rows = self._reader.iterations(branch.name)
        rules.check_architecture(self._reader, branch, rows, arrays.content(net))

    def import_from(
        self,
        place: str | os.PathLike[str],
        variant: str | None = None,
        name: str | None = None,
        message: str = "",
        *,
        layout: str = "plain",
        match: str = "name",
    ) -> Iteration:
        """Commit the arrays of a file: HDF5 of any origin, safetensors, ``.npz``.

        HDF5 is read in a process of its own, under limits; a warning names what is not read, such
        as links and text. ``layout="keras"`` takes Keras's weights (names and kernels become
        PyTorch's); ``match="order"`` gives the arrays the names of the variant's newest iteration
        one by one, where all shapes agree. Default ``message``: where they came from. Raises
        ``DataError``, ``AddressError``, and what ``commit`` raises.
        """
        from jairika_nb.store import importing

        self._check_mode("import into")
        path = address.resolve(place)
        values = importing.read(path, layout)
        if match == "order":
            values = self._matched(values, self.current if variant is None else variant)
        elif match != "name":
            raise DataError(f"cannot match arrays by {match!r}: give 'name' or 'order'")
        return self.commit(values, variant, name, message or f"imported from {path.name}")

    def _matched(self, values: Mapping[str, Any], variant: str) -> dict[str, Any]:
        from jairika_nb.store import importing

        head = self[variant].head
        kept = [t.name for t in head.tensors if t.name.endswith("num_batches_tracked")]
        wanted = {t.name: t.shape for t in head.tensors if t.name not in kept}
        found = importing.in_order(values, wanted)
        old = head.arrays(lazy=True)
        return {t.name: found[t.name] if t.name in found else old[t.name] for t in head.tensors}

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

        Default ``source``: the variant in use, default ``iteration``: its newest; otherwise what
        ``find`` takes, so that an id brings back what was removed. The new
        variant has one iteration, ``prime``; the next commit to it may have another
        architecture, later ones have that one. ``switch=True`` also makes it the one in use.

        Raises ``NameTaken``, ``NotFound``, ``BadName``.
        """
        self._check_mode("derive in")
        chosen = names.checked("variant", name)
        note = self._noted(time=time)
        origin = known(self.current if source is None else source)
        self._change(history.derive(chosen, origin, iteration, note, switch=switch))
        return self[chosen]

    def switch(self, variant: str) -> Variant:
        """Make ``variant`` the one in use; raises ``NotFound``."""
        self._check_mode("switch in")
        chosen = known(variant)
        self._change(history.switch(chosen, noted("", None, None, None)))
        return self[chosen]

    def __enter__(self) -> Model:
        return self
