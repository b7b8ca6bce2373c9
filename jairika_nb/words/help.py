"""Help, written from the table of words: the list of words, and one word in detail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from jairika_nb.store.show import aligned
from jairika_nb.words import page
from jairika_nb.words.session import Session
from jairika_nb.words.table import WORDS
from jairika_nb.words.word import Parameter, Word


@dataclass(frozen=True, repr=False)
class Help:
    """Help on one word or on all: usage, what it does, sections of rows."""

    usage: str
    summary: str
    sections: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    example: str = ""
    ok: bool = True

    def __str__(self) -> str:
        lines = [f"usage: {self.usage}", "", self.summary]
        for title, rows in self.sections:
            lines += ["", f"{title}:", *(f"  {line}" for line in aligned(("", ""), rows)[1:])]
        if self.example:
            lines += ["", f"example: {self.example}"]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = [page.paragraph("usage: ", page.code(self.usage)), page.paragraph(self.summary)]
        for title, rows in self.sections:
            cells = tuple((page.code(name), text) for name, text in rows)
            parts.append(page.table("", (title, ""), cells))
        if self.example:
            parts.append(page.paragraph("example: ", page.code(self.example)))
        return page.block(*parts)

    def to_json(self) -> dict[str, Any]:
        return {
            "usage": self.usage,
            "summary": self.summary,
            "sections": {title: dict(rows) for title, rows in self.sections},
            "example": self.example,
        }


def help_for(words: Sequence[Word], session: Session) -> Help:
    """Help on the one word given, or on all of them where none is."""
    return _word_help(words[0], session) if words else _list(session)


def usage(word: Word, session: Session) -> str:
    """The shape of a line: ``jrk derive ADDRESS NAME [--source VARIANT]``."""
    parts = [sign(word, session), word.name]
    for parameter in word.parameters:
        if parameter.argument.current and session.notebook:
            parts.append("[-m ADDRESS]" if word.places else "[ADDRESS]")
        elif parameter.rest:
            parts.append(f"[{parameter.shown} ...]")
        else:
            parts.append(_part(parameter))
    # Places first and options after them, whatever the order in the signature.
    return " ".join(sorted(parts, key=lambda part: part.startswith("[-")))


def sign(word: Word, session: Session) -> str:
    """What stands before a word: ``jrk``, ``%jrk``, or ``%%jrk`` above a cell."""
    if word.cell == "must":
        return "%%jrk"
    return "%jrk" if word.notebook else session.sign


def _part(parameter: Parameter) -> str:
    if not parameter.option:
        return parameter.shown if parameter.required else f"[{parameter.shown}]"
    value = "" if parameter.type is bool else f" {parameter.shown}"
    return f"[{parameter.flag}{value}]"


def _word_help(word: Word, session: Session) -> Help:
    places = [(p.shown, p.argument.help) for p in word.parameters if not p.option]
    options = [(_part(p)[1:-1], p.argument.help) for p in word.parameters if p.option]
    if word.current and session.notebook:
        places = [row for row in places if row[0] != word.current.shown]
        options.append(("-m, --model ADDRESS", "the model; default: the one open here"))
    options += _everywhere(session)
    sections = [("arguments", tuple(places))] if places else []
    return Help(
        usage=usage(word, session),
        summary=word.help,
        sections=(*sections, ("options", tuple(options))),
        example=f"{sign(word, session)} {_example(word, session)}",
    )


def _everywhere(session: Session) -> list[tuple[str, str]]:
    rows = [("--json", "the result as JSON"), ("-h, --help", "this help")]
    stored = ("-o NAME", "keep the result in the variable NAME")
    return [stored, *rows] if session.notebook else rows


def _example(word: Word, session: Session) -> str:
    # A notebook has the model open and the network in a variable; a shell has files.
    model, net = ("", "net") if session.notebook else ("digits.jrk.h5", "arrays.npz")
    return " ".join(word.example.format(model=model, net=net).split())


# What the environment of a process can say.
SETTINGS = (
    ("JRK_DEVICE", "the device of new tensors: opencl:0, cpu, gpu or reference"),
    ("JRK_TOKEN", "the token of the Jupyter server that jrk+http:// addresses name"),
    ("JRK_DEBUG", "graph,plan,code,launch,memory: what the engine does, on standard error"),
)


def _list(session: Session) -> Help:
    groups = groupby(WORDS.values(), key=lambda word: word.group)
    return Help(
        usage=f"{session.sign} WORD [arguments]",
        summary="Deep learning on OpenCL, with models versioned like Git in one HDF5 file.",
        sections=(
            *((group, tuple((w.name, w.help) for w in words)) for group, words in groups),
            ("environment variables", SETTINGS),
        ),
        example=f"{session.sign} commit --help",
    )
