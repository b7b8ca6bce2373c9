"""Words about who made what: ``key sign``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from jairika_nb.errors import WordError
from jairika_nb.words.addresses import CurrentModel
from jairika_nb.words.history import iteration_facts
from jairika_nb.words.passphrases import new_passphrase
from jairika_nb.words.results import Done, Sheet
from jairika_nb.words.session import Session
from jairika_nb.words.spelling import did_you_mean, spelled
from jairika_nb.words.word import Argument


def key(
    session: Session,
    action: Annotated[
        str, Argument("list, new, show, trust or forget; default: list", "action", "ACTION")
    ] = "list",
    name: Annotated[str | None, Argument("the key's name", "key", "NAME")] = None,
    *line: Annotated[
        str, Argument("with trust: the line that their `key show` prints, or its file", show="LINE")
    ],
    passphrase: Annotated[
        bool, Argument("with new: ask for a passphrase that encrypts the key's file")
    ] = False,
) -> Done | Sheet:
    """Keys that sign: ``new NAME`` makes one, ``show NAME`` prints the line to hand on,
    ``trust NAME LINE`` takes the line of someone else, ``forget NAME`` lets it go.
    """
    if action not in ACTIONS:
        raise WordError(
            f"key: no action {action!r}{did_you_mean(action, ACTIONS)}; give one of "
            + ", ".join(ACTIONS)
        )
    if action == "list":
        return _list(session)
    if name is None:
        raise WordError(f"key {action}: it needs a name, as in `{session.sign} key {action} alice`")
    return ACTIONS[action](session, name, " ".join(line), passphrase)


def sign(
    session: Session,
    model: CurrentModel,
    iteration: Annotated[
        str | None,
        Argument("an iteration, a variant, a tag or an id; default: the newest in use", "ref"),
    ] = None,
    *,
    key: Annotated[
        str | None, Argument("your key; default: what JRK_KEY names", "key", "KEY")
    ] = None,
) -> Done:
    """Sign an iteration with a key of yours; its id stays as it is."""
    from jairika_nb import store

    with store.open(model, mode="a") as opened:
        made = opened.sign(iteration, key)
        verdict = made.signature
        facts = {"address": opened.address, **iteration_facts(made), **verdict.to_json()}
    return Done(f'"{made.variant}/{made.name}" is {verdict}', facts)


def _list(session: Session) -> Sheet:
    from jairika_nb.store import keys, trust

    mine = keys.own()
    theirs = [each for each in trust.listed() if each.signing not in {k.signing for k in mine}]
    rows = [(each.name, "yours", each.fingerprint) for each in mine]
    rows += [(each.name, "trusted", each.fingerprint) for each in theirs]
    data = [
        {"whose": whose, **each.to_json()}
        for whose, several in (("yours", mine), ("trusted", theirs))
        for each in several
    ]
    notes = () if mine else (f"no key of your own yet: `{session.sign} key new NAME` makes one",)
    title = f"keys in {keys.config()}"
    return Sheet(title, ("name", "whose", "fingerprint"), tuple(rows), data, notes)


def _new(session: Session, name: str, line: str, passphrase: bool) -> Done:
    from jairika_nb.store import keys

    made = keys.new(name, new_passphrase if passphrase else None)
    where = keys.folder() / name
    return Done(
        f"made the key {name} {made.public.fingerprint}; its private part is {where}, keep it to "
        "yourself",
        {**made.public.to_json(), "file": str(where)},
        f"{session.sign} key show {spelled(name)}",
    )


def _show(session: Session, name: str, line: str, passphrase: bool) -> Done:
    from jairika_nb.store import trust
    from jairika_nb.store.names import unknown

    known = {each.name: each for each in trust.trusted().values()}
    if name not in known:
        raise unknown("key", name, known, f"your keys (`{session.sign} key new` makes one)")
    return Done(known[name].line, known[name].to_json())


def _trust(session: Session, name: str, line: str, passphrase: bool) -> Done:
    from jairika_nb.store import keys, trust

    if not line:
        raise WordError(
            f"key trust: it needs the line that `key show {name}` prints for its owner, or a file "
            "with it"
        )
    if not line.startswith(keys.KIND) and Path(line).expanduser().is_file():
        line = Path(line).expanduser().read_text(encoding="utf-8", errors="replace")[:4096]
    made = trust.add(line, name)
    return Done(f"{name} is trusted: {made.fingerprint}", made.to_json())


def _forget(session: Session, name: str, line: str, passphrase: bool) -> Done:
    from jairika_nb.store import trust

    gone = trust.forget(name)
    return Done(f"{name} is no longer trusted: {gone.fingerprint}", gone.to_json())


ACTIONS: dict[str, Callable[..., Any]] = {
    "list": _list,
    "new": _new,
    "show": _show,
    "trust": _trust,
    "forget": _forget,
}
