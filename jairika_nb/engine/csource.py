"""Reads the signatures of functions in OpenCL C: enough to call them, not a compiler."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jairika_nb.errors import KernelError

ELEMENTS = ("int", "uint", "long", "ulong", "float", "double")
STORED = (*ELEMENTS, "char", "uchar", "short", "ushort", "half")
_SPACES = ("global", "local", "constant", "private")
_FUNCTION = re.compile(
    r"(?P<before>(?:\b\w+\b(?:\(\([^{};]*?\)\))?[\s*]+)+?)(?P<name>\w+)\s*\((?P<inside>[^(){};]*)\)\s*\{"
)


@dataclass(frozen=True)
class CParameter:
    """One parameter: its name, the type of a value or of what it points to, and how."""

    name: str
    type: str
    pointer: bool = False
    const: bool = False
    space: str = "private"


@dataclass(frozen=True)
class CFunction:
    """A function that a text defines, with the line (from 1) on which its name stands."""

    name: str
    result: str
    parameters: tuple[CParameter, ...]
    is_kernel: bool
    line: int


def functions(text: str) -> list[CFunction]:
    """The functions that a text defines, in order.

    >>> (f,) = functions("float twice(float x) { return 2 * x; }")
    >>> f.name, f.result, f.parameters[0].type
    ('twice', 'float', 'float')
    """
    bare = _without_bodies(without_comments(text))
    return [_function(found, bare) for found in _FUNCTION.finditer(bare)]


def names(text: str) -> list[str]:
    """The names that a text gives to functions and to constants outside of them."""
    bare = _without_bodies(without_comments(text))
    constants = re.findall(r"\bconstant\s+(?:const\s+)?\w+\s+(\w+)\s*[\[=]", bare)
    return [*(f.name for f in functions(text)), *constants]


def _function(found: re.Match[str], bare: str) -> CFunction:
    words = found["before"].replace("__kernel", "kernel").replace("*", " * ").split()
    line = bare.count("\n", 0, found.start("name")) + 1
    inside = found["inside"].strip()
    rows = [] if inside in ("", "void") else inside.split(",")
    parameters = tuple(_parameter(row, found["name"], line) for row in rows)
    return CFunction(found["name"], words[-1], parameters, "kernel" in words, line)


def _parameter(text: str, function: str, line: int) -> CParameter:
    words = text.replace("__", "").replace("*", " * ").split()
    space = next((w for w in words if w in _SPACES), "private")
    rest = [w for w in words if w not in (*_SPACES, "const", "restrict", "volatile")]
    if len(rest) == 3 and rest[0] == "unsigned":
        rest = [f"u{rest[1]}", rest[2]]
    pointer = "*" in rest
    rest = [w for w in rest if w != "*"]
    if len(rest) != 2 or not all(w.isidentifier() for w in rest):
        raise KernelError(
            f"kernel {function}: line {line}: the parameter {' '.join(text.split())!r} is not read "
            "here; write a type and a name, as in `global const float *x` or `const int n`"
        )
    const = "const" in words[: words.index("*")] if pointer else True
    return CParameter(rest[1], rest[0], pointer, const, space)


def renamed(text: str, names: dict[str, str]) -> str:
    """The text with identifiers replaced."""
    if not names:
        return text
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b")
    return pattern.sub(lambda found: names[found[0]], text)


def called(text: str) -> set[str]:
    """The functions of a text that it calls itself."""
    bare = without_comments(text)
    return {f.name for f in functions(text) if len(re.findall(rf"\b{f.name}\s*\(", bare)) > 1}


def without(text: str, names: list[str]) -> str:
    """The text without the functions of these names."""
    bare = without_comments(text)
    spans = []
    for found in _FUNCTION.finditer(_without_bodies(bare)):
        if found["name"] in names:
            spans.append((found.start(), _closing(bare, found.end())))
    for start, end in reversed(spans):
        text = text[:start] + text[end:]
    return text


def _closing(bare: str, at: int) -> int:
    depth = 1
    while depth and at < len(bare):
        depth += {"{": 1, "}": -1}.get(bare[at], 0)
        at += 1
    return at


def macros(text: str) -> list[str]:
    """The macros that a text defines."""
    return list(dict.fromkeys(re.findall(r"^\s*#\s*define\s+(\w+)", text, re.MULTILINE)))


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def without_comments(text: str) -> str:
    """The text with comments and macros blanked, line by line."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", _blank, text, flags=re.DOTALL)
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", _blank, text, flags=re.MULTILINE)


def _without_bodies(text: str) -> str:
    """The text with what stands between outermost braces blanked, so that only heads remain."""
    out, depth = [], 0
    for character in text:
        depth -= character == "}"
        outside = depth <= 0 or character == "\n"
        out.append(character if outside else " ")
        depth += character == "{"
    return "".join(out)
