"""What can come next on a line: words, options, files, variants, iterations, variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jairika_nb.errors import JairikaError
from jairika_nb.words.session import Session
from jairika_nb.words.table import WORDS
from jairika_nb.words.word import Parameter, Word


def complete(line: str, session: Session) -> list[str]:
    """The continuations of the last token of ``line``, which begins after ``jrk``.

    >>> complete("com", Session())
    ['commit']
    >>> complete("derive a.jrk.h5 --it", Session())
    ['--iteration']
    """
    *done, start = line.split(" ")
    done = [token for token in done if token]
    if not done:
        return [name for name in WORDS if name.startswith(start)]
    word = WORDS.get(done[0])
    if word is None:
        return []
    if word.text and not start.startswith("-"):
        return _in_expression(word, start, session)
    return [text for text in _offers(word, done[1:], start, session) if text.startswith(start)]


def _in_expression(word: Word, start: str, session: Session) -> list[str]:
    """Names of variables for the last name of an expression; the rest of it stays."""
    name = re.findall(r"\w*$", start)[0]
    before = start[: len(start) - len(name)]
    if before.endswith(".") or not word.places:
        return []
    offer = OFFERS.get(word.places[0].argument.complete)
    found = offer(name, None, [], session) if offer else []
    return [before + text for text in found if text.startswith(name)]


def _offers(word: Word, done: list[str], start: str, session: Session) -> list[str]:
    options = _options(word, session)
    if start.startswith("-"):
        return [flag for flag in options if flag not in done]
    parameter = options.get(done[-1]) if done else None
    if parameter is None:
        parameter = _place(word, done, options, session)
    if parameter is None:
        return []
    offer = OFFERS.get(parameter.argument.complete)
    return offer(start, _model(word, done, session), done, session) if offer else []


def _options(word: Word, session: Session) -> dict[str, Parameter | None]:
    """Every flag of the word, with its parameter where a value follows it."""
    rows: dict[str, Parameter | None] = {
        p.flag: None if p.type is bool else p for p in word.parameters if p.option
    }
    if word.current and session.notebook:
        rows |= {"-m": word.current, "--model": word.current}
    return rows | {"--help": None, "--json": None}


def _place(
    word: Word, done: list[str], options: Mapping[str, Any], session: Session
) -> Parameter | None:
    """The positional parameter that comes next."""
    places = [p for p in word.parameters if not p.option and not p.rest]
    if session.notebook and word.places:
        places = list(word.places)
    taken = _values(done, options)
    return places[len(taken)] if len(taken) < len(places) else None


def _values(done: list[str], options: Mapping[str, Any]) -> list[str]:
    """The tokens that fill places: neither options nor their values."""
    values, follows = [], False
    for token in done:
        if not follows and not token.startswith("-"):
            values.append(token)
        follows = options.get(token) is not None
    return values


def _model(word: Word, done: list[str], session: Session) -> str | None:
    """The model that the names on this line belong to."""
    for flag in ("-m", "--model"):
        if flag in done[:-1]:
            return done[done.index(flag) + 1]
    if session.notebook or not word.current:
        return session.address
    values = _values(done, _options(word, session))
    return values[0] if values else None


def _files(start: str, suffixes: tuple[str, ...]) -> list[str]:
    folder, _, _ = start.rpartition("/")
    shown = folder + "/" if folder or start.startswith("/") else ""
    try:
        entries = sorted(Path(shown or ".").expanduser().iterdir())
    except OSError:
        return []  # a folder that is not there has nothing to offer
    visible = [entry for entry in entries if not entry.name.startswith(".")]
    folders = [f"{shown}{entry.name}/" for entry in visible if entry.is_dir()]
    return folders + [f"{shown}{e.name}" for e in visible if e.name.endswith(suffixes)]


def _tree(model: str | None) -> list[dict[str, Any]]:
    return _whole_tree(model).get("variants", [])


def _whole_tree(model: str | None) -> dict[str, Any]:
    from jairika_nb import store

    if model is None:
        return {}
    try:
        with store.open(model) as opened:
            return opened.info()
    except JairikaError:
        return {}  # Tab on a mistyped address offers nothing; the word itself will say why


def _iterations(start: str, model: str | None, done: list[str], session: Session) -> list[str]:
    flag = next((each for each in ("--source", "--variant") if each in done[:-1]), None)
    source = done[done.index(flag) + 1] if flag else None
    rows = [v for v in _tree(model) if source in (None, v["name"])]
    return list(dict.fromkeys(i["name"] for v in rows for i in v["iterations"]))


def _refs(start: str, model: str | None, done: list[str], session: Session) -> list[str]:
    """All that names an iteration: of the variant in use, of others, variants, tags."""
    tree = _whole_tree(model)
    if not tree:
        return []
    own = [v for v in tree["variants"] if v["name"] == tree["current"]]
    names = [i["name"] for v in own for i in v["iterations"]]
    names += [v["name"] for v in tree["variants"]] + list(tree["tags"])
    if start:  # there may be thousands, and nobody begins with those of other variants
        names += [f"{v['name']}/{i['name']}" for v in tree["variants"] for i in v["iterations"]]
    return list(dict.fromkeys(names))


def _tags(start: str, model: str | None, done: list[str], session: Session) -> list[str]:
    return list(_whole_tree(model).get("tags", ()))


def _keys(start: str, model: str | None, done: list[str], session: Session) -> list[str]:
    from jairika_nb.store import trust

    try:
        return [each.name for each in trust.trusted().values()]
    except JairikaError:
        return []


def _actions(start: str, model: str | None, done: list[str], session: Session) -> list[str]:
    from jairika_nb.words.keys import ACTIONS

    return list(ACTIONS)


def _nets(start: str, model: str | None, done: list[str], session: Session) -> list[str]:
    if session.variables is None:
        return _files(start, (".npz",))
    names = [n for n, value in session.variables.items() if _holds_arrays(value)]
    return [name for name in names if not name.startswith("_")]


def _tensors(start: str, model: str | None, done: list[str], session: Session) -> list[str]:
    return _variables(
        session, lambda value: hasattr(value, "graph") and not isinstance(value, type)
    )


def _functions(start: str, model: str | None, done: list[str], session: Session) -> list[str]:
    return _variables(session, callable)


def _variables(session: Session, wanted: Callable[[Any], bool]) -> list[str]:
    rows = (session.variables or {}).items()
    return [name for name, value in rows if not name.startswith("_") and wanted(value)]


def _holds_arrays(value: Any) -> bool:
    if isinstance(value, type):
        return False
    return hasattr(value, "state_dict") or (
        isinstance(value, Mapping) and bool(value) and all(map(_array, value.values()))
    )


def _array(value: Any) -> bool:
    return hasattr(value, "__array__") or hasattr(value, "shape")


ARRAYS = (".h5", ".hdf5", ".safetensors", ".npz")
Offer = Callable[[str, str | None, list[str], Session], list[str]]
OFFERS: dict[str, Offer] = {
    "model": lambda start, model, done, session: _files(start, (".jrk.h5", ".h5")),
    "file": lambda start, model, done, session: _files(start, ARRAYS),
    "folder": lambda start, model, done, session: _files(start, ()),
    "variant": lambda start, model, done, session: [v["name"] for v in _tree(model)],
    "iteration": _iterations,
    "ref": _refs,
    "tag": _tags,
    "key": _keys,
    "action": _actions,
    "net": _nets,
    "tensor": _tensors,
    "function": _functions,
}
