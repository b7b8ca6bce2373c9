"""How far a long word is, told in a line now and then."""

from __future__ import annotations

from collections.abc import Callable

from jairika_nb.words.session import Session

LARGE = 64 << 20  # bytes: less is done before anybody wonders


def told(session: Session, verb: str) -> Callable[[int, int], None]:
    """A function of bytes done and bytes in all that says each tenth of a long way."""
    tenths = [0]

    def tell(done: int, total: int) -> None:
        tenth = 10 * done // max(total, 1)
        if total >= LARGE and tenth > tenths[0]:
            tenths[0] = tenth
            session.say(f"{verb}: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB")

    return tell
