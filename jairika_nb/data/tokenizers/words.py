"""One token a word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from jairika_nb.data.tokenizers.tokenizer import Tokenizer, joined
from jairika_nb.errors import DataError

# Only these names are written to files: an expression from a file could run for ever.
PATTERNS = {"words": r"\w+|[^\w\s]", "spaces": r"\S+"}


class WordTokenizer(Tokenizer):
    """One token a word; words that are not in the vocabulary all become ``unknown``.

    ``pattern`` finds the words: "words" takes runs of letters and digits, and other signs one by
    one; "spaces" takes what is between blanks; anything else is a regular expression of yours.
    ``lowercase`` makes no difference between cases. Decoding puts a blank between words.

    >>> tokenizer = WordTokenizer.train("the cat, the dog and the mouse", vocab_size=3)
    >>> tokenizer.vocabulary
    ('<unk>', 'the', ',')
    >>> tokenizer.decode(tokenizer.encode("the horse"), skip_special_tokens=False)
    'the <unk>'
    """

    type = "words"

    def __init__(
        self,
        words: Sequence[str],
        specials: Sequence[str] = ("<unk>",),
        unknown: str = "<unk>",
        pattern: str = "words",
        lowercase: bool = False,
    ) -> None:
        super().__init__(list(words), specials)
        if unknown not in self.specials:
            raise DataError(f"unknown={unknown!r} is none of the specials {self.specials}")
        self.unknown, self.pattern, self.lowercase = unknown, pattern, bool(lowercase)
        try:
            self._find = re.compile(PATTERNS.get(pattern, pattern)).findall
        except re.error as error:
            raise DataError(f"pattern={pattern!r} is no regular expression ({error})") from error

    @classmethod
    def train(
        cls,
        texts: str | Iterable[str],
        vocab_size: int | None = None,
        min_frequency: int = 1,
        specials: Sequence[str] = ("<unk>",),
        unknown: str = "<unk>",
        pattern: str = "words",
        lowercase: bool = False,
    ) -> WordTokenizer:
        """A tokeniser of the most frequent words, equal ones in the order of Unicode.

        ``vocab_size`` counts the specials too; words rarer than ``min_frequency`` are left out.
        """
        empty = cls([], specials, unknown, pattern, lowercase)
        counts: Counter[str] = Counter()
        for text in joined(texts):
            counts.update(empty.words(text))
        ranked = sorted((w for w, n in counts.items() if n >= min_frequency),
                        key=lambda w: (-counts[w], w))  # fmt: skip
        room = None if vocab_size is None else vocab_size - len(specials)
        kept = [w for w in ranked if w not in empty.specials][
            : room if room is None else max(room, 0)
        ]
        if not kept:
            raise DataError(
                f"WordTokenizer.train has no word to keep: {len(counts)} words, min_frequency "
                f"{min_frequency}, vocab_size {vocab_size} with {len(specials)} specials"
            )
        return cls(kept, specials, unknown, pattern, lowercase)

    def words(self, text: str) -> list[str]:
        """The words of a text, before they become tokens."""
        return self._find(text.lower() if self.lowercase else text)

    def encode(self, text: str) -> np.ndarray:
        """The token of each word, int32 (N,)."""
        first, otherwise = len(self.specials), self._ids[self.unknown]
        found = (self._ids.get(word, otherwise) for word in self.words(text))
        # A word that is spelled like a special token is a word like any other.
        return np.array([i if i >= first else otherwise for i in found], np.int32)

    def decode(self, ids: Any, skip_special_tokens: bool = True) -> str:
        """The words of tokens with blanks between."""
        first = len(self.specials) if skip_special_tokens else 0
        return " ".join(self.vocabulary[i] for i in self._checked(ids) if i >= first)

    def to_json(self) -> dict[str, Any]:
        """Words, specials and how words are found."""
        return {
            "words": list(self.vocabulary[len(self.specials) :]),
            "specials": list(self.specials),
            "unknown": self.unknown,
            "pattern": self.pattern,
            "lowercase": self.lowercase,
        }
