"""The part of a model that goes back over its history: tags, reverting, removing, the reflog."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from jairika_nb.errors import StoreError
from jairika_nb.store import merging, names, refs, retention, revision
from jairika_nb.store.collect import Collected, collect
from jairika_nb.store.iteration import Iteration
from jairika_nb.store.note import noted
from jairika_nb.store.opened import known
from jairika_nb.store.planning import Planned, planned
from jairika_nb.store.retention import Keep
from jairika_nb.store.rows import Event
from jairika_nb.store.sharing import Sharing
from jairika_nb.tensors.plain import number


@dataclass(frozen=True)
class Merged:
    """What a merge made: the iteration, and whose values each layer has that differed.

    ``kind`` is ``"merged"``, ``"fast-forward"``, or ``"nothing"`` where all was there already.
    """

    iteration: Iteration
    kind: str
    choices: Mapping[str, str]
    notes: Sequence[str]


class Revising(Sharing):
    """Tags, revert, remove, reflog, merge, gc."""

    @property
    def tags(self) -> Mapping[str, Iteration]:
        """Tagged iterations by tag, in the order the tags were made."""
        tags = self._reader.catalogue.tags
        return {
            each.name: Iteration(self._reader, refs.by_id(self._reader, each.id)) for each in tags
        }

    def find(self, iteration: str, variant: str | None = None) -> Iteration:
        """The iteration that a name means, as the words take it.

        ``"PT"`` of ``variant`` (default: the one in use), ``"lstm/PT"``, ``"lstm"`` for the
        newest of a variant, a tag, or an id's first six digits or more, which also finds what
        was removed. Raises ``NotFound``.
        """
        row = refs.row_at(self._reader, iteration, None if variant is None else known(variant))
        return Iteration(self._reader, row)

    def reflog(self) -> tuple[Event, ...]:
        """What was done to this file, newest first; it keeps removed iterations reachable."""
        return tuple(reversed(self._reader.events()))

    def tag(
        self,
        name: str,
        iteration: str | None = None,
        message: str = "",
        time: datetime | str | None = None,
    ) -> Iteration:
        """Give an iteration (default: the newest of the variant in use) a name that stays with it.

        ``iteration`` is what ``find`` takes. Raises ``NameTaken``, ``NotFound``, ``BadName``.
        """
        self._check_mode("tag in")
        chosen = names.checked("tag", name)
        start = self._newest() if iteration is None else iteration
        row = self._change(revision.tag(chosen, start, noted(message, None, time, None)))
        return Iteration(self._reader, row)

    def revert(
        self,
        iteration: str,
        variant: str | None = None,
        name: str | None = None,
        message: str = "",
        *,
        time: datetime | str | None = None,
        author: str | None = None,
    ) -> Iteration:
        """Go back to the state of an iteration, as a new iteration of ``variant``.

        No tensor is copied and nothing is lost: the iterations in between stay. ``iteration`` is
        what ``find`` takes, so a removed one comes back by its id. Default ``variant``: the one
        in use. Raises ``NotFound``, ``NameTaken``, ``StoreError`` where it is the newest already,
        ``ArchitectureError`` where the variant has another architecture (derive one from it).
        """
        self._check_mode("revert in")
        branch = known(self.current if variant is None else variant)
        chosen = None if name is None else names.checked("iteration", name)
        note = self._noted(message, None, time, author)
        row = self._change(revision.revert(branch, iteration, chosen, note))
        return Iteration(self._reader, row)

    def remove(
        self,
        iteration: str | None = None,
        variant: str | None = None,
        *,
        tag: str | None = None,
        force: bool = False,
        time: datetime | str | None = None,
    ) -> tuple[str, ...]:
        """Take an iteration of ``variant`` off the lists, a whole variant, or a tag.

        ``remove("PT")`` removes from the variant in use, ``remove("PT", "lstm")`` from another,
        ``remove(variant="lstm")`` all of it, ``remove(tag="v1")`` the tag alone. Gives the ids,
        by which ``revert`` and ``derive`` have them back until ``gc`` drops them.

        Raises ``NotFound``; ``StoreError`` for the only iteration or variant, and without
        ``force`` for what is tagged and for the variant in use.
        """
        self._check_mode("remove from")
        note = noted("", None, time, None)
        if tag is not None:
            if iteration is not None or variant is not None:
                raise StoreError("cannot remove a tag and an iteration in one call; use two")
            self._change(revision.untag(names.checked("tag", tag), note))
            return ()
        if iteration is None and variant is None:
            raise StoreError("nothing to remove was named: give an iteration, a variant or a tag")
        if iteration is not None and "/" in iteration and variant is None:
            variant, _, iteration = iteration.partition("/")
        branch = known(self.current if variant is None else variant)
        start = None if iteration is None else known(iteration)
        gone = self._change(revision.remove(branch, start, note, force=force))
        return tuple(row.id for row in gone)

    def merge(
        self,
        source: str,
        into: str | None = None,
        strategy: str | Mapping[str, str] | None = None,
        weight: float = 0.5,
        *,
        name: str | None = None,
        message: str = "",
        metrics: Mapping[str, float] | None = None,
        time: datetime | str | None = None,
        author: str | None = None,
    ) -> Merged:
        """Bring the iteration ``source`` (what ``find`` takes) into the variant ``into``.

        Default ``into``: the one in use. Where it is an ancestor of ``source``, its state becomes
        that of ``source``. Otherwise each layer that only one side has changed since both parted
        is that side's; for one that both changed, ``strategy`` says whose it is, ``"ours"`` or
        ``"theirs"``, or takes the ``"mean"``, ``(1 - weight) * ours + weight * theirs`` (Izmailov
        et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018), of
        floats; integers stay ours. A mapping gives a strategy for each such layer. The result is
        one new iteration with both as parents; the optimiser's state is kept where all values
        come from one side.

        Raises ``MergeConflict`` without a strategy, ``ArchitectureError`` where both sides have
        changed the architecture, ``NotFound``, ``NameTaken``.
        """
        self._check_mode("merge in")
        wanted = strategy.values() if isinstance(strategy, Mapping) else [strategy]
        for each in wanted:
            if each not in (None, *merging.STRATEGIES):
                listed = ", ".join(merging.STRATEGIES)
                raise StoreError(f"no strategy {each!r} for a merge: give one of {listed}")
        if not 0 <= weight <= 1:
            raise StoreError(f"cannot merge with weight {weight!r}: it lies between 0 and 1")
        branch = known(self.current if into is None else into)
        chosen = None if name is None else names.checked("iteration", name)
        note = self._noted(message, metrics, time, author)
        done = self._change(merging.merge(branch, source, strategy, weight, chosen, note))
        return Merged(Iteration(self._reader, done.row), done.kind, done.choices, done.notes)

    def gc(
        self,
        days: float = 30,
        progress: Callable[[int, int], None] | None = None,
        *,
        cold: bool | None = None,
        keep: Keep | Mapping[str, Any] | None = None,
    ) -> Collected:
        """Write the file anew without what nothing leads to, and say how many bytes that won.

        What was removed in the last ``days`` days stays. ``progress`` is called with the bytes
        done and the bytes there were. Models open elsewhere keep the old file until they refresh.
        A kill at any moment leaves the old file or the new one, whole.

        ``cold=True`` keeps tensors that only older iterations hold as differences from newer ones,
        which saves a fifth to a third of them where each is an epoch or a step of training from
        the next. All reads as before, bit for bit, only slower, and other HDF5 programs do not see
        them; the newest of each variant and what has a tag stay as they are. That takes
        Zstandard: Python 3.14 or ``pip install 'jairika-nb[delta]'``. ``cold=False`` makes all
        plain again; by default each stays as it is.

        ``keep``, a ``store.Keep`` or a mapping of its arguments such as ``{"last": 5, "best_by":
        "loss"}``, first removes from each variant what it does not name; the newest, tagged ones
        and those that other variants continue stay. As what is removed by hand, they can be had
        back by their ids for ``days`` days. ``planned`` tells beforehand what would go.

        Raises ``MissingPackage``, ``ArgumentError``, ``NotFound`` for a metric that nothing has.
        """
        self._check_mode("collect garbage in")
        self._check_may("delete")
        _check_days(days)
        if cold:
            from jairika_nb.store import zstd

            zstd.check_there()  # before anything is taken off the lists
        chosen = retention.kept_by(keep)
        note, gone = noted("", None, None, None), ()
        if chosen and any(not why for _, why in retention.reasons(self._reader, chosen)):
            gone = self._change(retention.thin(chosen, note))
        options: Any = {"disk": self._disk, "wait": self._wait, "progress": progress}
        done = collect(self._file(), days, note, cold=cold, **options)
        self._reader.refresh()
        return replace(done, removed=len(gone))

    def planned(self, days: float = 30, keep: Keep | Mapping[str, Any] | None = None) -> Planned:
        """What ``gc`` with these arguments would take away, and why the rest would stay.

        Nothing is changed. Raises as ``gc`` does for its arguments.
        """
        _check_days(days)
        now = noted("", None, None, None).time
        return planned(self._reader, days, retention.kept_by(keep), now)

    def _newest(self) -> str:
        return self._reader.iterations(self.current)[-1].id


def _check_days(days: object) -> None:
    count = number(days)
    if count is None or not count >= 0:
        raise StoreError(f"cannot keep removed iterations for {days!r} days: give 0 or more")
