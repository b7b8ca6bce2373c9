"""What words ask for that is not typed on the line, and names given with commas."""

from __future__ import annotations

from jairika_nb.errors import WordError


def new_passphrase() -> str:
    """A passphrase, asked for twice; raises ``WordError`` where both differ or are empty."""
    from jairika_nb.store.keys import asked

    word = asked("passphrase: ")
    if not word or asked("once more: ") != word:
        raise WordError("both passphrases must be the same and not empty; nothing was made")
    return word


def listed(names: str | None) -> list[str]:
    """Names with commas between.

    >>> listed("bob, carol"), listed(None)
    (['bob', 'carol'], [])
    """
    return [name.strip() for name in (names or "").split(",") if name.strip()]
