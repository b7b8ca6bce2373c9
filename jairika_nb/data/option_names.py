"""Options that a reader of tables hands on, looked at before a large file is read."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from jairika_nb.errors import DataError

# What pandas and polars call it, and what it is called here.
ELSEWHERE = {
    "sep": "delimiter",
    "separator": "delimiter",
    "na_values": "missing",
    "null_values": "missing",
    "usecols": "features",
    "columns": "features",
    "label": "target",
    "labels": "target",
    "engine": "reader",
}


def check_options(word: str, given: Iterable[str], *takers: Callable[..., Any]) -> None:
    """DataError for an option that none of the ``takers`` knows, with the nearest that is known."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    rows = [p for taker in takers for p in inspect.signature(taker).parameters.values()]
    known = list(dict.fromkeys(p.name for p in rows if p.kind is keyword))
    places = list(dict.fromkeys(p.name for p in rows if p.kind is p.POSITIONAL_OR_KEYWORD))
    for name in given:
        if name in known:
            continue
        near = difflib.get_close_matches(name, [*known, *places], 1)
        own = ELSEWHERE.get(name) if ELSEWHERE.get(name) in (*known, *places) else None
        hint = own or (near[0] if near else None)
        more = f"did you mean {hint}=? " if hint else ""
        raise DataError(f"{word} takes no {name}=; {more}its options are {', '.join(known)}")
