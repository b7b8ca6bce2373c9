"""Words between model files: ``push pull``."""

from __future__ import annotations

import os
from typing import Annotated

from jairika_nb.words.addresses import CurrentModel
from jairika_nb.words.progress import told
from jairika_nb.words.results import Done
from jairika_nb.words.session import Session
from jairika_nb.words.word import Argument


def push(
    session: Session,
    model: CurrentModel,
    address: Annotated[str, Argument("the file it goes to; made if missing", "model", "TARGET")],
    *,
    variant: Annotated[
        str | None, Argument("one variant; default: all", "variant", "VARIANT")
    ] = None,
) -> Done:
    """Bring what this model has more into another file; only what is missing moves."""
    from jairika_nb import store

    with store.open(model) as opened:
        moved = opened.push(address, variant, told(session, "pushing"))
        facts = {"address": opened.address, "target": address, **moved.to_json()}
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
) -> Done:
    """Bring what another file has more into this model, which is made if it is missing."""
    from jairika_nb import store
    from jairika_nb.store.address import resolve

    progress = told(session, "pulling")
    if not os.path.lexists(resolve(model)) and variant is None and into is None:
        moved = store.clone(address, model, progress)
        return Done(f"made {model} of {address}: {moved}", {"source": address, **moved.to_json()})
    with store.open(model, mode="a") as opened:
        moved = opened.pull(address, variant, into, progress)
        facts = {"address": opened.address, "source": address, **moved.to_json()}
    return Done(f"pulled {moved}", facts)
