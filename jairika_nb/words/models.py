"""Words about a model as a whole: ``init open info verify``."""

from __future__ import annotations

import os
from typing import Annotated, Any

from jairika_nb.words.addresses import Address, CurrentModel, NewAddress
from jairika_nb.words.passphrases import listed, new_passphrase
from jairika_nb.words.results import Done, Sheet, Tree
from jairika_nb.words.session import Session
from jairika_nb.words.spelling import spelled
from jairika_nb.words.word import Argument


def init(
    session: Session,
    address: NewAddress,
    net: Annotated[
        str | None, Argument("its first iteration: a variable, or an .npz file", "net", "NET")
    ] = None,
    *,
    variant: Annotated[str, Argument("the first variant; default: main", show="NAME")] = "main",
    name: Annotated[
        str, Argument("the first iteration's name; default: prime", show="NAME")
    ] = "prime",
    message: Annotated[str, Argument("a note kept with the iteration", show="TEXT")] = "",
    key: Annotated[
        str | None, Argument("your key, which signs it; default: what JRK_KEY names", "key", "KEY")
    ] = None,
    encrypt: Annotated[
        str | None, Argument("the layers to encrypt, as in '*' or 'mlp/*/encoder.*'", show="PATH")
    ] = None,
    readers: Annotated[
        str | None, Argument("who can read them besides you: keys, with commas", show="NAMES")
    ] = None,
    passphrase: Annotated[bool, Argument("ask for a passphrase that opens them too")] = False,
) -> Done:
    """Make a new model file and use it."""
    from jairika_nb import store

    check_free(session, address)
    arrays = session.arrays(net) if net else None
    word = new_passphrase() if passphrase else None
    with store.init(
        address,
        arrays,
        variant=variant,
        name=name,
        message=message,
        key=key,
        encrypt=encrypt or False,
        readers=listed(readers),
        passphrase=word,
    ) as model:
        session.address = model.address
    kept = f' and iteration "{name}"' if net else ""
    return Done(
        f'made {session.address} with variant "{variant}"{kept}',
        {"address": session.address, "variant": variant, "iteration": name if net else None},
    )


def check_free(session: Session, address: str) -> None:
    """Raise ``AddressError`` where something is there, with the word that opens a model."""
    from jairika_nb.store.address import resolve
    from jairika_nb.store.create import taken

    if os.path.lexists(path := resolve(address)):
        raise taken(path, f"`{session.sign} open {spelled(address)}`")


def open_(session: Session, address: Address) -> Tree:
    """Use a model that exists: later words in this notebook need no address."""
    tree = _tree(address)
    session.address = tree["address"]
    return Tree(tree)


def info(session: Session, model: CurrentModel) -> Tree:
    """The tree of variants and iterations."""
    return Tree(_tree(model))


def verify(
    session: Session,
    model: CurrentModel,
    *,
    require_signed: Annotated[
        bool, Argument("what no key that you trust has signed is a problem too")
    ] = False,
) -> Done | Sheet:
    """Check every stored byte against its checksum, and name what is damaged."""
    from jairika_nb import store

    with store.open(model, require_signed=require_signed) as opened:
        report = opened.verify()
        facts = {"address": opened.address, **report.to_json()}
    if report.ok:
        return Done(str(report), facts)
    title = f"{len(report.problems)} damaged in {report.checked}"
    return Sheet(title, ("damage",), tuple((p,) for p in report.problems), facts, ok=False)


def _tree(address: str) -> dict[str, Any]:
    from jairika_nb import store

    with store.open(address) as model:
        return model.info()
