"""The magics: a line of a notebook becomes a call of a word."""

from __future__ import annotations

import re
import shlex
from typing import Any

from jairika_nb.errors import WordError
from jairika_nb.notebook.python import Python
from jairika_nb.words import WORDS, Session, help_for, run, shared_options


class Magic:
    """``%jrk`` for one shell; its session remembers the model in use.

    The session outlives the extension: reloading it does not forget the open model.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        previous = getattr(shell, "_jairika_session", None)
        self.session = previous or Session(variables=shell.user_ns, python=Python(shell))
        shell._jairika_session = self.session
        self.line, self.cell = self._line_magic(), self._cell_magic()

    def run(self, line: str) -> Any:
        """Run one word and give back its result, or None where the line ends in ``;``.

        Bare ``%jrk`` shows the model in use, or help where there is none.
        """
        tokens, as_json, keep = shared_options(tokens_of(line), self.session)
        if not tokens and self.session.address:
            tokens = ["info"]
        result = run(tokens, self.session)
        shown = result.to_json() if as_json else result
        if keep:
            self.shell.user_ns[keep] = shown
        # IPython's own `;` does not reach what a magic returns.
        return None if line.rstrip().endswith(";") else shown

    def run_cell(self, line: str, body: str) -> Any:
        """Run a word that works on the cell below it."""
        if not line.split():
            raise WordError("which word? `%%jrk WORD` stands above a cell; see `%jrk --help`")
        self.session.body = body
        try:
            return self.run(line)
        finally:
            self.session.body = None

    def _line_magic(self) -> Any:
        def jrk(line: str = "") -> Any:
            return self.run(line)

        jrk.__doc__ = f"{help_for([], self.session)}\n\n{NOTE}"
        return jrk

    def _cell_magic(self) -> Any:
        def jrk(line: str, body: str) -> Any:
            return self.run_cell(line, body)

        jrk.__doc__ = f"{help_for([], self.session)}\n\n{NOTE}"
        return jrk


NOTE = """\
Results are objects: `history = %jrk log`, or `%jrk log -o history`, keeps one.
`{name}` and `$name` on the line are replaced by the value of that variable."""


def split(line: str) -> list[str]:
    """The tokens of a line; quotes hold blanks together, and a last ``;`` is dropped.

    >>> split('commit net --message "two words";')
    ['commit', 'net', '--message', 'two words']
    """
    try:
        return shlex.split(line.strip().removesuffix(";"))
    except ValueError as problem:
        raise WordError(f"the line cannot be read: {str(problem).lower()} in {line!r}") from None


def tokens_of(line: str) -> list[str]:
    """The tokens of a line; what follows a word that takes text stays one token, as it is.

    >>> tokens_of("graph -o g (x + y) - 'a b'")
    ['graph', '-o', 'g', '--', "(x + y) - 'a b'"]
    """
    head, _, rest = line.strip().partition(" ")
    word = WORDS.get(head)
    if word is None or not word.text:
        return split(line)
    tokens, rest = [head], rest.strip().removesuffix(";").strip()
    while (option := OPTIONS.match(rest)) is not None:
        tokens += option[0].split()
        rest = rest[option.end() :].strip()
    return [*tokens, "--", rest] if rest else tokens


# What may stand between a word and its text.
OPTIONS = re.compile(r"(-o\s+\S+|--json|-h|--help)(?=\s|$)")
