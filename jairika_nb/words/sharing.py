"""Words between files: ``push pull export import``."""

from __future__ import annotations

import os
from typing import Annotated

from jairika_nb.words.addresses import CurrentModel, shown
from jairika_nb.words.history import iteration_facts
from jairika_nb.words.progress import told
from jairika_nb.words.results import Done
from jairika_nb.words.session import Session
from jairika_nb.words.word import Argument


def push(
    session: Session,
    model: CurrentModel,
    address: Annotated[
        str, Argument("the file or jrk+http:// URL it goes to; made if missing", "model", "TARGET")
    ],
    *,
    variant: Annotated[
        str | None, Argument("one variant; default: all", "variant", "VARIANT")
    ] = None,
) -> Done:
    """Bring what this model has more into another file; only what is missing moves."""
    from jairika_nb import store

    with store.open(model) as opened:
        moved = opened.push(address, variant, told(session, "pushing"))
        facts = {"address": opened.address, "target": shown(address), **moved.to_json()}
    return Done(f"pushed {moved}", facts)


def pull(
    session: Session,
    model: CurrentModel,
    address: Annotated[str, Argument("the file or URL it comes from", "model", "SOURCE")],
    *,
    variant: Annotated[str | None, Argument("one variant; default: all", show="VARIANT")] = None,
    into: Annotated[
        str | None,
        Argument("put it into a variant of this name, to merge it from there", show="VARIANT"),
    ] = None,
    require_signed: Annotated[
        bool, Argument("take only what keys that you trust have signed")
    ] = False,
) -> Done:
    """Bring what another file has more into this model, which is made if it is missing."""
    from jairika_nb import store
    from jairika_nb.store.address import resolve

    progress = told(session, "pulling")
    if not os.path.lexists(resolve(model)) and into is None:
        with store.open(address, require_signed=require_signed) as source:
            moved = source.push(model, variant, progress)
        return Done(
            f"made {model} of {shown(address)}: {moved}",
            {"source": shown(address), **moved.to_json()},
        )
    with store.open(model, mode="a") as opened:
        moved = opened.pull(address, variant, into, progress, require_signed=require_signed)
        facts = {"address": opened.address, "source": shown(address), **moved.to_json()}
    return Done(f"pulled {moved}", facts)


def export(
    session: Session,
    model: CurrentModel,
    file: Annotated[
        str, Argument("where it goes: .h5, .safetensors or .npz", "folder", show="FILE")
    ],
    *,
    iteration: Annotated[
        str | None,
        Argument("an iteration, a variant, a tag or an id; default: the newest in use", "ref"),
    ] = None,
    force: Annotated[bool, Argument("replace a file that is there")] = False,
) -> Done:
    """Write the arrays of an iteration as a file for other programs."""
    from jairika_nb import store

    with store.open(model) as opened:
        found = opened.find(iteration or opened[opened.current].head.id)
        found.export(file, force=force)
        facts = {"address": opened.address, "file": file, **iteration_facts(found)}
    return Done(f'exported "{found.variant}/{found.name}" to {file}', facts)


def import_(
    session: Session,
    model: CurrentModel,
    file: Annotated[str, Argument("the file: HDF5, .safetensors or .npz", "file", show="FILE")],
    *,
    variant: Annotated[
        str | None, Argument("where it goes; default: the variant in use", "variant", "NAME")
    ] = None,
    name: Annotated[
        str | None, Argument("the iteration's name; default: chosen for you", show="NAME")
    ] = None,
    message: Annotated[str, Argument("a note kept with it; default: the file", show="TEXT")] = "",
    layout: Annotated[str, Argument("plain, or keras for its weights files")] = "plain",
    match: Annotated[str, Argument("name, or order for arrays under other names")] = "name",
) -> Done:
    """Commit the arrays of a file of another program; it is read under guard."""
    from jairika_nb import store
    from jairika_nb.store.show import counted

    with store.open(model, mode="a") as opened:
        made = opened.import_from(file, variant, name, message, layout=layout, match=match)
        facts = {"address": opened.address, "file": file, **iteration_facts(made)}
        count = len(made.tensors)
    return Done(f'imported {counted(count, "array")} as "{made.variant}/{made.name}"', facts)
