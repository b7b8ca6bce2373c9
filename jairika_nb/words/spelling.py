"""What the user may have meant."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """``" (did you mean 'right'?)"``, or nothing where no known name comes near.

    >>> did_you_mean("comit", ["commit", "derive"])
    " (did you mean 'commit'?)"
    >>> did_you_mean("zebra", ["commit", "derive"])
    ''
    """
    names = {name.lower(): name for name in known}
    close = [name for name in names if len(wrong) > 1 and name.startswith(wrong.lower())]
    close += get_close_matches(wrong.lower(), names, n=2, cutoff=0.6)
    if not close:
        return ""
    wanted = " or ".join(repr(names[name]) for name in dict.fromkeys(close[:2]))
    return f" (did you mean {wanted}?)"


def spelled(*places: str) -> str:
    """Names as they are typed on a line: quoted, and set apart from options, where needed.

    >>> spelled("a.jrk.h5", "wide one")
    "a.jrk.h5 'wide one'"
    >>> spelled("-wide")
    '-- -wide'
    """
    dashed = any(place.startswith("-") for place in places)
    return ("-- " if dashed else "") + shlex.join(places)
