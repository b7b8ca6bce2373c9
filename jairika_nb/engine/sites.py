"""Call sites: the line of the user's program that made a node.

A site is a code object and a place in it, taken when the node is made and turned into words only
when somebody asks. It sits beside the node's value: no key, plan or kernel depends on it.
"""

from __future__ import annotations

import linecache
import os
import sys
from types import CodeType
from typing import NamedTuple

Site = tuple[CodeType, int]
# Frames walked at most: deeper lines of ours leave the node without a site, cheaply.
DEEPEST = 16
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_is_ours: dict[str, bool] = {}
_frame = sys._getframe


class Line(NamedTuple):
    """Where a node was made: ``"In[3]"`` or a file's name, the line's number, and its text."""

    place: str
    number: int
    text: str

    def __str__(self) -> str:
        where = f"{self.place}, line {self.number}"
        return f"{where}: {self.text}" if self.text else where


def here() -> Site | None:
    """The innermost line outside this package that is running now; about 0.1 us a frame."""
    frame = _frame(2)
    for _ in range(DEEPEST):
        code = frame.f_code
        ours = _is_ours.get(code.co_filename)
        if ours is None:
            ours = _is_ours[code.co_filename] = code.co_filename.startswith(_PACKAGE)
        if not ours:
            return code, frame.f_lasti
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return None


def line_of(site: Site | None) -> Line | None:
    """The line that a site stands for.

    >>> str(line_of((line_of.__code__, 0))).split(":")[0]  # doctest: +ELLIPSIS
    'sites.py, line ...'
    """
    if not site:
        return None
    code, at = site
    rows = code.co_lines()
    number = next((n for start, stop, n in rows if start <= at < stop and n), code.co_firstlineno)
    text = linecache.getline(code.co_filename, number).strip()
    return Line(_place(code.co_filename), number, text)


def _place(filename: str) -> str:
    """``In[3]`` for a cell of a notebook, else the file's name."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    named = getattr(getattr(shell, "compile", None), "format_code_name", None)
    cell = named(filename) if named is not None else None
    return cell[1] if cell else os.path.basename(filename)
