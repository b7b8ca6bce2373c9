"""From what the user typed to a call of a word's function.

argparse reads the line; its messages become one-line ``WordError`` and nothing here exits.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NoReturn

from jairika_nb.errors import JairikaError, WordError
from jairika_nb.words.help import help_for, usage
from jairika_nb.words.results import Result
from jairika_nb.words.session import Session
from jairika_nb.words.spelling import as_options, did_you_mean
from jairika_nb.words.table import WORDS
from jairika_nb.words.word import Parameter, Word

HELP = ("-h", "--help")


def find(name: str, session: Session) -> Word:
    """The word called ``name``; raises WordError with what may have been meant."""
    if name not in WORDS:
        raise WordError(
            f"no word {name!r}{did_you_mean(name, WORDS)}; `{session.sign} --help` lists the words"
        )
    return WORDS[name]


def run(tokens: Sequence[str], session: Session) -> Result:
    """Call the word that ``tokens`` spell, and give back its result.

    Raises ``WordError`` for an unknown word or arguments it does not take, and whatever the
    word's function raises.

    >>> print(run(["switch", "-h"], Session()).usage)
    jrk switch ADDRESS VARIANT
    """
    if not tokens or tokens[0] in (*HELP, "help"):
        return help_for([find(name, session) for name in tokens[1:2]], session)
    word = find(tokens[0], session)
    if any(flag in _before_dashes(tokens) for flag in HELP):
        return help_for([word], session)
    _check_place(word, session)
    places, options = arguments(word, tokens[1:], session)
    try:
        return word.function(session, *places, **options)
    except JairikaError as error:
        names = [each.name for each in word.parameters if each.option]
        error.args = (as_options(str(error), names), *error.args[1:])
        raise


def _check_place(word: Word, session: Session) -> None:
    """Raise WordError where a word is for notebooks only, or needs or refuses a cell."""
    if word.notebook and not session.notebook:
        raise WordError(
            f"{word.name} works on the variables of a notebook, which a terminal has not; "
            f"there it is {usage(word, session)}"
        )
    if session.body is not None and not word.cell:
        raise WordError(
            f"{word.name} takes no whole cell: did you mean `%jrk {word.name}`, with one %, "
            "on a line of its own? Nothing of this cell was run"
        )
    if session.body is None and word.cell == "must":
        raise WordError(
            f"{word.name} needs a cell: write `{usage(word, session)}` on its first line, and "
            "the code below"
        )


def arguments(
    word: Word, tokens: Sequence[str], session: Session
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of the word's function: by place, and by name."""
    parsed, rest = _parser(word, session).parse_known_args(list(tokens))
    values = vars(parsed)
    takes_rest = any(p.rest for p in word.parameters)
    if rest and not takes_rest:
        _refuse(rest[0], word, session)
    if word.current:
        values[word.current.name] = _model(word, values, session)
    options = {p.name: values[p.name] for p in word.parameters if p.option}
    places = [values[p.name] for p in word.parameters if not p.option and not p.rest]
    return places + (rest if takes_rest else []), options


def shared_options(tokens: Sequence[str], session: Session) -> tuple[list[str], bool, str | None]:
    """Take ``--json`` and a notebook's ``-o NAME`` off a line: the rest, JSON wanted, NAME.

    >>> shared_options(["log", "a.jrk.h5", "--json"], Session())
    (['log', 'a.jrk.h5'], True, None)
    """
    rest = list(tokens)
    keep = None
    if session.notebook and "-o" in rest:
        place = rest.index("-o")
        keep = "".join(rest[place + 1 : place + 2])
        if not keep.isidentifier():
            raise WordError("-o needs the name of a variable, as in `%jrk log -o history`")
        del rest[place : place + 2]
    as_json = "--json" in rest
    return [token for token in rest if token != "--json"], as_json, keep


def _before_dashes(tokens: Sequence[str]) -> list[str]:
    return list(tokens[: tokens.index("--")]) if "--" in tokens else list(tokens)


