"""Tokens that grow by joining the most frequent pair of neighbours, beginning with bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from jairika_nb.data.tokenizers.byte_level import alphabet, byte_of, characters, pieces
from jairika_nb.data.tokenizers.learning import learned
from jairika_nb.data.tokenizers.merging import Pair, merged
from jairika_nb.data.tokenizers.tokenizer import Tokenizer, joined
from jairika_nb.errors import DataError

CACHED = 1 << 16


class BPETokenizer(Tokenizer):
    """Byte-level byte-pair encoding: any text has tokens, and its tokens give it back.

    The vocabulary begins with ``specials`` and the 256 bytes, written as GPT-2 writes them; each
    of ``merges``, pairs of earlier tokens, adds one. Text is encoded by joining pairs in the order
    of the merges. Source: Sennrich, Haddow, Birch, "Neural machine translation of rare words with
    subword units", ACL 2016.

    >>> tokenizer = BPETokenizer.train("low lower lowest", vocab_size=259)
    >>> tokenizer.vocabulary[256:]
    ('lo', 'low', 'Ġlow')
    >>> tokenizer.decode(tokenizer.encode("slow 🦊"))
    'slow 🦊'
    """

    type = "byte pairs"

    def __init__(
        self, merges: Sequence[tuple[str, str]] = (), specials: Sequence[str] = ()
    ) -> None:
        self.merges = tuple((str(a), str(b)) for a, b in merges)
        # Two merges can spell the same token, which then is one.
        grown = dict.fromkeys(a + b for a, b in self.merges)
        super().__init__([*alphabet(), *grown], specials)
        self._bytes = [self._ids[c] for c in characters()]
        self._ranks: dict[Pair, tuple[int, int]] = {}
        self._cache: dict[str, list[int]] = {}
        there = set(alphabet())
        for rank, (a, b) in enumerate(self.merges):
            if a not in there or b not in there:
                raise DataError(f"merge {rank} joins {a!r} and {b!r}, one of which is no token yet")
            self._ranks.setdefault((self._ids[a], self._ids[b]), (rank, self._ids[a + b]))
            there.add(a + b)

    @classmethod
    def train(
        cls,
        texts: str | Iterable[str],
        vocab_size: int,
        min_frequency: int = 0,
        specials: Sequence[str] = (),
    ) -> BPETokenizer:
        """Learn merges from one text or several until there are ``vocab_size`` tokens.

        Of equally frequent pairs the one with the smallest tokens is joined first. Pairs rarer
        than ``min_frequency`` are not joined. Raises DataError where there is no room for the 256
        bytes and the specials.
        """
        room = vocab_size - 256 - len(specials)
        if room < 0:
            raise DataError(
                f"vocab_size {vocab_size} has no room for 256 bytes and {len(specials)} specials"
            )
        start, counts = cls((), specials), Counter[str]()
        for text in joined(texts):
            counts.update(pieces(text))
        words = [[start._bytes[b] for b in _utf8(piece)] for piece in counts]
        return cls(
            learned(words, list(counts.values()), start.vocabulary, room, min_frequency), specials
        )

    def encode(self, text: str) -> np.ndarray:
        """The tokens of a text, int32 (N,)."""
        ids: list[int] = []
        for piece in pieces(text):
            known = self._cache.get(piece)
            ids += self._remember(piece) if known is None else known
        return np.array(ids, np.int32)

    def _remember(self, piece: str) -> list[int]:
        ids = merged([self._bytes[b] for b in _utf8(piece)], self._ranks)
        if len(self._cache) >= CACHED:
            self._cache.clear()
        self._cache[piece] = ids
        return ids

    def decode(self, ids: Any, skip_special_tokens: bool = True) -> str:
        """The text of tokens; bytes that are no text become the replacement character."""
        first, place, content = len(self.specials), byte_of(), bytearray()
        for i in self._checked(ids):
            if i >= first:
                content += bytes(place[c] for c in self.vocabulary[i])
            elif not skip_special_tokens:
                content += self.vocabulary[i].encode()
        return content.decode("utf-8", errors="replace")

    def to_json(self) -> dict[str, Any]:
        """Merges and specials; the vocabulary follows from them."""
        return {"merges": [list(pair) for pair in self.merges], "specials": list(self.specials)}

    def to_tokenizers(self) -> Any:
        """The same tokeniser as one of the ``tokenizers`` package, for its speed and its tools."""
        from jairika_nb.data.tokenizers.huggingface import package

        tokenizers = package()
        model = tokenizers.models.BPE(vocab=dict(self._ids), merges=list(self.merges))
        made = tokenizers.Tokenizer(model)
        made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = tokenizers.decoders.ByteLevel()
        return made


def _utf8(piece: str) -> bytes:
    try:
        return piece.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{piece[error.start]!r} is half of a surrogate pair, which is no text"
        ) from error
