"""What tokenisers share: a vocabulary, special tokens, and saving."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from jairika_nb.errors import DataError

LARGEST_VOCABULARY = 1 << 20
# What every tokeniser's file may hold and how much of it.
LONGEST_TOKEN = 1 << 12


class Tokenizer:
    """Base of tokenisers: ``vocabulary[i]`` is what token ``i`` stands for.

    The first tokens are ``specials``, such as "<pad>" or "<end>": no text gives them, they are put
    beside it by their :meth:`token_to_id`.
    """

    type = ""

    def __init__(self, vocabulary: Sequence[str], specials: Sequence[str] = ()) -> None:
        self.specials = tuple(specials)
        self.vocabulary = (*self.specials, *vocabulary)
        self._ids = {token: i for i, token in enumerate(self.vocabulary)}
        if len(self._ids) < len(self.vocabulary):
            twice = next(t for i, t in enumerate(self.vocabulary) if self._ids[t] != i)
            raise DataError(f"the vocabulary has {twice!r} twice; tokens and specials must differ")

    def __len__(self) -> int:
        return len(self.vocabulary)

    def token_to_id(self, token: str) -> int:
        """The number of a token; DataError where there is none."""
        if token not in self._ids:
            raise DataError(f"the vocabulary of {len(self)} tokens has no {token!r}")
        return self._ids[token]

    def encode(self, text: str) -> np.ndarray:
        """The tokens of a text, int32 (N,)."""
        raise NotImplementedError

    def decode(self, ids: Any, skip_special_tokens: bool = True) -> str:
        """The text of tokens; special ones are left out, or written as they are called."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """All that :func:`load` needs, as plain data."""
        raise NotImplementedError

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tokeniser as JSON; :func:`jairika_nb.data.tokenizers.load` reads it."""
        from jairika_nb.data.tokenizers.files import save

        save(self, path)

    def _checked(self, ids: Any) -> list[int]:
        """Tokens as a list, all of them in the vocabulary."""
        array = np.asarray(ids)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise DataError(
                f"decode got shape {array.shape} {array.dtype}: tokens are integers (N,)"
            )
        wrong = array[(array < 0) | (array >= len(self))]
        if wrong.size:
            raise DataError(f"decode got token {wrong[0]}: there are 0 to {len(self) - 1}")
        return array.tolist()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} tokens)"


def joined(texts: str | Iterable[str]) -> Iterable[str]:
    """The texts to learn from: one, or several."""
    return [texts] if isinstance(texts, str) else texts
