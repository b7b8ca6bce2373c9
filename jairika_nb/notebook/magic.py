"""The magics: a line of a notebook becomes a call of a word."""

from __future__ import annotations

import shlex
from typing import Any

from jairika_nb.errors import WordError
from jairika_nb.words import Session, help_for, run, shared_options


class Magic:
    """``%jrk`` for one shell; its session remembers the model in use.

    The session outlives the extension: reloading it does not forget the open model.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        previous = getattr(shell, "_jairika_session", None)
        self.session = previous or Session(variables=shell.user_ns)
        shell._jairika_session = self.session
        self.line, self.cell = self._line_magic(), self._cell_magic()

    def run(self, line: str) -> Any:
        """Run one word and give back its result, or None where the line ends in ``;``.

        Bare ``%jrk`` shows the model in use, or help where there is none.
        """
        tokens, as_json, keep = shared_options(split(line), self.session)
        if not tokens and self.session.address:
            tokens = ["info"]
        result = run(tokens, self.session)
        shown = result.to_json() if as_json else result
        if keep:
            self.shell.user_ns[keep] = shown
        # IPython's own `;` does not reach what a magic returns.
        return None if line.rstrip().endswith(";") else shown

    def refuse(self, line: str, body: str) -> None:
        """No word built so far works on a cell: say so, and run nothing."""
        word = line.split()[0] if line.split() else "WORD"
        raise WordError(
            f"no word takes a whole cell: did you mean `%jrk {word}`, with one %, "
            "on a line of its own? Nothing of this cell was run"
        )

    def _line_magic(self) -> Any:
        def jrk(line: str = "") -> Any:
            return self.run(line)

        jrk.__doc__ = f"{help_for([], self.session)}\n\n{NOTE}"
        return jrk

    def _cell_magic(self) -> Any:
        def jrk(line: str, body: str) -> None:
            self.refuse(line, body)

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