class _Parser(argparse.ArgumentParser):
    def __init__(self, word: Word, session: Session) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self.word, self.session = word, session
        self.line: list[str] = []

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.line = list(args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        if "arguments are required" in message:
            message = message.replace("the following arguments are required:", "it needs")
            message += _behind_dashes(self.word, self.line)
        if message.endswith("expected one argument"):
            message += self._dashed(message.removeprefix("argument ").split(":")[0].split("/"))
        raise WordError(
            f"{self.word.name}: {message.removeprefix('argument ')}; "
            f"usage: {usage(self.word, self.session)}"
        )

    def _dashed(self, flags: list[str]) -> str:
        """How a value that begins with a dash is given to one of ``flags``."""
        for flag, value in pairwise(self.line):
            if flag in flags and value.startswith("-"):
                return f" (a value with a dash in front is written as {flags[-1]}={value})"
        return ""


def _parser(word: Word, session: Session) -> _Parser:
    parser = _Parser(word, session)
    for parameter in word.parameters:
        if parameter.argument.current and session.notebook:
            parser.add_argument("-m", "--model", default=None)
            if not word.places:
                parser.add_argument("place", nargs="?", default=None)
        elif not parameter.rest:
            _add(parser, parameter)
    return parser


def _add(parser: _Parser, parameter: Parameter) -> None:
    if not parameter.option:
        count = None if parameter.required else "?"
        parser.add_argument(
            parameter.name,
            nargs=count,
            default=None if parameter.required else parameter.default,
            type=_reader(parameter.type),
            metavar=parameter.shown,
        )
    elif parameter.type is bool:
        parser.add_argument(parameter.flag, dest=parameter.name, action="store_true")
    elif parameter.type == dict[str, float]:
        parser.add_argument(
            parameter.flag, dest=parameter.name, action=_Collect, type=_metric, default=None
        )
    else:
        parser.add_argument(
            parameter.flag,
            dest=parameter.name,
            default=parameter.default,
            type=_reader(parameter.type),
        )


class _Collect(argparse.Action):
    """Gather repeated ``--metric name=value`` into one dictionary."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        gathered = dict(getattr(namespace, self.dest) or {})
        gathered.update([values])
        setattr(namespace, self.dest, gathered)


def _metric(text: str) -> tuple[str, float]:
    name, equals, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = None
    if not name or not equals or value is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=NUMBER, as in accuracy=0.97")
    return name, value


def _reader(kind: type) -> Any:
    def read(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {_KINDS[kind]}") from None

    return read


_KINDS = {int: "a whole number", float: "a number"}


def _model(word: Word, values: dict[str, Any], session: Session) -> str:
    """The address the word works on: given on the line, or the model in use."""
    if not session.notebook:
        return values[word.current.name] if word.current else ""
    named, place = values.get("model"), values.get("place")
    if named and place and named != place:
        raise WordError(f"{word.name}: two models, {place!r} and -m {named!r}; give one")
    address = named or place or session.address
    if not address:
        raise WordError(
            f"{word.name}: no model is open in this notebook; "
            "open one with `%jrk open ADDRESS`, make one with `%jrk init ADDRESS`, "
            "or say which with -m ADDRESS"
        )
    return address


def _flags(word: Word) -> list[str]:
    return [*(p.flag for p in word.parameters if p.option), "--help"]


def _behind_dashes(word: Word, line: Sequence[str]) -> str:
    """How a name that begins with a dash is given, where ``line`` has one that is no option."""
    takes = any(not p.option for p in word.parameters)
    for token in line:
        if takes and token.startswith("-") and token.split("=")[0] not in _flags(word):
            return "" if token == "--" else f" (a name with a dash in front goes last: -- {token})"
    return ""


def _refuse(token: str, word: Word, session: Session) -> NoReturn:
    if token.startswith("-"):
        near = did_you_mean(token.split("=")[0], _flags(word)) or _behind_dashes(word, [token])
        raise WordError(f"{word.name}: no option {token}{near}; usage: {usage(word, session)}")
    raise WordError(
        f"{word.name}: {token!r} is one argument too many; usage: {usage(word, session)}"
    )
