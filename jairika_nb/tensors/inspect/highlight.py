"""OpenCL C with its keywords, types, functions and comments in the colours of the theme."""

from __future__ import annotations

import re
from html import escape

KEYWORDS = """
    kernel global local constant private const restrict inline static if else for while do return
    break continue switch case default typedef struct volatile __kernel __global __local __constant
    __attribute__ sizeof"""
TYPES = r"(?:u?(?:char|short|int|long)|float|double|half|bool|void|size_t)(?:2|3|4|8|16)?"
# JupyterLab's colours for code, and colours that can be read on light and on dark pages.
COLOURS = {
    "comment": ("comment", "#7d8590"),
    "macro": ("meta", "#b0722a"),
    "number": ("number", "#2f9159"),
    "keyword": ("keyword", "#9a5fd0"),
    "type": ("builtin", "#1d8aa5"),
    "call": ("def", "#3f80d0"),
    "string": ("string", "#c0603a"),
}
_TOKEN = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<macro>^[ \t]*#[^\n]*)"
    r'|(?P<string>"(?:\\.|[^"\\\n])*")'
    r"|(?P<number>\b(?:0[xX][\da-fA-F]+|\d+\.?\d*(?:[eE][-+]?\d+)?)[uUlLfF]*\b|\.\d+[fF]?\b)"
    rf"|(?P<keyword>\b(?:{'|'.join(KEYWORDS.split())})\b)"
    rf"|(?P<type>\b{TYPES}\b)"
    r"|(?P<call>\b[A-Za-z_]\w*(?=\s*\())",
    re.DOTALL | re.MULTILINE,
)


def highlighted(source: str) -> str:
    """The source as HTML.

    >>> highlighted("return 1;").count("span")
    4
    """
    parts, end = [], 0
    for found in _TOKEN.finditer(source):
        kind = found.lastgroup or ""
        parts.append(escape(source[end : found.start()]))
        parts.append(f'<span style="{style(kind)}">{escape(found[0])}</span>')
        end = found.end()
    return "".join([*parts, escape(source[end:])])


def style(kind: str) -> str:
    """The style of a kind of token."""
    variable, plain = COLOURS[kind]
    # A notebook that is not trusted drops the second colour, as it is a variable.
    more = ";font-style:italic" if kind == "comment" else ""
    return f"color:{plain};color:var(--jp-mirror-editor-{variable}-color,{plain}){more}"
