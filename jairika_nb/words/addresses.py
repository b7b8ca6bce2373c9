"""The arguments that several words share."""

from __future__ import annotations

from typing import Annotated

from jairika_nb.words.word import Argument

NewAddress = Annotated[
    str, Argument("where the new file goes, as in digits.jrk.h5", "folder", show="ADDRESS")
]
Address = Annotated[str, Argument("the model file", "model", show="ADDRESS")]
CurrentModel = Annotated[str, Argument("the model file", "model", show="ADDRESS", current=True)]
Net = Annotated[
    str, Argument("the network: a variable in a notebook, or an .npz file", "net", show="NET")
]
