"""What the user may have meant."""

from __future__ import annotations

import re
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


def as_options(text: str, names: Iterable[str]) -> str:
    """What an error says to give in Python, as it is given on a line.

    >>> as_options("pull it into another (into=), or give force=True", ["into", "force"])
    'pull it into another (--into), or give --force'
    >>> as_options("open it with mode='a'", ["force"])
    "open it with mode='a'"
    """
    for name in names:
        flag = "--" + name.replace("_", "-")
        text = re.sub(rf"\b{name}=True\b|\b{name}=(?![\w'\"])", flag, text)
    return text


def spelled(*places: str) -> str:
    """Names as they are typed on a line: quoted, and set apart from options, where needed.

    >>> spelled("a.jrk.h5", "wide one")
    "a.jrk.h5 'wide one'"
    >>> spelled("-wide")
    '-- -wide'
    """
    dashed = any(place.startswith("-") for place in places)
    return ("-- " if dashed else "") + shlex.join(places)
