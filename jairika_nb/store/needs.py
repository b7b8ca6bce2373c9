"""What somebody needs to be allowed for a change of a model, told from the change itself.

Whatever made it, a change is a new catalogue, so nothing that it does can be missed here:

=================================  ===============  ======================================
in the new catalogue               verb             over
=================================  ===============  ======================================
a variant                          ``create``       the variant, and what comes in it
an iteration of an old variant     ``update``       its layers that differ from the one before
an iteration is listed otherwise   ``update``       the iteration: it was signed
an iteration or a variant is gone  ``delete``       all of it
a tag                              ``create``       all of its iteration
a tag is gone                      ``delete``       all of its iteration
another variant in use             ``update``       the variant
other rules, keys or encryption    ``write-policy`` the model; owners are for owners to change
=================================  ===============  ======================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from jairika_nb.errors import Forbidden
from jairika_nb.store.canonical import decoded
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.layout import Layout
from jairika_nb.store.manifest import Manifest
from jairika_nb.store.policy import Policy
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row, Tag, VariantRow
from jairika_nb.store.viewed import layer, refused

Manifests = Callable[[Row], Manifest]


@dataclass(frozen=True)
class Need:
    """One verb over one path; ``whole`` where it is about all that is in it."""

    verb: str
    path: tuple[str, ...] = ()
    whole: bool = False


def check(reader: Reader, policy: Policy, who: str, needs: Iterable[Need]) -> None:
    """Raise ``Forbidden`` for the first need that ``policy`` does not grant to ``who``."""
    for each in needs:
        if not policy.allows(who, each.verb, *each.path, whole=each.whole):
            raise refused(reader, each.verb, each.path, who)


def check_owners(before: Policy, after: Policy, who: str) -> None:
    """Raise ``Forbidden`` where somebody else than an owner changes who owns the model."""
    if before.active and before.owners != after.owners and who not in before.owners:
        raise Forbidden(f"only an owner may change the owners, and {who!r} is none")


def watched(change: Any, who: str, proven: Set[str] | None = None) -> Any:
    """``change``, which raises ``Forbidden`` for what the rules do not let ``who`` do.

    ``proven`` are the objects that ``who`` has shown to have; only None takes it on trust for
    all that is new.
    """

    def made(reader: Reader, layout: Layout) -> tuple[Catalogue, Any]:
        catalogue, result = change(reader, layout)
        policy = reader.policy()
        if policy.active and who not in policy.owners:
            _watch(reader.unguarded(), layout, policy, who, catalogue, proven)
        return catalogue, result

    return made


def _watch(
    reader: Reader,
    layout: Layout,
    policy: Policy,
    who: str,
    after: Catalogue,
    proven: Set[str] | None,
) -> None:
    new: dict[str, tuple[Row, Manifest]] = {}

    def manifest(row: Row) -> Manifest:
        if row.id not in new:
            data = layout.record("manifests", row.id)
            new[row.id] = row, Manifest.from_json(decoded(data, "the manifest"))
        return new[row.id][1]

    check(reader, policy, who, needed(reader, after, manifest))
    old = {row.id for row in reader.rows()}
    added = [each for id, each in new.items() if id not in old]
    for row, name in borrowed(reader, policy, who, added, proven):
        raise refused(reader, "read", (row.variant, row.name, name), who)
    rules = Policy()
    if after.policy:
        rules = Policy.from_json(decoded(layout.record("policy", after.policy.digest), "the rules"))
    check_owners(policy, rules, who)


def needed(reader: Reader, after: Catalogue, manifest: Manifests) -> Iterator[Need]:
    """All that leads from what ``reader`` shows to ``after``; ``manifest`` reads new ones too."""
    before, rows = reader.branches, _rows(reader, after)
    for branch in after.variants:
        yield from _of_variant(reader, branch, before.get(branch.name), rows, manifest)
    for name in before:
        if after.variant(name) is None:
            yield Need("delete", (name,), whole=True)
    yield from _of_tags(reader, after, rows)
    if after.current != reader.catalogue.current and after.current in before:
        yield Need("update", (after.current,))
    rules, before_rules = (
        (each.policy, each.keyrings, each.encrypts) for each in (after, reader.catalogue)
    )
    if rules != before_rules:
        yield Need("write-policy")


def _rows(reader: Reader, after: Catalogue) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {
        each.name: [each.blank] if each.blank else [] for each in after.variants
    }
    sealed = (row for each in after.segments for row in reader.segment(each))
    for row in (*sealed, *after.tail):
        rows[row.variant].append(row)
    return rows


def _of_variant(
    reader: Reader,
    branch: VariantRow,
    before: Sequence[Row] | None,
    rows: dict[str, list[Row]],
    manifest: Manifests,
) -> Iterator[Need]:
    verb = "create" if before is None else "update"
    if before is None:
        yield Need(verb, (branch.name,))
    old = {_mark(row): row for row in before or ()}
    now = rows[branch.name]
    last = before[-1] if before else _origin(reader, branch)
    for row in now:
        if _mark(row) not in old:
            yield from _added(verb, row, last, manifest)
            last = row
        elif _told(row) != _told(old[_mark(row)]):
            yield Need("update", (row.variant, row.name))
    blank = reader.variant(branch.name)
    left = {_mark(row) for row in now}
    for row in before or ():
        if _mark(row) not in left and not (blank and blank.blank == row):
            yield Need("delete", (row.variant, row.name), whole=True)


def _added(verb: str, row: Row, last: Row | None, manifest: Manifests) -> Iterator[Need]:
    layers = changed_layers(manifest(row), manifest(last) if last else None)
    yield from (Need(verb, (row.variant, row.name, each)) for each in layers)
    if not layers:
        yield Need(verb, (row.variant, row.name))


def changed_layers(new: Manifest, old: Manifest | None) -> tuple[str, ...]:
    """The layers in which two iterations differ, in the sense of rules: see ``viewed.layer``."""
    one, two = (
        {(layer(t), t.name): t.digest for t in each.tensors} if each else {} for each in (new, old)
    )
    differing = (key for key in {**two, **one} if one.get(key) != two.get(key))
    return tuple(dict.fromkeys(name for name, _ in differing))


def _origin(reader: Reader, branch: VariantRow) -> Row | None:
    """The iteration that a new variant starts from, where it is here."""
    variant, name = branch.parent or ("", "")
    return next((row for row in reader.iterations(variant) if row.name == name), None)


def _of_tags(reader: Reader, after: Catalogue, rows: dict[str, list[Row]]) -> Iterator[Need]:
    old = {(each.name, each.id): each for each in reader.catalogue.tags}
    new = {(each.name, each.id): each for each in after.tags}
    listed: dict[str, Row] = {}
    for row in (*(r for branch in rows.values() for r in branch), *reader.rows()):
        listed.setdefault(row.id, row)
    for verb, tags in (("create", new.keys() - old.keys()), ("delete", old.keys() - new.keys())):
        for key in sorted(tags):
            yield Need(verb, _place({**old, **new}[key], listed), whole=True)


def _place(tag: Tag, listed: dict[str, Row]) -> tuple[str, ...]:
    row = listed.get(tag.id)
    return (row.variant, row.name) if row else ()


def _told(row: Row) -> Row:
    """What somebody says of an iteration: neither its places nor its number among others."""
    return replace(row, at={}, number=None)


def _mark(row: Row) -> Any:
    return row.id, row.name


def borrowed(
    reader: Reader,
    policy: Policy,
    who: str,
    rows: Sequence[tuple[Row, Manifest]],
    proven: Set[str] | None,
) -> Iterator[tuple[Row, str]]:
    """New iterations, and a layer of each, that hold an object which ``who`` may not read.

    Naming the hash of what is in the file already must not be a way to read it.
    """
    wanted = {t.digest for _, manifest in rows for t in manifest.tensors}
    seen: set[str] = set()
    hidden: set[str] = set()
    for row in (*reader.rows(), *reader.removed()):
        for each in reader.manifest(row).tensors:
            if each.digest in wanted:
                may = policy.allows(who, "read", row.variant, row.name, layer(each))
                (seen if may else hidden).add(each.digest)
    shut = hidden - seen if proven is None else wanted - seen - proven
    for row, manifest in rows:
        for each in manifest.tensors:
            if each.digest in shut:
                yield row, layer(each)
