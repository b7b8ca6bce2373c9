"""The word ``demo``: the main job, start to end, without a browser."""

from __future__ import annotations

from typing import Annotated

from jairika_nb.words.results import Done
from jairika_nb.words.session import Session
from jairika_nb.words.word import Argument


def demo(
    session: Session,
    address: Annotated[
        str | None, Argument("the new model file; default: demo.jrk.h5", "folder", "ADDRESS")
    ] = None,
) -> Done:
    """Train a network on handwritten digits and keep it, start to end."""
    raise NotImplementedError
