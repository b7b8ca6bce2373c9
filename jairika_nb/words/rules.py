"""Words about who may do what: ``rules allow deny``."""

from __future__ import annotations

from typing import Annotated

from jairika_nb.errors import WordError
from jairika_nb.words.addresses import CurrentModel
from jairika_nb.words.results import Sheet
from jairika_nb.words.session import Session
from jairika_nb.words.word import Argument

Principal = Annotated[str, Argument("a user's name as the server knows it, or '*'", show="WHO")]
Verbs = Annotated[
    str,
    Argument(
        "read, create, update, delete, read-policy, write-policy, with commas between; or all",
        show="VERBS",
    ),
]
Path = Annotated[
    str, Argument("variant/iteration/layer with * and ?; default: the whole model", show="PATH")
]


def rules(
    session: Session,
    model: CurrentModel,
    *,
    own: Annotated[
        str | None, Argument("make these the owners, with commas between", show="NAMES")
    ] = None,
    off: Annotated[bool, Argument("drop all rules and owners")] = False,
) -> Sheet:
    """The owners and access rules of a model, or change of its owners."""
    from jairika_nb import store

    if own is not None and off:
        raise WordError("rules: --own names owners and --off drops them; give one")
    with store.open(model, mode=_mode(model) if off or own is not None else "r") as opened:
        if off:
            opened.unruled()
        elif own is not None:
            opened.own(*(each.strip() for each in own.split(",")))
        return _sheet(opened)


def allow(
    session: Session,
    model: CurrentModel,
    principal: Principal,
    verbs: Verbs,
    path: Path = "*",
    *,
    forget: Annotated[bool, Argument("take these verbs out of the rules instead")] = False,
) -> Sheet:
    """Let somebody do something; the first rule denies everybody all that no rule allows."""
    return _changed(model, "forget" if forget else "allow", principal, verbs, path)


def deny(
    session: Session, model: CurrentModel, principal: Principal, verbs: Verbs, path: Path = "*"
) -> Sheet:
    """Deny somebody what other rules allow."""
    return _changed(model, "deny", principal, verbs, path)


def _changed(model: str, verb: str, principal: str, verbs: str, path: str) -> Sheet:
    from jairika_nb import store

    with store.open(model, mode=_mode(model)) as opened:
        getattr(opened, verb)(principal, verbs, path)
        return _sheet(opened)


def _mode(model: str) -> str:
    """How a model is opened to change its rules: what a server serves is changed over there."""
    from jairika_nb.store.address import Served, located

    return "r" if isinstance(located(model), Served) else "a"


def _sheet(opened: object) -> Sheet:
    from jairika_nb.store.policy_view import COLUMNS, ON

    found, address = opened.rules, opened.address  # type: ignore[attr-defined]
    facts = {"address": address, **found.to_json()}
    return Sheet(found.title, COLUMNS, found.rows, facts, (ON,) if found else ())
