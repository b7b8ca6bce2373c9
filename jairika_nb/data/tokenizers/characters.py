"""One token a character."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from jairika_nb.data.tokenizers.tokenizer import Tokenizer, joined
from jairika_nb.errors import DataError


class CharTokenizer(Tokenizer):
    """One token a character, in the order of Unicode.

    A character outside the vocabulary raises DataError, naming it and its place, unless
    ``unknown`` is one of the ``specials`` that stands for it.

    >>> tokenizer = CharTokenizer.train("hello")
    >>> tokenizer.encode("hole").tolist(), tokenizer.decode([1, 0])
    ([1, 3, 2, 0], 'he')
    """

    type = "characters"

    def __init__(
        self, characters: Sequence[str], specials: Sequence[str] = (), unknown: str | None = None
    ) -> None:
        super().__init__(list(characters), specials)
        long = next((c for c in characters if len(c) != 1), None)
        if long is not None:
            raise DataError(f"{long!r} is no character")
        if unknown is not None and unknown not in self.specials:
            raise DataError(f"unknown={unknown!r} is none of the specials {self.specials}")
        self.unknown = unknown

    @classmethod
    def train(
        cls, texts: str | Iterable[str], specials: Sequence[str] = (), unknown: str | None = None
    ) -> CharTokenizer:
        """A tokeniser of the characters that occur in one text or several."""
        found = sorted(set().union(*map(set, joined(texts))))
        if not found:
            raise DataError("CharTokenizer.train got no text")
        return cls(found, specials, unknown)

    def encode(self, text: str) -> np.ndarray:
        """The token of each character, int32 (N,)."""
        otherwise = -1 if self.unknown is None else self._ids[self.unknown]
        ids = np.array([self._ids.get(c, otherwise) for c in text], np.int32)
        if (ids < 0).any():
            at = int(np.argmax(ids < 0))
            raise DataError(
                f"character {text[at]!r} at {at} is not in the vocabulary of {len(self)}; train on "
                "it, or name a special token by unknown="
            )
        return ids

    def decode(self, ids: Any, skip_special_tokens: bool = True) -> str:
        """The characters of tokens."""
        first = len(self.specials) if skip_special_tokens else 0
        return "".join(self.vocabulary[i] for i in self._checked(ids) if i >= first)

    def to_json(self) -> dict[str, Any]:
        """Characters, specials and what stands for others."""
        characters = list(self.vocabulary[len(self.specials) :])
        return {"characters": characters, "specials": list(self.specials), "unknown": self.unknown}
