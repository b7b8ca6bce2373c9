"""The arguments that several words share."""

from __future__ import annotations

from typing import Annotated

from jairika_nb.words.word import Argument


def shown(address: str) -> str:
    """An address as results show it: without the password or token that may be in a URL.

    >>> shown("jrk+http://me:1234@host/a.jrk.h5?token=5678"), shown("a.jrk.h5")
    ('jrk+http://host/a.jrk.h5', 'a.jrk.h5')
    """
    from jairika_nb.store.address import Url, located

    place = located(address)
    return str(place) if isinstance(place, Url) else address


NewAddress = Annotated[
    str, Argument("where the new file goes, as in digits.jrk.h5", "folder", show="ADDRESS")
]
Address = Annotated[str, Argument("the model file", "model", show="ADDRESS")]
CurrentModel = Annotated[str, Argument("the model file", "model", show="ADDRESS", current=True)]
Net = Annotated[
    str, Argument("the network: a variable in a notebook, or an .npz file", "net", show="NET")
]
