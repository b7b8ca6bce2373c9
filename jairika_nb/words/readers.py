"""Words about who can read encrypted layers: ``encrypt readers``."""

from __future__ import annotations

from typing import Annotated, Any

from jairika_nb.errors import WordError
from jairika_nb.words.addresses import CurrentModel
from jairika_nb.words.passphrases import listed, new_passphrase
from jairika_nb.words.results import Done, Sheet
from jairika_nb.words.session import Session
from jairika_nb.words.spelling import did_you_mean
from jairika_nb.words.word import Argument

Key = Annotated[str | None, Argument("your key; default: what JRK_KEY names", "key", "KEY")]
ACTIONS = ("list", "add", "remove")


def encrypt(
    session: Session,
    model: CurrentModel,
    path: Annotated[
        str, Argument("the layers, as in 'mlp/*/encoder.*'; default: all of them", show="PATH")
    ] = "*",
    *,
    readers: Annotated[
        str | None, Argument("who can read them besides you: keys, with commas", show="NAMES")
    ] = None,
    passphrase: Annotated[bool, Argument("ask for a passphrase that opens them too")] = False,
    key: Key = None,
) -> Done:
    """Encrypt layers from the next commit on; what was committed before stays readable."""
    from jairika_nb import store

    with store.open(model, mode="a", key=key) as opened:
        word = new_passphrase() if passphrase else None
        found = opened.encrypt(path, listed(readers), word)
        facts = {"address": opened.address, "path": path, **found.to_json()}
        who = ", ".join(next(iter(found.groups.values())))
    return Done(
        f"layers {path!r} are encrypted from the next commit on, for {who}; what was committed "
        "before stays readable, and names, shapes, messages and metrics always do",
        facts,
    )


def readers(
    session: Session,
    model: CurrentModel,
    action: Annotated[str, Argument("list, add or remove; default: list", show="ACTION")] = "list",
    name: Annotated[str | None, Argument("a key that you trust", "key", "NAME")] = None,
    *,
    path: Annotated[
        str | None, Argument("one group of layers; default: all of them", show="PATH")
    ] = None,
    key: Key = None,
) -> Done | Sheet:
    """Who can read the encrypted layers of a model; add or remove somebody."""
    from jairika_nb import store

    if action not in ACTIONS:
        raise WordError(
            f"readers: no action {action!r}{did_you_mean(action, ACTIONS)}; give one of "
            + ", ".join(ACTIONS)
        )
    if action == "list":
        with store.open(model) as opened:
            return _sheet(opened.address, opened.readers.to_json())
    if name is None:
        raise WordError(f"readers {action}: it needs a name, as in `readers {action} bob`")
    with store.open(model, mode="a", key=key) as opened:
        facts = {"address": opened.address, "action": action, "name": name}
        if action == "add":
            facts |= opened.readers.add(name, path).to_json()
            return Done(f"{name} can read what is encrypted", facts)
        facts |= opened.readers.remove(name, path).to_json()
    return Done(
        f"{name} cannot read what comes next; copies from before stay readable to them, and this "
        "file until gc",
        facts,
        f"{session.sign} gc",
    )


def _sheet(address: str, found: dict[str, Any]) -> Sheet:
    rows = tuple((path, ", ".join(who)) for path, who in found["groups"].items())
    notes = () if rows else ("nothing is encrypted",)
    return Sheet(f"readers of {address}", ("layers", "readers"), rows, found, notes)
