"""OpenCL C with its keywords, types, functions and comments in the colours of the theme."""

from __future__ import annotations

import re
from html import escape

KEYWORDS = """
    kernel global local constant private const restrict inline static if else for while do return
    break continue switch case default typedef struct volatile __kernel __global __local __constant
    __attribute__ sizeof"""
TYPES = r"(?:u?(?:char|short|int|long)|float|double|half|bool|void|size_t)(?:2|3|4|8|16)?"
# JupyterLab's colours for code; the second of each is for pages without them.
COLOURS = {
    "comment": ("comment", "#6a7f6a"),
    "macro": ("meta", "#9b6a00"),
    "number": ("number", "#2e8b57"),
    "keyword": ("keyword", "#a626a4"),
    "type": ("builtin", "#1a7fa0"),
    "call": ("def", "#4078f2"),
    "string": ("string", "#b3541e"),
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
    more = ";font-style:italic" if kind == "comment" else ""
    return f"color:var(--jp-mirror-editor-{variable}-color,{plain}){more}"
