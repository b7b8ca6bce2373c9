"""What may be committed where, and how things in a model are found by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from jairika_nb.errors import ArchitectureError, HeadMoved, NameTaken, StoreError
from jairika_nb.store import address
from jairika_nb.store.arrays import Content
from jairika_nb.store.canonical import decoded, digest, encoded
from jairika_nb.store.names import unknown
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row, VariantRow
from jairika_nb.store.table import Branch

PRIME = "prime"
CURES = {"commit to": "first and commit to that", "revert": "from that iteration"}
NOTHING = np.empty(0)  # where only names and shapes count


def branch_of(reader: Reader, variant: str) -> VariantRow:
    """The variant called ``variant``; raises ``NotFound`` with what may have been meant."""
    branch = reader.variant(variant)
    if branch is None:
        known = [each.name for each in reader.catalogue.variants]
        raise unknown("variant", variant, known, file_name(reader))
    return branch


def row_of(reader: Reader, variant: str, iteration: str | None = None) -> Row:
    """The iteration of that name, or the newest; raises ``NotFound``."""
    branch_of(reader, variant)
    rows = reader.iterations(variant)
    found = rows.find(iteration) if iteration is not None else rows[-1] if rows else None
    if found is None:
        where = f"variant {variant!r} of {file_name(reader)}"
        raise unknown("iteration", iteration, rows.names, where)
    return found


def architecture_bytes(reader: Reader, row: Row) -> bytes | None:
    """The canonical architecture of an iteration, or None."""
    return None if row.architecture is None else encoded(reader.architecture(row))


def check_head(reader: Reader, branch: VariantRow, rows: Sequence[Row], expected: set[str]) -> None:
    head = rows[-1] if rows else None
    if head is not None and head.id not in expected:
        raise HeadMoved(
            f"cannot commit to variant {branch.name!r} of {file_name(reader)}: iteration "
            f"{head.name!r} was added to it since the model was opened here; open it again to "
            "build on that, or derive a variant to keep both"
        )


def check_architecture(
    reader: Reader, branch: VariantRow, rows: Sequence[Row], kept: Content, verb: str = "commit to"
) -> None:
    """One architecture a variant; one that was only derived so far may still change it."""
    if len(rows) == 1 and (branch.blank is not None or branch.parent is not None):
        return
    head = rows[-1] if rows else None
    if head is None or (head.architecture is None and kept.architecture is None):
        return
    if head.architecture is None or kept.architecture is None:
        why = _misfit(reader, head, kept)
    else:
        same = digest(kept.architecture) == head.architecture or _is_same(reader, head, kept)
        why = None if same else _misfit(reader, head, kept) or "the net's architecture is another"
    if why:
        raise ArchitectureError(
            f"cannot {verb} variant {branch.name!r} of {file_name(reader)}: {why}; derive a "
            f"variant {CURES[verb]}"
        )


def check_fits(reader: Reader, branch: VariantRow, rows: Sequence[Row], row: Row) -> None:
    """Raise ``ArchitectureError`` where a variant cannot go back to ``row``: see the rule above."""
    parameters = tuple((each, NOTHING) for each in reader.manifest(row).tensors)
    kept = Content(parameters, architecture_bytes(reader, row))
    check_architecture(reader, branch, rows, kept, "revert")


def _is_same(reader: Reader, head: Row, kept: Content) -> bool:
    """Whether the architectures differ only in which parameters training leaves alone."""
    after = decoded(kept.architecture or b"null", "the architecture")
    return melted(after) == melted(reader.architecture(head))


def melted(data: Any) -> Any:
    """An architecture without what training leaves alone: which parameters are frozen."""
    if isinstance(data, dict):
        is_layer = "type" in data and "args" in data
        return {k: melted(v) for k, v in data.items() if not (is_layer and k == "frozen")}
    return [melted(part) for part in data] if isinstance(data, list) else data


def _misfit(reader: Reader, head: Row, kept: Content) -> str | None:
    """The first parameters whose names or shape differ from the newest iteration's, in words."""
    before = {each.name: each.shape for each in reader.manifest(head).parameters}
    after = {each.name: each.shape for each, _ in kept.tensors if each.owner == "net"}
    odd = [f"{name!r} is not in this variant" for name in after if name not in before][:1]
    odd += [f"{name!r} is missing" for name in before if name not in after][:1]
    odd = odd or [
        f"{name!r} has shape {after[name]}, there it has {before[name]}"
        for name in after
        if before[name] != after[name]
    ]
    return "; ".join(odd[:2]) or None


def completed(reader: Reader, rows: Sequence[Row], kept: Content) -> Content:
    """Arrays without an architecture are given that of the variant where they fit it."""
    head = rows[-1] if rows else None
    if head is None or head.architecture is None or kept.architecture is not None:
        return kept
    if _misfit(reader, head, kept):
        return kept
    return replace(kept, architecture=architecture_bytes(reader, head))


def free_name(reader: Reader, branch: VariantRow, rows: Branch, name: str | None) -> str:
    """``name``, or the next numbered one; raises ``NameTaken``."""
    if name is None:
        numbered = (f"iteration-{n}" for n in range(len(rows) + 1, 2 * len(rows) + 3))
        return PRIME if not rows else next(each for each in numbered if rows.find(each) is None)
    if rows.find(name) is not None:
        raise NameTaken(
            f"cannot commit {name!r}: variant {branch.name!r} of {file_name(reader)} has an "
            "iteration of that name, and iterations do not change; choose another name"
        )
    return name


def replaceable(reader: Reader, branch: VariantRow, rows: Sequence[Row], name: str) -> Row:
    """The newest iteration, where it is the one to be replaced and nothing builds on it."""
    old = rows[-1]
    where = f"{name!r} of variant {branch.name!r} of {file_name(reader)}"
    if old.name != name:
        raise StoreError(
            f"cannot replace {where}: only the newest iteration can be, which is {old.name!r}"
        )
    if tags := [each.name for each in reader.catalogue.tags if each.id == old.id]:
        raise StoreError(f"cannot replace {where}: it has the tag {tags[0]!r}; use another name")
    derived = [v.name for v in reader.catalogue.variants if v.parent == (branch.name, name)]
    if derived or branch.blank is not None:
        why = f"variant {derived[0]!r} was derived from it" if derived else "nothing is in it yet"
        raise StoreError(f"cannot replace {where}: {why}; commit under another name")
    return old


def file_name(reader: Reader) -> str:
    """The model's name as messages use it."""
    return address.title(reader.path)
